"""What people ordered that is still in force, as data for `lockstep status`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from lockstep_cli.moment import parse_time
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation

Manifest = dict[str, Any]

_EVER: Final = datetime.min.replace(tzinfo=UTC)
_NOBODY_KNOWS: Final = datetime.max.replace(tzinfo=UTC)


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
    """Return the orders in force: the manifest's pause, the candidate's, restores, a quarantine.

    Of the quarantines the one that matters now; `lockstep history` has all.
    """
    return (*_of_candidate(situation), *_restores(situation), *_quarantine(situation))


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


def _restores(situation: Situation) -> Iterator[Standing]:
    for revision in situation.revisions:
        if revision.restore is not None:
            yield _standing("restore", revision, revision.restore)


def _quarantine(situation: Situation) -> Iterator[Standing]:
    """What the manifest asks for, else the newest since a revision last became stable."""
    marked = [item for item in situation.revisions if item.quarantine is not None]
    asked = [item for item in marked if situation.asks_for(item)]
    for item in (asked or _since_promotion(situation, marked))[-1:]:
        yield _standing("quarantine", item, item.quarantine or {})


def _since_promotion(situation: Situation, marked: list[Revision]) -> list[Revision]:
    """Return those marked since then, the newest last; those that it took over from count too.

    A mark without a time was written by hand: it may be new.
    """
    every = (item for revision in situation.revisions for item in revision.promotions)
    last = max(every, key=lambda item: int(item["number"]), default={})
    since, left = parse_time(last.get("time")) or _EVER, last.get("rollbackOf") or []
    new = [item for item in marked if item.name in left or _marked_at(item) > since]
    return sorted(new, key=_marked_at)


def _marked_at(revision: Revision) -> datetime:
    return parse_time((revision.quarantine or {}).get("time")) or _NOBODY_KNOWS


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
