"""The gates of a rollout as `lockstep status` shows them, as data."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lockstep_cli.moment import parse_time
from lockstep_cli.situation import Situation

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate and what it found.

    `verdict` None: it has not looked yet. `evidence`: share of the evidence of harm that makes it
    fail, 1 and more fails. `value`, `stable_value` and `limit` in the metric's own unit.
    """

    name: str
    metric: str
    verdict: str | None
    value: float | None
    stable_value: float | None
    limit: float | None
    samples: int
    stable_samples: int
    evidence: float | None
    message: str

    def machine(self) -> Manifest:
        """Return the form for `-o json` and `-o yaml`."""
        return {
            "name": self.name,
            "metric": self.metric,
            "verdict": self.verdict,
            "value": self.value,
            "stableValue": self.stable_value,
            "limit": self.limit,
            "samples": self.samples,
            "stableSamples": self.stable_samples,
            "evidence": self.evidence,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Look:
    """What the gates found at one step, which may be the one before the rollout's own.

    `age`: seconds since the numbers were gathered, which are written less often than they change;
    None as `step`: no look was reported.
    """

    step: int | None
    age: float | None
    gates: tuple[Gate, ...]

    @property
    def undecided(self) -> tuple[str, ...]:
        """The gates that have not passed."""
        return tuple(gate.name for gate in self.gates if gate.verdict != "pass")

    def machine(self) -> Manifest | None:
        """Return the form for `-o json` and `-o yaml`; the gates have one of their own."""
        if self.step is None:
            return None
        return {"step": self.step, "ageSeconds": None if self.age is None else round(self.age)}


def read_gates(situation: Situation, now: datetime) -> Look:
    """Return what the gates of the candidate found; those of the manifest that have not looked too.

    None without a candidate: what they found of a revision before is in its history.
    """
    candidate = situation.candidate
    if candidate is None:
        return Look(None, None, ())
    analysis = candidate.analysis or {}
    found = {gate["name"]: gate for gate in analysis.get("gates") or []}
    wanted = (situation.spec.get("rollout") or {}).get("gates") or []
    asked = {gate.get("name") or gate["metric"]: gate for gate in wanted}
    return Look(
        step=analysis.get("step"),
        age=_age(found.values(), now),
        gates=tuple(_gate(name, found.get(name, asked.get(name, {}))) for name in asked | found),
    )


def _age(gates: Iterable[Manifest], now: datetime) -> float | None:
    """Return the age of the oldest number; the operator's clock may be ahead of ours."""
    looks = [parse_time(gate.get("evaluatedAt")) for gate in gates]
    return max((max(0.0, (now - one).total_seconds()) for one in looks if one), default=None)


def _gate(name: str, gate: Manifest) -> Gate:
    looked = "verdict" in gate
    return Gate(
        name=name,
        metric=gate["metric"],
        verdict=gate.get("verdict"),
        value=gate.get("value"),
        stable_value=gate.get("stableValue"),
        limit=gate.get("limit"),
        samples=int(gate.get("samples") or 0),
        stable_samples=int(gate.get("stableSamples") or 0),
        evidence=gate.get("evidence"),
        message=gate.get("message") or ("" if looked else "has not looked yet"),
    )
