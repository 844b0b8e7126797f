"""Writes to ModelRevisions: adoption, digests, promotions, quarantines, orders carried out."""

from collections.abc import Iterable
from typing import Any

from lockstep_operator.api.base import ApiType
from lockstep_operator.api.group import ORPHANED_ANNOTATION
from lockstep_operator.api.modelrevision import RESTORE_MARKS, Order, Promotion, Restore
from lockstep_operator.core.decision import Decision
from lockstep_operator.core.digests import reported
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.plan import Manifest, RevisionPatch
from lockstep_operator.core.revisions import PROMOTIONS_KEPT, Revision, next_number
from lockstep_operator.core.times import format_time
from lockstep_operator.core.walk import OVERDUE, recorded_phase

# Who a quarantine or an abort is by when no person asked for it.
OPERATOR = "lockstep-operator"


def patches(
    facts: Facts, pods: Iterable[Manifest], decision: Decision, settled: bool
) -> tuple[RevisionPatch, ...]:
    """Return one merge patch per revision that has something to record.

    `settled`: the manifest could be read, so what is not the candidate is so on purpose.
    """
    pods = list(pods)
    found = []
    for revision in facts.revisions:
        spec = (
            _observed(revision, pods)
            | _promotions(facts, revision, decision)
            | _orders(facts, revision, decision, settled)
            | _quarantine(facts, revision, decision)
            | _restored(facts, revision, decision)
        )
        metadata = _adoption(revision)
        body: dict[str, Any] = {"spec": spec} if spec else {}
        if metadata:
            body["metadata"] = metadata
        if body:
            version = revision.manifest["metadata"]["resourceVersion"]
            found.append(RevisionPatch(revision.name, version, body))
    return tuple(found)


def _orders(facts: Facts, revision: Revision, decision: Decision, settled: bool) -> dict[str, Any]:
    """Orders count for one rollout: they go with its end, whichever it is."""
    is_candidate = facts.candidate is not None and facts.candidate.name == revision.name
    if is_candidate and decision.promote != revision.name:
        changed = _changed_orders(facts, decision)
        return {"rollout": changed} if changed else {}
    over = settled and revision.spec.rollout is not None
    return {"rollout": None} if over else {}


def _changed_orders(facts: Facts, decision: Decision) -> dict[str, Any]:
    """An abort ends what was allowed before it; so does the end of the time for the gates.

    What is approved after that is approved in spite of them.
    """
    orders = facts.orders
    changed: dict[str, Any] = {}
    if decision.abort is not None:
        order = {"reason": decision.abort, "by": OPERATOR, "time": format_time(facts.now)}
        changed["aborted"] = order
    overdue = decision.phase == OVERDUE and recorded_phase(facts) != OVERDUE
    starts_again = facts.recorded is not None and facts.recorded.step > decision.step == 0
    if orders.approvals and (decision.phase == "Aborted" or overdue or starts_again):
        changed["approvals"] = None
    elif facts.void_approvals:
        kept = [one for one in orders.approvals if one not in facts.void_approvals]
        changed["approvals"] = _written(kept) or None
    if orders.promote and decision.phase == "Aborted":
        changed["promote"] = None
    return changed


def _quarantine(facts: Facts, revision: Revision, decision: Decision) -> dict[str, Any]:
    """A gate failed, or the revision that it was to be replaced by has taken over."""
    if revision.quarantined:
        return {}
    time = format_time(facts.now)
    desired = facts.candidate is not None and facts.candidate.name == revision.name
    if decision.quarantine and desired:
        return {"quarantine": {"reason": decision.quarantine, "by": OPERATOR, "time": time}}
    stable = facts.stable
    restore = stable.spec.restore if stable else None
    if restore is None or stable is None or revision.name not in restore.quarantine:
        return {}
    if revision.name == stable.name:  # an order that names its own target
        return {}
    mark = {"reason": restore.reason or f"taken back to {stable.name}", "time": time}
    return {"quarantine": mark | ({"by": restore.by} if restore.by else {})}


def _restored(facts: Facts, revision: Revision, decision: Decision) -> dict[str, Any]:
    """The order to restore goes when all it asked for is done; on a quarantined revision, at once.

    While somebody wants two revisions back, the order given last counts.
    """
    restore, stable = revision.spec.restore, facts.stable
    if restore is None:
        return {}
    if decision.promote == revision.name:
        left = _left_behind(facts, restore)
        return {} if left == restore.quarantine else {"restore": {"quarantine": left}}
    if revision.quarantined:
        return {"restore": None}
    if stable is None or stable.name != revision.name:
        outdone = facts.restoring is not None and facts.restoring.name != revision.name
        return {"restore": None} if outdone else {}
    waiting = [
        one.name
        for one in facts.revisions
        if one.name in restore.quarantine and one.name != revision.name and not one.quarantined
    ]
    return {} if waiting else {"restore": None}


