"""`lockstep resume`: end somebody's pause of the rollout."""

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Mark, Order, signed
from lockstep_cli.orders.goals import leaves
from lockstep_cli.orders.texts import what_it_does
from lockstep_cli.situation import Situation


def decide_resume(situation: Situation, _mark: Mark) -> Order:
    """Decide what `resume` writes.

    Raises:
        Refused: nothing is paused, it was aborted, or the manifest itself holds the rollout.
    """
    candidate = situation.rollout_of()
    name, paused = candidate.name, candidate.orders.get("paused")
    if aborted := candidate.orders.get("aborted"):
        raise Refused(
            f"the rollout of {name} was aborted{signed(aborted)}: "
            f"`lockstep retry {situation.name}` starts it again"
        )
    if situation.held_by_manifest:
        raise Refused(
            "spec.paused of the manifest holds the rollout: set it to false there, and in git"
        )
    if not paused:
        raise Refused(f"the rollout of {name} is not paused{what_it_does(situation)}")
    spec = {"rollout": {"paused": None}}
    means = f"go on with the rollout of {name} at {candidate.weight:g} %"
    return Order(
        command="resume",
        revision=name,
        changes=(Change(name, candidate.resource_version, spec, means),),
        warning=f"It was paused{signed(paused)}.",
        written=f"The pause of {name} is over",
        then="the operator now goes on",
        done=f"Resumed: the rollout of {name} goes on",
        goal=leaves("Paused", name),
        after=("A hold that ended in the pause is over: then the next step begins at once.",),
        facts={"pause": paused},
    )
