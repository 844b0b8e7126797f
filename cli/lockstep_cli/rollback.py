"""What a rollback would do, decided from what the cluster holds; no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lockstep_cli.errors import Refused
from lockstep_cli.revision import Revision, promoted

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rollback:
    """`target` is quarantined and loses its traffic, `fallback` gets it."""

    deployment: str
    target: Revision
    fallback: Revision
    candidate: bool

    @property
    def question(self) -> str:
        """What the user is asked before anything is written."""
        role = "candidate" if self.candidate else "stable revision"
        return (
            f"Quarantine {self.target.name}, the {role} of {self.deployment}, and send all traffic "
            f"to {self.fallback.name} ({self.fallback.warmth}, {self.fallback.ready} ready)?"
        )


def plan_rollback(
    deployment: Manifest, revisions: Sequence[Revision], allow_downtime: bool = False
) -> Rollback:
    """Decide what a rollback takes back: the candidate of a rollout, else the stable revision.

    Raises:
        Refused: there is nothing to go back to, or it is cold and `allow_downtime` is not set.
    """
    name = deployment["metadata"]["name"]
    able = promoted(revisions)
    candidate = _candidate(deployment, revisions, able)
    if candidate is not None:
        target, rest = candidate, able
    elif able:
        target, rest = able[0], able[1:]
    else:
        raise Refused(f"{name} has no stable revision and no rollout: nothing to roll back")
    if not rest:
        raise Refused(
            f"{target.name} is the only revision of {name} that may get traffic: there is no "
            "earlier promoted one without quarantine to go back to"
        )
    if rest[0].warmth == "cold" and not allow_downtime:
        raise Refused(
            f"{rest[0].name} is cold (no ready pod): {name} would not answer until it has loaded; "
            "--allow-downtime rolls back anyway"
        )
    return Rollback(name, target, rest[0], candidate is not None)


def _candidate(
    deployment: Manifest, revisions: Sequence[Revision], able: Sequence[Revision]
) -> Revision | None:
    """Return the revision being judged; the status may be older than promotions or quarantines."""
    name = (deployment.get("status") or {}).get("candidateRevision")
    stable = able[0].name if able else None
    for item in revisions:
        if item.name == name and item.quarantine is None and name != stable:
            return item
    return None


def weight_of(deployment: Manifest, revision: str) -> float | None:
    """Return the percent that the router was seen to give a revision; None: nothing is reported."""
    shares = (deployment.get("status") or {}).get("traffic") or []
    if not shares:
        return None
    return float(sum(share["weight"] for share in shares if share["revision"] == revision))


def still_asked_for(deployment: Manifest, target: Manifest) -> bool:
    """Tell whether the manifest asks for the same model as the revision that was taken back."""
    wanted, had = deployment["spec"]["model"], target["spec"]["content"]["model"]
    return all(wanted.get(field) == had.get(field) for field in ("uri", "sha256"))


def release_command(namespace: str, revision: str) -> str:
    """Return the command that lifts the quarantine."""
    patch = '{"spec":{"quarantine":null}}'
    return f"kubectl -n {namespace} patch mrev {revision} --type merge -p '{patch}'"
