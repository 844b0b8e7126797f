"""`lockstep abort`: no traffic for the candidate, and no restore; nothing is quarantined."""

from typing import Any

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Goal, Mark, Order, signed
from lockstep_cli.orders.goals import promoted_meanwhile, superseded, taken_back, weight_of
from lockstep_cli.orders.texts import git_for_candidate, made_of
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation

Manifest = dict[str, Any]


def decide_abort(situation: Situation, mark: Mark) -> Order:
    """Decide what `abort` writes: it stops whatever is under way.

    Raises:
        Refused: nothing is, or it was aborted already.
    """
    candidate, restoring = situation.candidate, situation.restoring
    running = candidate if candidate and not candidate.orders.get("aborted") else None
    changes = [_stop(situation, running, mark)] if running else []
    changes += [_drop(restoring)] if restoring else []
    if not changes:
        raise _nothing(situation)
    return Order(
        command="abort",
        revision=changes[0].revision,
        changes=tuple(changes),
        warning=_warning(situation, running),
        written=_written(running, restoring),
        then="the operator now acts on it",
        done=_done(running, restoring),
        goal=_over(running, restoring),
        after=_after(situation, running),
    )


def _nothing(situation: Situation) -> Refused:
    candidate = situation.candidate
    if candidate is None:
        return Refused(f"{situation.name} has neither a rollout nor a restore under way")
    return Refused(
        f"the rollout of {candidate.name} was aborted already{signed(candidate.orders['aborted'])}"
    )


def _stop(situation: Situation, candidate: Revision, mark: Mark) -> Change:
    """Orders to promote and to pause go with it, or a later retry would carry them out."""
    spec: Manifest = {"aborted": mark.manifest()}
    spec |= {order: None for order in ("promote", "paused") if candidate.orders.get(order)}
    stable = situation.stable
    where = f"send its traffic to {stable.name}" if stable else "answer no requests"
    means = f"abort the rollout of {candidate.name} and {where}"
    return Change(candidate.name, candidate.resource_version, {"rollout": spec}, means)


def _drop(restoring: Revision) -> Change:
    means = f"drop the order to bring back {restoring.name}{signed(restoring.restore or {})}"
    return Change(restoring.name, restoring.resource_version, {"restore": None}, means)


def _warning(situation: Situation, candidate: Revision | None) -> str:
    stable = situation.stable
    if candidate is None:
        return ""
    if stable is None:
        return "There is no stable revision: requests get 503 from then on."
    if not stable.can_answer:
        return f"{stable.name}, the stable revision, has no ready pod: requests fail until it has."
    return ""


def _written(candidate: Revision | None, restoring: Revision | None) -> str:
    parts = [f"The rollout of {candidate.name} is to end"] if candidate else []
    parts += [f"the order to bring back {restoring.name} is dropped"] if restoring else []
    text = " and ".join(parts)
    return text[:1].upper() + text[1:]


def _done(candidate: Revision | None, restoring: Revision | None) -> str:
    parts = [f"{candidate.name} gets no traffic"] if candidate else []
    parts += [f"{restoring.name} does not come back"] if restoring else []
    return f"Aborted: {' and '.join(parts)}"


def _over(candidate: Revision | None, restoring: Revision | None) -> Goal:
    def reached(now: Situation) -> bool:
        if candidate is None:
            return now.phase != "Restoring"
        over = now.phase == "Aborted" or superseded(now, candidate.name) is not None
        return over and not now.weight(candidate.name)

    def missed(now: Situation) -> str | None:
        ended = promoted_meanwhile(now, name) if candidate else None
        return taken_back(now, name) or ended

    name = candidate.name if candidate else restoring.name if restoring else ""
    return Goal(reached, lambda now: weight_of(now, name), missed)


def _after(situation: Situation, candidate: Revision | None) -> tuple[str, ...]:
    if candidate is None:
        return ("The traffic stays where it is.",)
    if not situation.asks_for(candidate):
        return (f"Nothing is quarantined. {git_for_candidate(situation, candidate)}",)
    return (
        f"Nothing is quarantined. The manifest still asks for {made_of(candidate)}: `lockstep "
        f"retry {situation.name}` starts it again; a manifest that asks for the "
        "stable version, or for a new one, ends it for good.",
    )
