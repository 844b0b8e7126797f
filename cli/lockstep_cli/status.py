"""What `lockstep status` says about a ModelDeployment, as data: rows from objects, no I/O."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from lockstep_cli.gates import Look, read_gates
from lockstep_cli.lease import Operator
from lockstep_cli.moment import parse_time
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation
from lockstep_cli.standing_orders import Standing, read_orders

Manifest = dict[str, Any]

_ORDER = ("stable", "candidate", "pending", "warm", "quarantined", "cold")


@dataclass(frozen=True, slots=True)
class Share:
    """One revision and its part of the traffic, in percent as the router was seen to have it."""

    revision: str
    role: str
    warmth: str
    weight: float
    ready: int
    replicas: int
    model: str
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    """Where the rollout stands. `hold_left` in seconds; None: not holding.

    `candidate` None: no rollout of one, but a restore, is under way.
    """

    candidate: str | None
    phase: str | None
    step: int
    steps: int
    weight: float
    hold_left: float | None
    message: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the ModelDeployment; `age` in seconds since it last changed."""

    type: str
    status: str
    reason: str
    message: str
    age: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that `lockstep status` shows."""

    namespace: str
    name: str
    url: str | None
    paused: bool
    current: bool
    revisions: tuple[Share, ...]
    rollout: Step | None
    look: Look
    orders: tuple[Standing, ...]
    conditions: tuple[Condition, ...]
    operator: Operator

    def machine(self) -> Manifest:
        """Return the form for `-o json` and `-o yaml`: camelCase names that do not change."""
        return {
            "name": self.name,
            "namespace": self.namespace,
            "url": self.url,
            "paused": self.paused,
            "observedCurrentGeneration": self.current,
            "revisions": [asdict(share) for share in self.revisions],
            "rollout": None if self.rollout is None else _camel_step(self.rollout),
            "gates": [gate.machine() for gate in self.look.gates],
            "analysis": self.look.machine(),
            "orders": [order.machine() for order in self.orders],
            "conditions": [_camel_condition(condition) for condition in self.conditions],
            "operator": asdict(self.operator),
        }


def read_status(situation: Situation, operator: Operator, now: datetime) -> Status:
    """Put together what the ModelDeployment and its revisions report."""
    deployment, status = situation.deployment or {}, situation.status
    shares = {share["revision"]: share for share in status.get("traffic") or []}
    return Status(
        namespace=situation.namespace,
        name=situation.name,
        url=(status.get("address") or {}).get("url"),
        paused=situation.held_by_manifest,
        current=status.get("observedGeneration") == deployment["metadata"].get("generation"),
        revisions=tuple(_share(item, shares) for item in sorted(situation.revisions, key=_rank)),
        rollout=_step(situation, now),
        look=read_gates(situation, now),
        orders=read_orders(situation),
        conditions=tuple(_condition(item, now) for item in status.get("conditions") or []),
        operator=operator,
    )


def _rank(revision: Revision) -> tuple[int, int, str]:
    place = _ORDER.index(revision.role) if revision.role in _ORDER else len(_ORDER)
    return (place, -revision.promotion, revision.name)


def _share(revision: Revision, shares: dict[str, Manifest]) -> Share:
    """The router's view, as the ModelDeployment reports it, wins over the revision's own status."""
    share = shares.get(revision.name, {})
    return Share(
        revision=revision.name,
        role=revision.role,
        warmth=revision.warmth,
        weight=float(share.get("weight", 0.0 if shares else revision.weight)),
        ready=int(share.get("ready", revision.ready)),
        replicas=revision.replicas,
        model=revision.model_uri,
        message=revision.reason or revision.message,
    )


def _step(situation: Situation, now: datetime) -> Step | None:
    rollout, candidate = situation.status.get("rollout"), situation.candidate
    if not rollout or (candidate is None and situation.restoring is None):
        return None
    until = parse_time(rollout.get("holdUntil"))
    return Step(
        candidate=candidate.name if candidate else None,
        phase=situation.phase,
        step=situation.step,
        steps=situation.steps,
        weight=float(rollout.get("weight") or 0),
        hold_left=None if until is None else max(0.0, (until - now).total_seconds()),
        message=situation.message,
    )


def _condition(condition: Manifest, now: datetime) -> Condition:
    changed = parse_time(condition.get("lastTransitionTime"))
    return Condition(
        type=condition["type"],
        status=condition["status"],
        reason=condition.get("reason") or "",
        message=condition.get("message") or "",
        age=None if changed is None else max(0.0, (now - changed).total_seconds()),
    )


def _camel_step(step: Step) -> Manifest:
    return {
        "candidate": step.candidate,
        "phase": step.phase,
        "step": step.step,
        "steps": step.steps,
        "weight": step.weight,
        "holdLeftSeconds": None if step.hold_left is None else round(step.hold_left, 1),
        "message": step.message,
    }


def _camel_condition(condition: Condition) -> Manifest:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "ageSeconds": None if condition.age is None else round(condition.age),
    }
