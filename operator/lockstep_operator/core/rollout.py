"""The rollout state machine: which weights now, and whether the candidate is promoted.

An ordered chain of policies; the first that applies decides. The weights it wants are then
admitted by `core.admission`. Time held at a step counts from when the router was seen to carry
the weight, and is kept in the status: losing it restarts the hold of the same step.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lockstep_operator.core.facts import Facts
from lockstep_operator.core.times import parse_duration, parse_time
from lockstep_operator.core.weights import FULL, from_percent, pods_needed, to_percent


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rollout wants now.

    `weights` in hundredths by revision, absent is 0. `promote`: a revision to record as stable.
    `step` counts from 1; 0 is before the first. `hold_until`: when time alone moves it on.
    """

    weights: Mapping[str, int]
    promote: str | None = None
    step: int = 0
    step_started_at: datetime | None = None
    hold_until: datetime | None = None
    message: str = ""
    waiting_for: Mapping[str, int] = field(default_factory=dict)


Policy = Callable[[Facts], Decision | None]


def decide(facts: Facts) -> Decision:
    """Return the decision of the first policy that applies."""
    for policy in POLICIES:
        if (decision := policy(facts)) is not None:
            return decision
    raise AssertionError("the last policy always applies")  # pragma: no cover


def without_candidate(facts: Facts) -> Decision | None:
    """Nothing to roll out: the stable revision carries everything, if there is one."""
    if facts.candidate is not None:
        return None
    stable = facts.stable
    return Decision(weights={stable.name: FULL} if stable else {})


def first_deployment(facts: Facts) -> Decision | None:
    """With no stable revision to compare with, it takes all traffic once one pod is up."""
    candidate = facts.candidate
    if candidate is None or facts.stable is not None:
        return None
    carries = facts.weight(candidate.name) == FULL
    if facts.spec.paused:
        return Decision(weights=_carried(facts), message="paused by spec.paused")
    if carries and facts.live.applied:
        return Decision(weights={candidate.name: FULL}, promote=candidate.name)
    if carries or facts.capacity(candidate.name) >= 1:
        return Decision(weights={candidate.name: FULL}, message="first revision takes the traffic")
    return Decision(
        weights=_carried(facts),
        message=f"waiting for a ready pod of {candidate.name}",
        waiting_for={candidate.name: 1},
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
        message=f"no pod of {candidate.name} is ready: its traffic is back at {stable.name}",
        waiting_for={candidate.name: 1},
    )


def paused(facts: Facts) -> Decision | None:
    """Paused: the candidate keeps the weight it has."""
    if not facts.spec.paused:
        return None
    step = current_step(facts)
    recorded = facts.recorded
    started = recorded.step_started_at if recorded and recorded.step == step else None
    return Decision(
        weights=_kept(facts),
        step=step,
        step_started_at=parse_time(started) if started else None,
        message="paused by spec.paused",
    )


def back_to_warm(facts: Facts) -> Decision | None:
    """The manifest asks for the previous stable, still warm: it is stable again at once."""
    candidate, warm = facts.candidate, facts.warm
    if candidate is None or warm is None or candidate.name != warm.name:
        return None
    if not _can_carry(facts, candidate.name, FULL):
        return None
    return Decision(
        weights=_split(facts, facts.weight(candidate.name)),
        promote=candidate.name,
        message="the manifest asks for the previous stable revision, which is warm",
    )


def walk_steps(facts: Facts) -> Decision | None:
    """Hold each step for its time, then take the next; after the last, promote."""
    step = current_step(facts)
    if step == 0:
        return _take_step(facts, 0)
    weight = _step_weight(facts, step)
    started = _started_at(facts, step)
    if started is None:
        return Decision(
            weights=_split(facts, weight),
            step=step,
            message=f"waiting for the router to carry {to_percent(weight)} %",
        )
    hold_until = started + parse_duration(facts.spec.rollout.steps[step - 1].hold)
    if facts.now >= hold_until:
        return _take_step(facts, step, started)
    return Decision(
        weights=_split(facts, weight),
        step=step,
        step_started_at=started,
        hold_until=hold_until,
        message=f"holding {to_percent(weight)} %",
    )


POLICIES: tuple[Policy, ...] = (
    without_candidate,
    first_deployment,
    give_back,
    paused,
    back_to_warm,
    walk_steps,
)


def current_step(facts: Facts) -> int:
    """Return the step that the rollout is at, from 1; 0 before the first.

    The router's weight is the truth; the status only tells steps of equal weight apart.
    """
    steps = [from_percent(step.weight) for step in facts.spec.rollout.steps]
    weight = facts.weight(facts.desired.name)
    recorded = facts.recorded.step if facts.recorded else 0
    if 1 <= recorded <= len(steps) and steps[recorded - 1] == weight:
        return recorded
    if weight == 0:
        return 0
    if weight in steps:
        return steps.index(weight) + 1
    # A weight between the steps, after an edit of them: the last one that it has passed.
    return sum(1 for step in steps if step <= weight)


def _take_step(facts: Facts, step: int, started: datetime | None = None) -> Decision:
    """Move from `step` to the next, or promote after the last, when enough pods can carry it."""
    name = facts.desired.name
    last = step == len(facts.spec.rollout.steps)
    wanted = FULL if last else _step_weight(facts, step + 1)
    stay = facts.weight(name)
    if not _can_carry(facts, name, wanted):
        known = name in facts.live.weights  # else it gets its cluster once all pods are up
        needed = max(1, pods_needed(wanted, facts.spec.replicas)) if known else facts.spec.replicas
        return Decision(
            weights=_split(facts, stay),
            step=step,
            step_started_at=started,
            message=f"waiting for {needed} ready pods of {name} to carry {to_percent(wanted)} %",
            waiting_for={name: needed},
        )
    if last:
        return Decision(
            weights=_split(facts, stay), promote=name, step=step, step_started_at=started
        )
    message = f"taking step {step + 1}: {to_percent(wanted)} %"
    return Decision(weights=_split(facts, wanted), step=step + 1, message=message)


def _step_weight(facts: Facts, step: int) -> int:
    return from_percent(facts.spec.rollout.steps[step - 1].weight)


def _started_at(facts: Facts, step: int) -> datetime | None:
    """Return since when the router has carried this step's weight, None when it does not yet."""
    if facts.weight(facts.desired.name) != _step_weight(facts, step):
        return None
    recorded = facts.recorded
    if recorded and recorded.step == step and recorded.step_started_at:
        return parse_time(recorded.step_started_at)
    return facts.now if facts.live.applied else None


def _can_carry(facts: Facts, revision: str, weight: int) -> bool:
    return facts.capacity(revision) >= max(1, pods_needed(weight, facts.spec.replicas))


def _split(facts: Facts, candidate_weight: int) -> dict[str, int]:
    stable = facts.stable
    rest = {stable.name: FULL - candidate_weight} if stable else {}
    return rest | {facts.desired.name: candidate_weight}


def _carried(facts: Facts) -> dict[str, int]:
    """What serves now may go on, stable or not, unless it is quarantined."""
    allowed = {one.name for one in facts.revisions if not one.quarantined}
    kept = {name: weight for name, weight in facts.live.weights.items() if name in allowed}
    return kept if sum(kept.values()) == FULL else {}


def _kept(facts: Facts) -> dict[str, int]:
    return _split(facts, facts.weight(facts.desired.name))
