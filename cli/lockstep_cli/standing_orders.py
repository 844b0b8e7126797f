"""What people ordered that is still in force, as data for `lockstep status`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """One order in force: `kind` is paused, aborted, promote, approval, restore or quarantine.

    `step`: of an approval. `quarantine`: what a restore takes back once it has taken over.
    """

    kind: str
    revision: str
    by: str | None
    reason: str
    time: str | None
    step: int | None = None
    quarantine: tuple[str, ...] = ()

    def machine(self) -> Manifest:
        """Return the form for `-o json` and `-o yaml`."""
        return {
            "kind": self.kind,
            "revision": self.revision,
            "by": self.by,
            "reason": self.reason,
            "time": self.time,
            "step": self.step,
            "quarantine": list(self.quarantine),
        }


def read_orders(situation: Situation) -> tuple[Standing, ...]:
    """Return the orders in force: the manifest's pause, the candidate's, restores, quarantines."""
    return (*_of_candidate(situation), *_of_revisions(situation))


def _of_candidate(situation: Situation) -> Iterator[Standing]:
    candidate = situation.candidate
    if candidate is None:
        return
    if situation.held_by_manifest:
        yield _standing("paused", candidate, {"by": "spec.paused of the manifest"})
    for kind in ("paused", "aborted", "promote"):
        if mark := candidate.orders.get(kind):
            yield _standing(kind, candidate, mark)
    for approval in candidate.orders.get("approvals") or []:
        yield _standing("approval", candidate, approval)


def _of_revisions(situation: Situation) -> Iterator[Standing]:
    for revision in situation.revisions:
        if revision.restore is not None:
            yield _standing("restore", revision, revision.restore)
        if revision.quarantine is not None:
            yield _standing("quarantine", revision, revision.quarantine)


def _standing(kind: str, revision: Revision, mark: Manifest) -> Standing:
    return Standing(
        kind=kind,
        revision=revision.name,
        by=mark.get("by"),
        reason=mark.get("reason") or "",
        time=mark.get("time"),
        step=mark.get("step"),
        quarantine=tuple(mark.get("quarantine") or ()),
    )
