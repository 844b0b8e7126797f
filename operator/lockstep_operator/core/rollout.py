"""The rollout state machine: which weights now, and whether the candidate is promoted.

An ordered chain of policies; the first that applies decides. The weights it wants are then
admitted by `core.admission`. docs/rollouts.md draws it as a state diagram.
"""

from collections.abc import Callable

from lockstep_operator.core.decision import Decision
from lockstep_operator.core.facts import Facts
from lockstep_operator.core.interventions import aborted, gate_failed, paused, promoted, restore
from lockstep_operator.core.takeover import (
    back_to_warm,
    first_deployment,
    give_back,
    replace_pods,
    stand_in,
)
from lockstep_operator.core.walk import walk_steps
from lockstep_operator.core.weights import FULL

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


POLICIES: tuple[Policy, ...] = (
    gate_failed,
    restore,
    without_candidate,
    aborted,
    give_back,
    first_deployment,
    replace_pods,
    stand_in,
    paused,
    back_to_warm,
    promoted,
    walk_steps,
)
