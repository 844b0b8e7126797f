"""`lockstep release`: lift a quarantine."""

from lockstep_cli.errors import Refused
from lockstep_cli.order import Change, Goal, Mark, Order, signed
from lockstep_cli.revision import Revision
from lockstep_cli.situation import Situation


def decide_release(situation: Situation, _mark: Mark, *, revision: str) -> Order:
    """Decide what `release` writes.

    Raises:
        Refused: it is not quarantined.
    """
    target = situation.named(revision)
    if target.quarantine is None:
        raise Refused(f"{target.name} is not quarantined")
    name = target.name
    asked = situation.asks_for(target)
    return Order(
        command="release",
        revision=name,
        changes=(
            Change(name, target.resource_version, {"quarantine": None}, _means(target, asked)),
        ),
        warning=f"{name} was quarantined{signed(target.quarantine)}.",
        written=f"{name} is released from quarantine",
        then="the operator now acts on it",
        done=f"Released: {name} may get traffic again",
        goal=None if situation.deployment is None else _released(target),
        after=(_next(situation, target, asked),),
        facts={
            "released": name,
            "quarantine": target.quarantine,
            "manifestAsksForIt": asked,
        },
    )


def _means(target: Revision, asked: bool) -> str:
    next_step = ", which then rolls out from step one" if asked else ""
    return f"release {target.name}{next_step}"


def _next(situation: Situation, target: Revision, asked: bool) -> str:
    if situation.deployment is None:
        return (
            f"There is no ModelDeployment {situation.name}: the mark is gone, and a new one that "
            f"asks for {target.model_uri} rolls out as any other."
        )
    if asked:
        return (
            f"The manifest asks for {target.model_uri}: it rolls out from step one. `lockstep "
            f"abort {situation.name}` stops that without a new quarantine."
        )
    return (
        f"Nothing moves: the manifest does not ask for {target.model_uri}. When it does, that "
        "rolls out from step one."
    )


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
