"""`lockstep pause`: the rollout stays at the weight it has."""

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Goal, Mark, Order, signed
from lockstep_cli.orders.goals import promoted_meanwhile, superseded, taken_back, waiting_for
from lockstep_cli.situation import Situation


def decide_pause(situation: Situation, mark: Mark) -> Order:
    """Decide what `pause` writes.

    Raises:
        Refused: there is no rollout, it stands still already, or it must be finished.
    """
    candidate = situation.rollout_of()
    name, orders = candidate.name, candidate.orders
    if orders.get("aborted"):
        raise Refused(f"the rollout of {name} was aborted{signed(orders['aborted'])}")
    if orders.get("paused"):
        raise Refused(f"the rollout of {name} is paused already{signed(orders['paused'])}")
    if orders.get("promote"):
        raise Refused(
            f"{name} is being promoted, ordered{signed(orders['promote'])}: "
            f"`lockstep abort {situation.name}` stops that"
        )
    if (stopped := _stopped(situation)) is not None:
        raise Refused(f"{stopped}: `lockstep abort {situation.name}` goes back")
    spec = {"rollout": {"paused": mark.manifest()}}
    means = f"pause the rollout of {name} at {candidate.weight:g} %"
    return Order(
        command="pause",
        revision=name,
        changes=(Change(name, candidate.resource_version, spec, means),),
        written=f"The rollout of {name} is to pause",
        then="the operator now keeps the weights as they are",
        done=f"Paused: {name} keeps the weight it has",
        goal=Goal(
            lambda now: now.phase == "Paused",
            lambda now: waiting_for(now, name),
            lambda now: (
                taken_back(now, name)
                or promoted_meanwhile(now, name)
                or superseded(now, name)
                or _stopped(now)
            ),
        ),
        after=_after(situation),
        harmless=True,
    )


def _stopped(situation: Situation) -> str | None:
    """Say in a clause that a replacement has begun: a pause would leave nothing that answers."""
    stable = situation.stable
    if stable is None or not situation.replacing:
        return None
    return f"the pods of {stable.name} have stopped for the new ones, which is finished once begun"


def _after(situation: Situation) -> tuple[str, ...]:
    also = ("spec.paused of the manifest pauses it as well.",) if situation.held_by_manifest else ()
    return (
        *also,
        "The hold's time goes on, and a gate that fails still takes the candidate back. "
        f"`lockstep resume {situation.name}` goes on. Git has nothing to do with it.",
    )
