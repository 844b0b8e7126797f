"""Going back to a revision whose pods have to come first: traffic moves when they are ready."""

from typing import Any

from lockstep_cli.errors import Refused
from lockstep_cli.order import LOADING, Change, Goal, Mark, Order, signed
from lockstep_cli.orders.goals import taken_back, waiting_for
from lockstep_cli.orders.texts import how_it_differs, made_of
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation

Manifest = dict[str, Any]


def restore(situation: Situation, mark: Mark, target: Revision) -> Order:
    """Return the order to make an earlier revision stable again.

    Raises:
        Refused: it is no revision to go back to.
    """
    _check(situation, target)
    condemned = [item for item in (situation.candidate, situation.stable) if item]
    names = [item.name for item in condemned]
    spec = {"restore": mark.manifest() | {"quarantine": names}}
    means = (
        f"bring back {target.name} and, when it has taken over, quarantine {' and '.join(names)}"
    )
    asked = next((item for item in condemned if situation.asks_for(item)), None)
    return Order(
        command="rollback",
        revision=target.name,
        changes=(Change(target.name, target.resource_version, spec, means),),
        warning=_warning(situation, target),
        written=f"{target.name} is to come back",
        then="the operator starts its pods and moves the traffic when they are ready",
        done=f"Rolled back: {target.name} is stable and carries all traffic, "
        f"{_all(names)} quarantined",
        goal=_restored(situation, target),
        meanwhile=f"Until {target.name} is ready the traffic stays where it is; `lockstep abort "
        f"{situation.name} -n {situation.namespace}` drops the order as long as it has not taken "
        "over.",
        after=(_git_should(situation, target, asked),),
        facts={
            "restored": target.name,
            "restore": spec["restore"],
            "fallback": target.name,
            "manifestStillAsksForIt": asked is not None,
            "manifestDiffersIn": list(situation.differing(target)),
        },
        effect="trafficGone",
    )


def _check(situation: Situation, target: Revision) -> None:
    stable, candidate = situation.stable, situation.candidate
    if stable is None:
        raise Refused(f"{situation.name} has no stable revision: nothing to roll back")
    if target.quarantine is not None:
        raise Refused(
            f"{target.name} is quarantined ({target.reason}): `lockstep release {situation.name} "
            f"{target.name}` first, if it may serve after all"
        )
    if target.name == stable.name:
        hint = ": leave out --to to take back the candidate" if candidate else ""
        raise Refused(f"{target.name} is the stable revision already{hint}")
    if candidate is not None and target.name == candidate.name:
        raise Refused(f"{target.name} is the candidate: `lockstep promote` makes it stable")
    if situation.restoring is not None and situation.restoring.name == target.name:
        raise Refused(
            f"{target.name} is being brought back already, ordered{signed(target.restore or {})}: "
            f"{waiting_for(situation, target.name)}"
        )
    if not target.promotions:
        raise Refused(
            f"{target.name} was never promoted: it can only be rolled out, by applying its manifest"
        )


def _warning(situation: Situation, target: Revision) -> str:
    words = [_start(target)]
    other = situation.restoring
    if other is not None and other.name != target.name:
        words.append(f"This replaces the order to bring back {other.name}.")
    return " ".join(words)


def _start(target: Revision) -> str:
    if target.warmth == "unrestorable":
        return f"The last start of {target.name} failed ({target.message or 'no reason reported'})."
    if target.can_answer:
        return f"{target.name} is warm, {target.ready} ready."
    return f"{target.name} is cold: its pods have to start first."


def _restored(before: Situation, target: Revision) -> Goal:
    """Return when the operator has done all of it: it removes the mark last."""
    known = _failure(before, target)  # of an order that was dropped; not yet of this one

    def reached(now: Situation) -> bool:
        stable, found = now.stable, now.now(target.name)
        if stable is None or found is None or stable.name != target.name:
            return False
        return found.restore is None and now.weight(target.name) == 100

    def missed(now: Situation) -> str | None:
        stable, found = now.stable, now.now(target.name)
        if found is None or found.quarantine is not None:
            return taken_back(now, target.name)
        is_stable = stable is not None and stable.name == target.name
        if found.restore is None and not is_stable:
            return "somebody dropped the order meanwhile: the traffic has not moved"
        failure = _failure(now, target)
        if failure is None or failure == known:
            return None
        said = failure["message"].partition("; the traffic stays")[0]
        return f"the operator {said}; the order stays"

    return Goal(reached, lambda now: waiting_for(now, target.name), missed, LOADING)


def _failure(now: Situation, target: Revision) -> Manifest | None:
    """Return the condition in which the operator says that a revision does not come back."""
    ready = now.condition("Ready")
    if ready is None or ready.get("reason") != "RestoreFails":
        return None
    return ready if f"cannot go back to {target.name}: " in ready["message"] else None


def _all(names: list[str]) -> str:
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _git_should(situation: Situation, target: Revision, asked: Revision | None) -> str:
    """Return what the manifest has to ask for; `asked`: what it asks for, to be quarantined."""
    if situation.asks_for(target):
        return f"The manifest asks for {made_of(target)} already: nothing to do there."
    still = (
        f"The manifest, and git if it comes from there, still asks for {made_of(asked)}: once "
        "that is quarantined, applying it again moves nothing. "
        if asked
        else ""
    )
    return (
        f"{still}The ModelDeployment is Ready once its manifest asks for {made_of(target)}, or "
        "once a new version that it asks for is promoted; now "
        f"{how_it_differs(situation, target)} from the former."
    )
