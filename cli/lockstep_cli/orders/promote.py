"""`lockstep promote`: the candidate takes over once it is ready, whatever steps are left."""

from lockstep_cli.errors import Refused
from lockstep_cli.order import LOADING, Change, Mark, Order, signed
from lockstep_cli.orders.goals import takes_over
from lockstep_cli.orders.texts import git_for_candidate
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation


def decide_promote(situation: Situation, mark: Mark) -> Order:
    """Decide what `promote` writes; somebody's pause of the same rollout ends with it.

    Raises:
        Refused: there is no candidate, or something stands in the way that a person must lift.
    """
    candidate = situation.rollout_of()
    _check(situation, candidate)
    paused = candidate.orders.get("paused")
    spec = {"promote": mark.manifest()} | ({"paused": None} if paused else {})
    means = f"promote {candidate.name}, now at {candidate.weight:g} %, to 100 %"
    return Order(
        command="promote",
        revision=candidate.name,
        changes=(Change(candidate.name, candidate.resource_version, {"rollout": spec}, means),),
        warning=_warning(paused),
        written=f"{candidate.name} is to be promoted",
        then="the operator does so as soon as enough of its pods are ready",
        done=f"Promoted: {candidate.name} is the stable revision and carries all traffic",
        goal=takes_over(candidate, LOADING),
        after=_after(situation, candidate),
    )


def _check(situation: Situation, candidate: Revision) -> None:
    orders, name = candidate.orders, situation.name
    if orders.get("promote"):
        raise Refused(
            f"{candidate.name} is to be promoted already, ordered{signed(orders['promote'])}: "
            f"{situation.message or 'waiting for the operator'}"
        )
    if orders.get("aborted"):
        raise Refused(
            f"the rollout of {candidate.name} was aborted{signed(orders['aborted'])}: "
            f"`lockstep retry {name}` first"
        )
    if situation.held_by_manifest:
        raise Refused(
            "spec.paused of the manifest holds the rollout: set it to false there, and in git"
        )
    if situation.restoring is not None:
        raise Refused(
            f"{situation.restoring.name} is being brought back: `lockstep abort {name}` drops that"
        )


def _warning(paused: dict[str, str] | None) -> str:
    lifted = f" It ends the pause ordered{signed(paused)}." if paused else ""
    return f"Holds, approvals and gates that are left are skipped.{lifted}"


def _after(situation: Situation, candidate: Revision) -> tuple[str, ...]:
    git = git_for_candidate(situation, candidate)
    if situation.stable is None:
        return (git,)
    back = f"`lockstep rollback {situation.name}` goes back to it"
    return (f"{situation.stable.name} stays warm for rollout.keepWarm: {back}.", git)
