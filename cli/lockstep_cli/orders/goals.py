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
        lambda now: taken_back(now, target.name) or superseded(now, target.name),
        seconds,
    )


def leaves(phase: str, revision: str) -> Goal:
    """The operator lets a rollout go on that stood still; it may have ended by now."""
    return Goal(
        lambda now: now.phase not in (None, phase) or is_stable(now, revision),
        lambda now: waiting_for(now, revision),
        lambda now: taken_back(now, revision) or superseded(now, revision),
    )


def is_stable(now: Situation, revision: str) -> bool:
    """Tell whether a revision is promoted: its rollout is over, and no phase is left."""
    return now.stable is not None and now.stable.name == revision


def weight_of(now: Situation, revision: str) -> str:
    """Return a line on a revision's part of the traffic."""
    weight = now.weight(revision)
    shown = "share not reported" if weight is None else f"{weight:.2f} % of the traffic"
    return f"{revision}: {shown}"


def waiting_for(now: Situation, revision: str) -> str:
    """Return a line on a revision that is to take over, in the operator's words where it has."""
    found = now.now(revision)
    if now.message:
        problem = found.message if found and not found.can_answer else ""
        return f"{now.message} ({problem})" if problem else now.message
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


def superseded(now: Situation, revision: str) -> str | None:
    """Say in a clause that the rollout of a revision is over, though it was not promoted.

    As the operator reports it: the revisions may have been read a moment before its status.
    """
    names = [now.status.get(f"{role}Revision") for role in ("candidate", "stable")]
    if revision in names or is_stable(now, revision):
        return None
    other = names[0]
    why = f": the manifest asks for {other}" if other else ""
    return f"the rollout of {revision} ended meanwhile{why}"


def promoted_meanwhile(now: Situation, revision: str) -> str | None:
    """Say in a clause that a revision was promoted before an order could stop its rollout."""
    if not is_stable(now, revision):
        return None
    return f"{revision} was promoted meanwhile: its rollout is over"
