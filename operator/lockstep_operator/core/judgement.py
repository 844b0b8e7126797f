"""What is judged now, and what the gates say about it."""

from collections.abc import Iterable
from datetime import datetime

from lockstep_operator.api.gates import GOLDEN_REQUESTS, Gate, GateStatus
from lockstep_operator.core.content import content_of
from lockstep_operator.core.facts import Facts, facts_from
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.plan import Observed
from lockstep_operator.core.revisions import parse_revisions, with_content
from lockstep_operator.core.steps import current_step, started_at
from lockstep_operator.core.times import parse_time


def target_of(observed: Observed) -> Target | None:
    """Return what the gates are to look at in this pass, None when nothing is judged.

    Also while paused: a candidate that does harm is taken back in a pause too.
    """
    if not (observed.deployment["spec"].get("rollout") or {}).get("gates"):
        return None
    revisions = parse_revisions(observed.revisions)
    try:
        desired = with_content(revisions, content_of(observed.deployment["spec"]))
    except ValueError:
        return None  # the plan says what is wrong with the manifest
    if desired is None:
        return None
    facts = facts_from(observed, revisions, desired)
    if facts.candidate is None or facts.orders.aborted:
        return None
    return _target(facts)


def _target(facts: Facts) -> Target | None:
    step = 0 if facts.stable is None or facts.replaces else current_step(facts)
    since = started_at(facts, step) if step else _first_ready(facts)
    if since is None:
        return None
    gates = facts.spec.rollout.gates
    return Target(
        candidate=facts.desired.name,
        stable=facts.stable.name if facts.stable else None,
        step=step,
        steps=len(facts.steps),
        since=since,
        assignment="split" if facts.weight(facts.desired.name) else "mirror",
        gates=tuple(gate for gate in gates if step or gate.metric == GOLDEN_REQUESTS),
        port=facts.desired.endpoint.port,
    )


def _first_ready(facts: Facts) -> datetime | None:
    """Before any traffic: a moment that stays the same, once there is a pod to ask."""
    asked = any(gate.metric == GOLDEN_REQUESTS for gate in facts.spec.rollout.gates)
    if not asked or not facts.ready.get(facts.desired.name):
        return None
    created = facts.desired.manifest["metadata"].get("creationTimestamp")
    return parse_time(created) if created else None


def failed_gate(facts: Facts) -> GateStatus | None:
    """Return the first gate that has evidence of harm."""
    return next((one for one in _found(facts) if one.verdict == "fail"), None)


def undecided(facts: Facts) -> str:
    """Return why the gates of this step do not let it go on, empty when they do."""
    return _not_passed(facts, facts.spec.rollout.gates, unknown="no data yet")


def unanswered(facts: Facts) -> str:
    """Return why the golden requests do not let the candidate have its first request."""
    golden = [gate for gate in facts.spec.rollout.gates if gate.metric == GOLDEN_REQUESTS]
    return _not_passed(facts, golden, unknown="waiting for its answers")


def _not_passed(facts: Facts, gates: Iterable[Gate], unknown: str) -> str:
    """Return what each gate that does not pass says; `unknown` for one that said nothing yet."""
    known = {one.name: one for one in _found(facts)}
    return "; ".join(
        f"gate {gate.title}: {known[gate.title].message if gate.title in known else unknown}"
        for gate in gates
        if gate.title not in known or known[gate.title].verdict != "pass"
    )


def _found(facts: Facts) -> list[GateStatus]:
    return facts.analysis.gates if facts.analysis else []
