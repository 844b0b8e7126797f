"""A ModelRevision as the CLI reads it, and which one is stable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lockstep_cli.errors import Refused

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """What serves, or served. `promotion`: the highest number that was not revoked, 0 for never."""

    name: str
    resource_version: str
    role: str
    weight: float
    replicas: int
    ready: int
    model_uri: str
    digest: str | None
    promotion: int
    promoted_at: str | None
    quarantine: Manifest | None
    message: str

    @property
    def warmth(self) -> Literal["warm", "cold"]:
        """Whether it could answer a request right now."""
        return "warm" if self.ready else "cold"

    @property
    def reason(self) -> str | None:
        """Why it is quarantined, None when it is not."""
        return None if self.quarantine is None else str(self.quarantine["reason"])


def parse_revision(manifest: Manifest) -> Revision:
    """Read a ModelRevision; one the operator has not yet reported on has zeros."""
    spec, status = manifest["spec"], manifest.get("status") or {}
    promotions = spec.get("promotions") or []
    last = max(promotions, key=lambda promotion: int(promotion["number"]), default=None)
    return Revision(
        name=manifest["metadata"]["name"],
        resource_version=manifest["metadata"]["resourceVersion"],
        role=status.get("role") or "pending",
        weight=float(status.get("weight") or 0),
        replicas=int(status.get("replicas") or 0),
        ready=int(status.get("readyReplicas") or 0),
        model_uri=spec["content"]["model"]["uri"],
        digest=(spec.get("observed") or {}).get("digest"),
        promotion=max((int(p["number"]) for p in promotions if not p.get("revoked")), default=0),
        promoted_at=last["time"] if last else None,
        quarantine=spec.get("quarantine"),
        message=status.get("message") or "",
    )


def promoted(revisions: Sequence[Revision]) -> list[Revision]:
    """Return the revisions that traffic may go to because they were stable once, newest first.

    The first is stable: the highest promotion that was not revoked, and no quarantine.
    """
    able = [item for item in revisions if item.promotion and item.quarantine is None]
    return sorted(able, key=lambda item: item.promotion, reverse=True)


def named(revisions: Sequence[Revision], name: str) -> Revision:
    """Return the revision of that name.

    Raises:
        Refused: it is not there.
    """
    for item in revisions:
        if item.name == name:
            return item
    raise Refused(f"revision {name} is gone")