def _left_behind(facts: Facts, restore: Restore) -> list[str]:
    """Return what is quarantined once the order has its way.

    What it takes over from is among them if the manifest still asks for that: the manifest would
    bring it back. Written into the order together with the promotion, for all that comes after.
    """
    stable, named = facts.stable, restore.quarantine
    if stable is None or stable.name != facts.desired.name or stable.name in named:
        return named
    return [stable.name, *named][:RESTORE_MARKS]


def _adoption(revision: Revision) -> dict[str, Any]:
    """Adopt by name; an owner, of whichever build, would take it along when it is deleted."""
    metadata = revision.manifest["metadata"]
    found: dict[str, Any] = {}
    if metadata.get("ownerReferences"):
        found["ownerReferences"] = None
    if ORPHANED_ANNOTATION in (metadata.get("annotations") or {}):
        found["annotations"] = {ORPHANED_ANNOTATION: None}
    return found


def _observed(revision: Revision, pods: list[Manifest]) -> dict[str, Any]:
    """Write-once: the bytes that the first pod found."""
    if revision.spec.observed is not None:
        return {}
    found = reported(pod for pod in pods if _belongs(pod, revision))
    return {"observed": found.manifest()} if found else {}


def _belongs(pod: Manifest, revision: Revision) -> bool:
    return revision.name in (pod["metadata"].get("labels") or {}).values()


def _promotions(facts: Facts, revision: Revision, decision: Decision) -> dict[str, Any]:
    promotions = list(revision.spec.promotions)
    if revision.quarantined:
        promotions = _revoked(facts, promotions)
    elif revision.name == decision.promote or _took_over_from(facts, revision):
        promotions.append(_promotion(facts, revision, decision))
    if promotions == list(revision.spec.promotions):
        return {}
    kept = promotions[-PROMOTIONS_KEPT:]
    return {"promotions": _written(kept)}


def _written(items: Iterable[ApiType]) -> list[Manifest]:
    return [one.model_dump(by_alias=True, exclude_defaults=True, mode="json") for one in items]


def _promotion(facts: Facts, revision: Revision, decision: Decision) -> Promotion:
    """Return the record of this promotion, with who asked for it, or approved it last."""
    restore = revision.spec.restore
    orders = revision.spec.rollout
    order = restore or (orders.promote if orders else None) or _last_approval(facts, decision)
    rolled_back = _took_over_from(facts, revision)
    if restore:
        known = {one.name for one in facts.revisions} - {revision.name}
        rolled_back = sorted({*rolled_back, *_left_behind(facts, restore)} & known)
    return Promotion(
        number=next_number(facts.revisions),
        time=format_time(facts.now),
        rollback_of=rolled_back[:PROMOTIONS_KEPT],
        by=order.by if order else None,
        reason=order.reason if order else "",
    )


def _last_approval(facts: Facts, decision: Decision) -> Order | None:
    """Return the approval of the latest step, of a rollout that has walked them all."""
    if not decision.step or decision.step != len(facts.steps):
        return None
    last = max(facts.orders.approvals, key=lambda one: one.step, default=None)
    if last is None:
        return None
    reason = f"approved step {last.step}" + (f": {last.reason}" if last.reason else "")
    return Order(by=last.by, reason=reason[:1024])


def _took_over_from(facts: Facts, revision: Revision) -> list[str]:
    """Return the later revisions whose quarantine made this one stable.

    It is promoted anew, in one write with their names, so that a release of one of them, however
    soon, does not bring that one straight back.
    """
    if facts.stable is None or facts.stable.name != revision.name:
        return []
    later = (one for one in facts.revisions if one.number > revision.number)
    return sorted(one.name for one in later if one.quarantined)


def _revoked(facts: Facts, promotions: list[Promotion]) -> list[Promotion]:
    """Take back a quarantined revision's promotions, once the one that took over is recorded."""
    latest = max((one.number for one in promotions if not one.revoked), default=0)
    stable = facts.stable
    if stable is not None and stable.number < latest:
        return promotions
    return [one.model_copy(update={"revoked": True}) for one in promotions]
