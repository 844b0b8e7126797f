"""`lockstep retry`: take back an abort; the rollout starts from the beginning."""

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Mark, Order, signed
from lockstep_cli.orders.goals import leaves
from lockstep_cli.orders.texts import git_for_candidate, how_it_starts, what_it_does
from lockstep_cli.situation import Situation


def decide_retry(situation: Situation, _mark: Mark) -> Order:
    """Decide what `retry` writes: approvals of the aborted try do not count for this one.

    Raises:
        Refused: nothing was aborted.
    """
    candidate = situation.rollout_of()
    name, orders = candidate.name, candidate.orders
    aborted = orders.get("aborted")
    if not aborted:
        raise Refused(f"the rollout of {name} was not aborted{what_it_does(situation)}")
    stale = [field for field in ("approvals", "promote") if orders.get(field)]
    spec = {"rollout": dict.fromkeys(["aborted", *stale])}
    means = f"start the rollout of {name} again, which then {how_it_starts(situation)}"
    return Order(
        command="retry",
        revision=name,
        changes=(Change(name, candidate.resource_version, spec, means),),
        warning=f"It was aborted{signed(aborted)}.",
        written=f"The rollout of {name} is to start again",
        then="the operator starts it when its pods are ready",
        done=f"Started again: {name} {how_it_starts(situation)}",
        goal=leaves("Aborted", name),
        after=(f"Approvals are asked for again. {git_for_candidate(situation, candidate)}",),
        facts={"abort": aborted},
    )
