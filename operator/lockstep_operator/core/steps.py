"""The steps of a rollout: which one it is at, since when, and what the candidate may carry."""

from datetime import datetime

from lockstep_operator.core.facts import Facts
from lockstep_operator.core.times import parse_time
from lockstep_operator.core.weights import FULL, from_percent, pods_needed


def current_step(facts: Facts) -> int:
    """Return the step that the rollout is at, from 1; 0 before the first.

    The router's weight is the truth; the status only tells steps of equal weight apart.
    """
    steps = [from_percent(step.weight) for step in facts.steps]
    weight = facts.weight(facts.desired.name)
    recorded = facts.recorded.step if facts.recorded else 0
    if 1 <= recorded <= len(steps) and steps[recorded - 1] == weight:
        return recorded
    stood_in = steps and (weight > steps[-1] or _unexplained(facts, weight, steps[0]))
    if weight == 0 or stood_in:
        return 0  # what stood in for stable has everything to show yet
    if weight in steps:
        return steps.index(weight) + 1
    # A weight between the steps, after an edit of them: the last one that it has passed.
    return sum(1 for step in steps if step <= weight)


def _unexplained(facts: Facts, weight: int, first: int) -> bool:
    """Whether it carries everything though the status knows of no step."""
    recorded = facts.recorded
    return weight == FULL and first != FULL and (recorded is None or recorded.step == 0)


def step_weight(facts: Facts, step: int) -> int:
    """Return the candidate's weight at a step (from 1), in hundredths."""
    return from_percent(facts.steps[step - 1].weight)


def started_at(facts: Facts, step: int) -> datetime | None:
    """Return since when the router has carried this step's weight, None when it does not yet."""
    if facts.weight(facts.desired.name) != step_weight(facts, step):
        return None
    recorded = facts.recorded
    if recorded and recorded.step == step and recorded.step_started_at:
        return parse_time(recorded.step_started_at)
    return facts.now if facts.live.applied else None


def can_carry(facts: Facts, revision: str, weight: int) -> bool:
    """Tell whether enough ready pods are there for a weight; one at least, also for none."""
    return facts.capacity(revision) >= max(1, pods_needed(weight, facts.spec.replicas))


def waits_for(facts: Facts, revision: str, needed: int) -> str:
    """Return what is missing until a revision has so many pods that can carry traffic."""
    pods = "pod" if needed == 1 else "pods"
    if facts.ready.get(revision, 0) < needed:
        return f"waiting for {needed} ready {pods} of {revision}"
    return f"waiting for the router to see {needed} healthy {pods} of {revision}"


def split(facts: Facts, candidate_weight: int) -> dict[str, int]:
    """Return the weights in which the candidate has this one and stable the rest."""
    stable = facts.stable
    rest = {stable.name: FULL - candidate_weight} if stable else {}
    return rest | {facts.desired.name: candidate_weight}


def as_they_are(facts: Facts) -> dict[str, int]:
    """Return the live weights, if whoever has one may go on; nothing otherwise."""
    kept = {name: weight for name, weight in facts.live.weights.items() if facts.may_serve(name)}
    return kept if sum(kept.values()) == FULL else {}
