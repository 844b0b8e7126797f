"""`lockstep quarantine`: keep one revision from all traffic."""

from typing import Any

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Mark, Order, signed
from lockstep_cli.orders.goals import traffic_gone
from lockstep_cli.orders.texts import git_after_quarantine, how_to_release, release_command
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation


def decide_quarantine(
    situation: Situation, mark: Mark, *, revision: str, allow_downtime: bool = False
) -> Order:
    """Decide what `quarantine` writes.

    Raises:
        Refused: it is quarantined already, or nobody could take its traffic.
    """
    target = situation.named(revision)
    if target.quarantine is not None:
        raise Refused(f"{target.name} is quarantined already{signed(target.quarantine)}")
    heir = _heir(situation, target)
    if not allow_downtime and _leaves_a_gap(situation, target, heir):
        raise _gap(situation, target, heir)
    spec: dict[str, Any] = {"quarantine": mark.manifest()}
    if target.restore is not None:
        spec["restore"] = None
    return Order(
        command="quarantine",
        revision=target.name,
        changes=(
            Change(target.name, target.resource_version, spec, _means(situation, target, heir)),
        ),
        warning=f"This drops the order to bring back {target.name}." if target.restore else "",
        written=f"{target.name} is quarantined",
        then="the operator now takes its traffic, where it has any",
        done=f"Quarantined: {target.name} gets no traffic",
        goal=traffic_gone(target, situation),
        after=(
            *git_after_quarantine(situation, target),
            *how_to_release(situation, target.name),
        ),
        facts={
            "quarantined": target.name,
            "quarantine": mark.manifest(),
            "fallback": heir.name if heir else None,
            "manifestStillAsksForIt": situation.asks_for(target),
            "manifestDiffersIn": list(situation.differing(target)),
            "release": release_command(situation, target.name),
        },
        effect="trafficGone",
    )


def _heir(situation: Situation, target: Revision) -> Revision | None:
    """Return who is stable afterwards."""
    return next((item for item in situation.able if item.name != target.name), None)


def _leaves_a_gap(situation: Situation, target: Revision, heir: Revision | None) -> bool:
    stable = situation.stable
    is_stable = stable is not None and stable.name == target.name
    carries = is_stable or bool(situation.weight(target.name))
    return carries and (heir is None or not heir.can_answer)


def _gap(situation: Situation, target: Revision, heir: Revision | None) -> Refused:
    if heir is None:
        why = f"{target.name} is the only revision of {situation.name} that may get traffic"
        return Refused(f"{why}: --allow-downtime quarantines it, and requests get 503 then")
    return Refused(
        f"{target.name} carries traffic and {heir.name}, which would take it, has no ready pod: "
        f"`lockstep rollback {situation.name}` starts its pods first where it can; "
        "--allow-downtime quarantines at once"
    )


def _means(situation: Situation, target: Revision, heir: Revision | None) -> str:
    carries = situation.weight(target.name) or target.role == "stable"
    if not carries:
        return f"quarantine {target.name}, which carries no traffic"
    where = f"send its traffic to {heir.name}" if heir else "answer no requests"
    return f"quarantine {target.name}, the {target.role} revision, and {where}"
