"""What a bare `lockstep status` lists: one line per ModelDeployment, as data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One ModelDeployment. `weight`: the candidate's, in percent; `reason`: of Ready."""

    name: str
    available: str
    ready: str
    reason: str
    stable: str | None
    candidate: str | None
    step: int | None
    steps: int | None
    weight: float | None
    phase: str | None

    def machine(self) -> Manifest:
        """Return the form for `-o json` and `-o yaml`."""
        return asdict(self)


def read_overview(deployments: Sequence[Manifest]) -> list[Line]:
    """Return the lines, by name."""
    return sorted((_line(item) for item in deployments), key=lambda line: line.name)


def _line(deployment: Manifest) -> Line:
    status = deployment.get("status") or {}
    conditions = {item["type"]: item for item in status.get("conditions") or []}
    ready, rollout = conditions.get("Ready", {}), status.get("rollout") or {}
    judged = bool(status.get("candidateRevision"))
    return Line(
        name=deployment["metadata"]["name"],
        available=conditions.get("Available", {}).get("status", "Unknown"),
        ready=ready.get("status", "Unknown"),
        reason=ready.get("reason") or "",
        stable=status.get("stableRevision"),
        candidate=status.get("candidateRevision"),
        step=int(rollout.get("step") or 0) if judged else None,
        steps=int(rollout.get("steps") or 0) if judged else None,
        weight=float(rollout.get("weight") or 0) if judged else None,
        phase=rollout.get("phase"),
    )
