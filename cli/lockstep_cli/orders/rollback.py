"""`lockstep rollback`: take back the candidate, else the stable revision."""

from dataclasses import dataclass

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Mark, Order
from lockstep_cli.orders.goals import traffic_gone
from lockstep_cli.orders.restore import restore
from lockstep_cli.orders.texts import git_after_quarantine, how_to_release, release_command
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation


@dataclass(frozen=True, slots=True)
class Way:
    """`target` is taken back, `fallback` gets the traffic."""

    target: Revision
    fallback: Revision
    candidate: bool


def decide_rollback(
    situation: Situation, mark: Mark, *, to: str | None = None, allow_downtime: bool = False
) -> Order:
    """Decide what a rollback writes: a quarantine where that is enough, else a restore.

    Raises:
        Refused: there is nothing to go back to, or not to that.
    """
    if to is not None:
        wanted = situation.named(to)
        if not allow_downtime:
            return restore(situation, mark, wanted)
        if natural_way(situation).fallback.name != wanted.name:
            raise Refused(
                f"--allow-downtime goes back to {natural_way(situation).fallback.name}, the "
                f"revision before, and to no other: leave out one of the two options"
            )
    way = natural_way(situation)
    if allow_downtime or way.fallback.can_answer or not _carries(situation, way):
        return quarantine_order(situation, mark, way)
    if way.candidate:
        raise Refused(
            f"{way.fallback.name}, the stable revision, has no ready pod, and {way.target.name} "
            "carries traffic: --to goes further back without a gap, --allow-downtime quarantines "
            f"{way.target.name} at once"
        )
    return restore(situation, mark, way.fallback)


def natural_way(situation: Situation) -> Way:
    """Return what is taken back where nothing else is said, and what gets its traffic.

    Raises:
        Refused: there is nothing to take back, or nothing to go back to.
    """
    able, candidate = situation.able, situation.candidate
    if candidate is None and not able:
        raise Refused(
            f"{situation.name} has no stable revision and no rollout: nothing to roll back"
        )
    target, rest = (candidate, able) if candidate else (able[0], able[1:])
    if not rest:
        raise Refused(
            f"{target.name} is the only revision of {situation.name} that may get traffic: there "
            f"is no earlier promoted one without quarantine to go back to{_released(situation)}"
        )
    return Way(target, rest[0], candidate is not None)


def _released(situation: Situation) -> str:
    """Return in a clause what was taken back and released since: no way back by itself."""
    stable, names = situation.stable, [situation.candidate, situation.stable]
    others = [item for item in situation.revisions if item not in names and item.promotions]
    free = [item for item in others if item.quarantine is None]
    if stable is None or not free:
        return ""
    last = max(free, key=lambda item: item.promoted_at or "")
    return (
        f"; {last.name} was taken back and released since: `lockstep rollback {situation.name} "
        f"--to {last.name} -n {situation.namespace}` makes it stable again"
    )


def quarantine_order(situation: Situation, mark: Mark, way: Way) -> Order:
    """Return the order that quarantines at once, whatever the fallback can do."""
    target, fallback = way.target, way.fallback
    role = "candidate" if way.candidate else "stable revision"
    means = (
        f"quarantine {target.name}, the {role} of {situation.name}, and send all traffic to "
        f"{fallback.name}"
    )
    spec = {"quarantine": mark.manifest()}
    return Order(
        command="rollback",
        revision=target.name,
        changes=(Change(target.name, target.resource_version, spec, means),),
        warning=_state(fallback),
        written=f"{target.name} is quarantined",
        then=f"the operator now moves its traffic to {fallback.name}",
        done=f"Rolled back: {target.name} is quarantined and gets no traffic, {_serves(fallback)}",
        goal=traffic_gone(target, situation),
        after=(
            _consequence(fallback),
            *git_after_quarantine(situation, target),
            *how_to_release(situation, target.name),
        ),
        facts={
            "quarantined": target.name,
            "quarantine": mark.manifest(),
            "fallback": fallback.name,
            "wasCandidate": way.candidate,
            "manifestStillAsksForIt": situation.asks_for(target),
            "manifestDiffersIn": list(situation.differing(target)),
            "release": release_command(situation, target.name),
        },
        effect="trafficGone",
    )


def _carries(situation: Situation, way: Way) -> bool:
    """Whether taking the target back takes traffic from somebody; unknown counts as yes."""
    return not way.candidate or situation.weight(way.target.name) != 0


def _state(fallback: Revision) -> str:
    if fallback.can_answer:
        return f"{fallback.name} is warm, {fallback.ready} ready."
    return f"{fallback.name} has no ready pod: requests fail until it has loaded."


def _serves(fallback: Revision) -> str:
    """Return in a clause what the one that gets the traffic can do with it."""
    if fallback.can_answer:
        return f"{fallback.name} serves"
    return f"but {fallback.name} does not serve yet, requests fail"


def _consequence(fallback: Revision) -> str:
    if fallback.can_answer:
        return f"{fallback.name} was warm: no pod starts and no model is loaded."
    return (
        f"{fallback.name} was {fallback.warmth}: requests fail until a pod of it has loaded the "
        "model; the condition Available says when."
    )
