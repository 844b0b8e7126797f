"""`lockstep approve`: let the rollout go on after a step that waits for a person."""

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Goal, Mark, Order, signed
from lockstep_cli.orders.goals import is_stable, superseded, taken_back, waiting_for
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation

_OVERDUE = "AnalysisDeadlineExceeded"
_WAITING = ("AwaitingApproval", _OVERDUE)


def decide_approve(situation: Situation, mark: Mark, *, step: int | None = None) -> Order:
    """Decide what `approve` writes: one more approval, of `step` or of the step that waits.

    Raises:
        Refused: no step waits, or that step needs none, is over, or is approved.
    """
    candidate = situation.rollout_of()
    if candidate.orders.get("aborted"):
        raise Refused(
            f"the rollout of {candidate.name} was aborted{signed(candidate.orders['aborted'])}"
        )
    number = _waiting(situation) if step is None else _checked(situation, step)
    waits = situation.phase in _WAITING and number == situation.step
    overdue = waits and situation.phase == _OVERDUE
    _check_not_given(candidate, number, overdue)
    given = [one for one in candidate.orders.get("approvals") or [] if one["step"] != number]
    approvals = [*given, mark.manifest() | {"step": number}]
    spec = {"rollout": {"approvals": approvals}}
    means = f"let {candidate.name} go on after step {number} of {situation.steps}"
    return Order(
        command="approve",
        revision=candidate.name,
        changes=(Change(candidate.name, candidate.resource_version, spec, means),),
        warning=_warning(situation, overdue),
        written=f"Step {number} of {candidate.name} is approved",
        then="the operator now goes on",
        done=f"Approved: {candidate.name} went on after step {number}",
        goal=_goes_on(candidate, number) if waits else None,
        after=() if waits else (f"It counts when step {number} is over and its gates pass.",),
        facts={"step": number},
    )


def _waiting(situation: Situation) -> int:
    if situation.phase in _WAITING:
        return situation.step
    raise Refused(
        f"no step of {situation.name} waits for an approval: it is at step {situation.step} of "
        f"{situation.steps}{_said(situation)}; --step approves one ahead"
    )


def _said(situation: Situation) -> str:
    return f" ({situation.message})" if situation.message else ""


def _checked(situation: Situation, step: int) -> int:
    """Return a step that the user names, if an approval of it can be of use."""
    if situation.phase == _OVERDUE and step == situation.step:
        return step
    wanted = (situation.spec.get("rollout") or {}).get("steps") or []
    if step > (count := len(wanted) or situation.steps):
        raise Refused(f"there is no step {step}: the rollout has {count} in all")
    approving = [number for number, one in enumerate(wanted, 1) if one.get("approval")]
    if step not in approving:
        which = ", ".join(map(str, approving)) or "none"
        raise Refused(f"step {step} needs no approval; steps with approval: {which}")
    if step < situation.step:
        raise Refused(f"step {step} is over: the rollout is at step {situation.step}")
    return step


def _check_not_given(candidate: Revision, step: int, overdue: bool) -> None:
    """One that was given before the gates were overdue does not skip them; a new one does."""
    given = candidate.approval(step)
    if given is not None and not overdue:
        raise Refused(f"step {step} of {candidate.name} was approved already{signed(given)}")


def _warning(situation: Situation, overdue: bool) -> str:
    if overdue:
        return f"Its gates did not decide in time ({situation.message}) and are skipped."
    if situation.held_by_manifest:
        return "spec.paused of the manifest still holds the rollout."
    return ""


def _goes_on(candidate: Revision, step: int) -> Goal:
    def reached(now: Situation) -> bool:
        if is_stable(now, candidate.name):
            return True
        mine = now.candidate is not None and now.candidate.name == candidate.name
        return mine and (now.step > step or now.phase not in _WAITING)

    name = candidate.name
    return Goal(
        reached,
        lambda now: waiting_for(now, name),
        lambda now: taken_back(now, name) or superseded(now, name),
    )
