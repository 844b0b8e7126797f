"""Where a revision takes the traffic without walking the steps."""

from datetime import datetime, timedelta

from lockstep_operator.core.decision import Decision
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.judgement import unanswered
from lockstep_operator.core.steps import as_they_are, can_carry, split, waits_for
from lockstep_operator.core.times import parse_duration, parse_time
from lockstep_operator.core.weights import FULL

# Longer than a pod needs to come back from a restart of its container.
STAND_IN_AFTER = timedelta(seconds=30)


def first_deployment(facts: Facts) -> Decision | None:
    """With no stable revision to compare with, it takes all traffic once one pod is up."""
    candidate = facts.candidate
    if candidate is None or facts.stable is not None:
        return None
    name = candidate.name
    kept = as_they_are(facts)
    if facts.paused_by:
        message = f"paused by {facts.paused_by}"
        return Decision(weights=kept, phase="Paused", message=message)
    if not facts.capacity(name):
        # What a router still has of a model that was deleted is no reason to serve.
        down = not facts.ready.get(name) and facts.live.healthy.get(name) == 0
        return Decision(
            weights={} if down else kept,
            phase="Starting",
            message=waits_for(facts, name, 1),
            waiting_for={name: 1},
        )
    if unanswered(facts):
        return _waits_for_answers(facts, kept)
    carries = facts.weight(name) == FULL and facts.live.applied
    return Decision(
        weights={name: FULL},
        phase="Starting",
        promote=name if carries else None,
        message="first revision takes the traffic",
    )


def give_back(facts: Facts) -> Decision | None:
    """A candidate that lost all its pods lost its traffic too; it starts again at step one.

    Only where the router was asked and sees none healthy, and stable can take it.
    """
    candidate, stable = facts.candidate, facts.stable
    if candidate is None or stable is None or not facts.weight(candidate.name):
        return None
    gone = not facts.ready.get(candidate.name) and facts.live.healthy.get(candidate.name) == 0
    if not gone or not facts.capacity(stable.name):
        return None
    return Decision(
        weights={stable.name: FULL},
        phase="Starting",
        message=f"no pod of {candidate.name} is ready: its traffic is back at {stable.name}",
        waiting_for={candidate.name: 1},
    )


def replace_pods(facts: Facts) -> Decision | None:
    """Strategy Replace: stable's pods go (see `core.retention`), then the candidate takes over.

    A candidate that does not become ready within the deadline is aborted, which brings stable back.
    A pause holds it up before it begins, never midway: nothing serves there.
    """
    candidate, stable = facts.candidate, facts.stable
    if not facts.replaces or candidate is None or stable is None:
        return None
    if facts.paused_by and not facts.replacing:
        return None
    name = candidate.name
    kept = split(facts, facts.weight(name))
    if facts.weight(name) == FULL and facts.live.applied:
        return Decision(weights={name: FULL}, phase="Progressing", promote=name)
    ready = can_carry(facts, name, FULL)
    if ready and not unanswered(facts):
        message = f"{name} takes the traffic"
        return Decision(weights={name: FULL}, phase="Progressing", message=message)
    until = _replaced_until(facts, name)
    overdue = until is not None and facts.now >= until
    needed = facts.spec.replicas
    message = unanswered(facts) if ready else waits_for(facts, name, needed)
    return Decision(
        weights=kept,
        phase="Inconclusive" if ready else "Starting",
        abort=f"{name} could not take over within progressDeadline" if overdue else None,
        wake_at=until,
        message=f"{_room(facts, stable.name)}{message}",
        waiting_for={} if ready else {name: needed},
    )


def _replaced_until(facts: Facts, name: str) -> datetime | None:
    """When a replacement is given up; None: its time has not begun.

    It begins when stable's pods are gone, for before that there was no room: the candidate's
    Deployment may be much older, from a canary that found none.
    """
    asked, room = facts.asked_at.get(name), facts.stable_down_since
    if asked is None or room is None:
        return None
    return max(asked, room) + parse_duration(facts.spec.rollout.progress_deadline)


def _room(facts: Facts, stable: str) -> str:
    """Return what became of stable's pods, as the beginning of a sentence."""
    if facts.replacing and facts.paused_by:
        return f"paused by {facts.paused_by}, but {stable} has stopped, so this is finished: "
    return f"{stable} makes room: " if not facts.weight(facts.desired.name) else ""


def stand_in(facts: Facts) -> Decision | None:
    """A stable revision that is down does not block its own fix.

    The candidate carries everything while it is, and is promoted after progressDeadline. When
    stable comes back before that, the candidate starts again at step one.
    """
    candidate, stable, since = facts.candidate, facts.stable, facts.stable_down_since
    if candidate is None or stable is None or since is None or facts.paused_by:
        return None
    if facts.now < since + STAND_IN_AFTER or not can_carry(facts, candidate.name, FULL):
        return None
    if unanswered(facts) and not facts.weight(candidate.name):
        return None
    carries_since = _stands_in_since(facts, candidate.name)
    deadline = parse_duration(facts.spec.rollout.progress_deadline)
    until = carries_since + deadline if carries_since else None
    message = f"{stable.name} has no ready pod: {candidate.name} stands in for it"
    return Decision(
        weights={candidate.name: FULL},
        phase="Progressing",
        promote=candidate.name if until and facts.now >= until else None,
        step_started_at=carries_since,
        wake_at=until,
        message=message,
    )


def _stands_in_since(facts: Facts, name: str) -> datetime | None:
    """Since when the router has been seen to send it everything; kept in the status."""
    if facts.weight(name) != FULL:
        return None
    recorded = facts.recorded
    if recorded and recorded.step == 0 and recorded.step_started_at:
        return parse_time(recorded.step_started_at)
    return facts.now if facts.live.applied else None


def back_to_warm(facts: Facts) -> Decision | None:
    """The manifest asks for the previous stable, still warm: it is stable again at once."""
    candidate, warm = facts.candidate, facts.warm
    if candidate is None or warm is None or candidate.name != warm.name:
        return None
    if not can_carry(facts, candidate.name, FULL):
        return None
    return Decision(
        weights=split(facts, facts.weight(candidate.name)),
        phase="Progressing",
        promote=candidate.name,
        message="the manifest asks for the previous stable revision, which is warm",
    )


def _waits_for_answers(facts: Facts, weights: dict[str, int]) -> Decision:
    return Decision(weights=weights, phase="Inconclusive", message=unanswered(facts))
