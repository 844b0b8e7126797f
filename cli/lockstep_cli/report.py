"""What an order did, what happens next, and what git still asks for."""

from dataclasses import dataclass
from typing import Any

from rich.console import Group

from lockstep_cli.following import Seen
from lockstep_cli.lease import Operator
from lockstep_cli.order import Order

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An order that was written. `seen` None: nobody waited."""

    order: Order
    name: str
    namespace: str
    operator: Operator
    seen: Seen | None

    @property
    def took_effect(self) -> bool:
        """Whether it was seen to take effect."""
        return self.seen is not None and self.seen.seconds is not None

    @property
    def next_lines(self) -> tuple[str, ...]:
        """What happens next, and what git still asks for."""
        meanwhile = self.order.meanwhile
        first = (meanwhile,) if meanwhile and not self.took_effect else ()
        return (*first, *self.order.after)

    def machine(self) -> Manifest:
        """Return the form for `-o json` and `-o yaml`: camelCase names that do not change."""
        seconds = self.seen.seconds if self.seen else None
        effect = {self.order.effect: self.took_effect} if self.order.effect else {}
        return {
            "command": self.order.command,
            "name": self.name,
            "namespace": self.namespace,
            "revision": self.order.revision,
            "changes": [
                {"revision": change.revision, "spec": change.spec} for change in self.order.changes
            ],
            **self.order.facts,
            **effect,
            "tookEffect": self.took_effect,
            "seconds": None if seconds is None else round(seconds, 3),
            "problem": (self.seen.problem if self.seen else "") or None,
            "next": list(self.next_lines),
        }


def explain(outcome: Outcome) -> Group:
    """Return the explanation for people."""
    return Group(_done(outcome), *outcome.next_lines)


def _done(outcome: Outcome) -> str:
    order, seen = outcome.order, outcome.seen
    if seen is not None and seen.seconds is not None:
        return f"{order.done}, {seen.seconds:.2f} s after the write."
    if outcome.operator.missing:
        return (
            f"{order.written}, but no operator runs: nothing has moved. What is written is kept; "
            "the first operator that runs acts on it."
        )
    if seen is None:
        return f"{order.written}; {order.then}." if order.goal else f"{order.written}."
    return f"{order.written}, but {seen.problem}. Look at `lockstep status {outcome.name}`."
