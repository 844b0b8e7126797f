"""What shows that an order took effect, for those orders that share it."""

from lockstep_cli.order import Goal
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation


def traffic_gone(target: Revision, situation: Situation) -> Goal:
    """Nothing reaches a revision any more that was quarantined.

    Weight 0 says nothing if it was 0 before; then the operator must have seen the mark.
    """
    had_traffic = bool(situation.weight(target.name))

    def reached(now: Situation) -> bool:
        weight, found = now.weight(target.name), now.now(target.name)
        if weight == 0 and had_traffic:
            return True
        return not weight and found is not None and found.role == "quarantined"

    return Goal(reached, lambda now: weight_of(now, target.name))


def takes_over(target: Revision, seconds: float) -> Goal:
    """A revision is stable and carries everything."""

    def reached(now: Situation) -> bool:
        stable = now.stable
        is_stable = stable is not None and stable.name == target.name
        return is_stable and now.weight(target.name) == 100

    return Goal(
        reached,
        lambda now: waiting_for(now, target.name),
        lambda now: taken_back(now, target.name),
        seconds,
    )


def leaves(phase: str, revision: str) -> Goal:
    """The operator lets a rollout go on that stood still."""
    return Goal(
        lambda now: now.phase not in (None, phase),
        lambda now: waiting_for(now, revision),
        lambda now: taken_back(now, revision),
    )


def weight_of(now: Situation, revision: str) -> str:
    """Return a line on a revision's part of the traffic."""
    weight = now.weight(revision)
    shown = "share not reported" if weight is None else f"{weight:.2f} % of the traffic"
    return f"{revision}: {shown}"


def waiting_for(now: Situation, revision: str) -> str:
    """Return a line on a revision that is to take over, in the operator's words where it has."""
    if now.message:
        return now.message
    found = now.now(revision)
    if found is None:
        return f"{revision} is gone"
    if found.ready >= found.replicas > 0:
        return f"{revision}: its pods are ready, waiting for the operator and the router"
    problem = f": {found.message}" if found.message else ""
    return f"{revision}: {found.ready} of {found.replicas} pods are ready{problem}"


def taken_back(now: Situation, revision: str) -> str | None:
    """Say in a clause that a revision was quarantined or removed while it was waited for."""
    found = now.now(revision)
    if found is None:
        return f"{revision} is gone"
    if found.quarantine is not None:
        by = found.quarantine.get("by")
        who = f" by {by}" if by else ""
        return f"{revision} was quarantined meanwhile{who}: {found.reason}"
    return None
