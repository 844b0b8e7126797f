"""Metrics of the ModelDeployments: published while they exist, gone with them.

Their labels are names of objects, and words of which there are few: at most some dozens of series
for a ModelDeployment, and never one that outlives it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from lockstep_operator.api.gates import Analysis, GateStatus
from lockstep_operator.core.plan import Manifest, Observed, Plan
from lockstep_operator.core.times import parse_time
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.rollbacks import Rollbacks

_OWN = ("namespace", "model_deployment")
_ROLES = ("stable", "candidate")
_VERDICTS = ("pass", "fail", "inconclusive")
_NUMBERS = {
    "value": "What the gate found of the candidate, in its own unit",
    "stable_value": "The same of the stable revision",
    "limit": "The bound that the gate's value is held against",
    "evidence": "Share of the evidence of harm that makes the gate fail: fails at 1",
    "samples": "Requests of the candidate that the gate has seen at this step",
}


class RolloutMetrics:
    """What an engineer on call wants to see of every ModelDeployment."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._families: list[Gauge | Counter] = []
        self._registry = registry
        self._weight = self._gauge(
            "lockstep_traffic_weight_percent", "Live weight of a revision, by its role", "role"
        )
        self._condition = self._gauge("lockstep_condition", "1 when the condition is True", "type")
        self._reason = self._gauge(
            "lockstep_not_ready_reason", "1 with the reason why Ready is not True", "reason"
        )
        self._phase = self._gauge(
            "lockstep_rollout_phase", "1 with the phase that the rollout is in", "phase"
        )
        self._step = self._gauge("lockstep_rollout_step", "Step of the rollout, 0 before the first")
        self._steps = self._gauge("lockstep_rollout_steps", "Steps that the rollout has")
        self._hold = self._gauge(
            "lockstep_rollout_hold_seconds_left", "Seconds that the step is held at least"
        )
        self._verdict = self._gauge(
            "lockstep_gate_verdict", "1 with the verdict of the gate", "gate", "verdict"
        )
        self._numbers = {
            field: self._gauge(f"lockstep_gate_{field}", text, "gate")
            for field, text in _NUMBERS.items()
        }
        self._quarantined = self._gauge(
            "lockstep_quarantined_revisions", "Revisions that must not get traffic"
        )
        self._rejected = self._gauge(
            "lockstep_router_rejected", "1 when a router pod refuses its configuration"
        )
        self._rollbacks = Rollbacks(registry)

    def report(self, key: Key, observed: Observed, plan: Plan) -> None:
        """Publish what one pass saw."""
        status = plan.status
        self._rollbacks.see(key, observed)
        self._quarantined.labels(*key).set(
            sum(bool(one["spec"].get("quarantine")) for one in observed.revisions)
        )
        self._rejected.labels(*key).set(observed.route.rejected is not None)
        self._report_traffic(key, status)
        self._report_conditions(key, status)
        self._report_rollout(key, status.get("rollout"), observed.now)
        self._report_gates(key, observed.analysis)

    def forget(self, key: Key) -> None:
        """Stop publishing a ModelDeployment that is gone."""
        for family in self._families:
            _clear(family, key)
        self._rollbacks.forget(key)

    def _report_traffic(self, key: Key, status: Manifest) -> None:
        weights = {entry["revision"]: entry["weight"] for entry in status.get("traffic") or []}
        for role in _ROLES:
            self._weight.labels(*key, role).set(weights.get(status.get(f"{role}Revision"), 0))

    def _report_conditions(self, key: Key, status: Manifest) -> None:
        _clear(self._condition, key)
        _clear(self._reason, key)
        for condition in status.get("conditions") or []:
            holds = condition["status"] == "True"
            self._condition.labels(*key, condition["type"]).set(holds)
            if condition["type"] == "Ready" and not holds:
                self._reason.labels(*key, condition.get("reason", "Unknown")).set(1)

    def _report_rollout(self, key: Key, rollout: Manifest | None, now: datetime) -> None:
        for family in (self._phase, self._step, self._steps, self._hold):
            _clear(family, key)
        if rollout is None:
            return
        if rollout.get("phase"):
            self._phase.labels(*key, rollout["phase"]).set(1)
        self._step.labels(*key).set(rollout.get("step", 0))
        self._steps.labels(*key).set(rollout.get("steps", 0))
        until = rollout.get("holdUntil")
        left = (parse_time(until) - now).total_seconds() if until else 0.0
        self._hold.labels(*key).set(max(0.0, left))

    def _report_gates(self, key: Key, analysis: Analysis | None) -> None:
        for family in (self._verdict, *self._numbers.values()):
            _clear(family, key)
        for gate in analysis.gates if analysis else []:
            for verdict in _VERDICTS:
                self._verdict.labels(*key, gate.name, verdict).set(gate.verdict == verdict)
            for field, number in _numbers(gate):
                self._numbers[field].labels(*key, gate.name).set(number)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        gauge = Gauge(name, text, [*_OWN, *labels], registry=self._registry)
        self._families.append(gauge)
        return gauge


def _clear(family: Any, key: Key) -> None:
    family.remove_by_labels(dict(zip(_OWN, key, strict=True)))


def _numbers(gate: GateStatus) -> Iterator[tuple[str, float]]:
    for field in _NUMBERS:
        number = getattr(gate, field)
        if number is not None:
            yield field, number
