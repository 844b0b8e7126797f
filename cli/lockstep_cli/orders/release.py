"""`lockstep release`: lift a quarantine."""

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Goal, Mark, Order, signed
from lockstep_cli.orders.texts import how_it_differs, how_it_starts, made_of
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation


def decide_release(situation: Situation, mark: Mark, *, revision: str) -> Order:
    """Decide what `release` writes.

    Raises:
        Refused: it is not quarantined.
    """
    target = situation.named(revision)
    if target.quarantine is None:
        raise Refused(f"{target.name} is not quarantined")
    name, spec = target.name, {"quarantine": None, "released": mark.manifest()}
    return Order(
        command="release",
        revision=name,
        changes=(Change(name, target.resource_version, spec, _means(situation, target)),),
        warning=f"{name} was quarantined{signed(target.quarantine)}.",
        written=f"{name} is released from quarantine",
        then="the operator now acts on it",
        done=f"Released: {name} may get traffic again",
        goal=None if situation.deployment is None else _released(target),
        after=(_next(situation, target),),
        facts={
            "released": name,
            "quarantine": target.quarantine,
            "manifestAsksForIt": situation.asks_for(target),
            "manifestDiffersIn": list(situation.differing(target)),
        },
    )


def _means(situation: Situation, target: Revision) -> str:
    moves = _moves(situation, target)
    return f"release {target.name}" + (f", which then {moves}" if moves else "")


def _moves(situation: Situation, target: Revision) -> str:
    """Return what the released revision does by itself, empty when nothing moves."""
    stable = situation.stable
    if situation.deployment is None:
        return ""
    if target.promotion > (stable.promotion if stable else 0):
        return "is stable again and takes all traffic at once when a pod is ready"
    if not situation.asks_for(target):
        return ""
    return how_it_starts(situation)


def _next(situation: Situation, target: Revision) -> str:
    moves = _moves(situation, target)
    if situation.deployment is None:
        return (
            f"There is no ModelDeployment {situation.name}: the mark is gone, and a new one that "
            f"asks for {made_of(target)} rolls out as any other."
        )
    if not moves:
        return (
            f"Nothing moves: the manifest does not ask for {made_of(target)}, "
            f"{how_it_differs(situation, target)}."
        )
    asked = f"The manifest asks for {made_of(target)}: it" if situation.asks_for(target) else "It"
    stop = (
        f" `lockstep abort {situation.name}` stops that without a new quarantine."
        if situation.stable and situation.asks_for(target) and not target.promotion
        else ""
    )
    return f"{asked} {moves}.{stop}"


def _released(target: Revision) -> Goal:
    name = target.name

    def reached(now: Situation) -> bool:
        found = now.now(name)
        return found is not None and found.role not in ("quarantined", "pending")

    def missed(now: Situation) -> str | None:
        found = now.now(name)
        if found is None:
            return f"{name} is gone"
        again = found.quarantine
        return f"it was quarantined again{signed(again)}" if again else None

    return Goal(reached, lambda now: f"{name}: waiting for the operator", missed)
