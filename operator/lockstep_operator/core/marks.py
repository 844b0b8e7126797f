"""Writes to ModelRevisions: adoption, observed digests, promotions and their revocation."""

from collections.abc import Iterable
from typing import Any

from lockstep_operator.api.group import ORPHANED_ANNOTATION
from lockstep_operator.api.modelrevision import Promotion
from lockstep_operator.core.digests import reported
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.names import owner_reference
from lockstep_operator.core.plan import Manifest, RevisionPatch
from lockstep_operator.core.revisions import PROMOTIONS_KEPT, Revision, next_number
from lockstep_operator.core.times import format_time


def patches(
    facts: Facts, deployment: Manifest, pods: Iterable[Manifest], promote: str | None
) -> tuple[RevisionPatch, ...]:
    """Return one merge patch per revision that has something to record."""
    pods = list(pods)
    found = []
    for revision in facts.revisions:
        spec = _observed(revision, pods) | _promotions(facts, revision, promote)
        metadata = _adoption(deployment, revision)
        body: dict[str, Any] = {"spec": spec} if spec else {}
        if metadata:
            body["metadata"] = metadata
        if body:
            version = revision.manifest["metadata"]["resourceVersion"]
            found.append(RevisionPatch(revision.name, version, body))
    return tuple(found)


def _adoption(deployment: Manifest, revision: Revision) -> dict[str, Any]:
    """Adopt by name; a quarantined revision has no owner, so that it outlives its deployment."""
    metadata = revision.manifest["metadata"]
    wanted = [] if revision.quarantined else [owner_reference(deployment)]
    found: dict[str, Any] = {}
    if (metadata.get("ownerReferences") or []) != wanted:
        found["ownerReferences"] = wanted
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


def _promotions(facts: Facts, revision: Revision, promote: str | None) -> dict[str, Any]:
    promotions = list(revision.spec.promotions)
    if revision.quarantined:
        promotions = _revoked(facts, promotions)
    elif revision.name == promote or _took_over_from(facts, revision):
        number, time = next_number(facts.revisions), format_time(facts.now)
        rolled_back = _took_over_from(facts, revision)[:PROMOTIONS_KEPT]
        promotions.append(Promotion(number=number, time=time, rollback_of=rolled_back))
    if promotions == list(revision.spec.promotions):
        return {}
    kept = promotions[-PROMOTIONS_KEPT:]
    written = [one.model_dump(by_alias=True, exclude_defaults=True, mode="json") for one in kept]
    return {"promotions": written}


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
