"""What a command would write: decided from a Situation, before anything is written; no I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lockstep_cli.situation import Situation

Manifest = dict[str, Any]

QUICK = 60.0  # seconds: a change of weights
LOADING = 600.0  # seconds: pods have to start and load a model first


@dataclass(frozen=True, slots=True)
class Mark:
    """Who orders something, when and why, as it is kept on the ModelRevision."""

    reason: str
    by: str
    time: str

    def manifest(self) -> Manifest:
        """Return the form of the API."""
        return {"reason": self.reason, "by": self.by, "time": self.time}


@dataclass(frozen=True, slots=True)
class Change:
    """A merge patch of one ModelRevision's spec, if it is still at `resource_version`.

    `means`: what that does, in the imperative; what the user agrees to.
    """

    revision: str
    resource_version: str
    spec: Manifest
    means: str


@dataclass(frozen=True, slots=True)
class Goal:
    """What shows that an order took effect.

    `reached` and `progress` judge the situation of the moment; `missed` says in a clause why it
    cannot be reached any more, None while it can. `seconds`: how long to wait by default.
    """

    reached: Callable[[Situation], bool]
    progress: Callable[[Situation], str]
    missed: Callable[[Situation], str | None] = lambda _: None
    seconds: float = QUICK


@dataclass(frozen=True, slots=True)
class Order:
    """A decision of the CLI, and everything there is to say about it.

    `warning`: sentences for the user before he agrees. `written`, `then`, `done`: clauses for what
    is written, what the operator does next, and what was seen in the end. `meanwhile`: a sentence
    for as long as that was not seen. `after`: sentences on what comes now, and what git still asks
    for. `facts`: of this command's own, for machines;
    `effect`: the name of one more fact, true when the order took effect. `goal` None: nothing to
    wait for. `harmless`: needs no question.
    """

    command: str
    revision: str
    changes: tuple[Change, ...]
    written: str
    then: str
    done: str
    goal: Goal | None
    warning: str = ""
    meanwhile: str = ""
    after: tuple[str, ...] = ()
    facts: Manifest = field(default_factory=dict)
    effect: str | None = None
    harmless: bool = False

    @property
    def wishes(self) -> dict[str, str]:
        """What it means for each revision: what the user agrees to."""
        return {change.revision: change.means for change in self.changes}

    @property
    def question(self) -> str:
        """What the user is asked before anything is written."""
        wish = " and ".join(self.wishes.values())
        return f"{self.warning} {wish[:1].upper()}{wish[1:]}?".strip()


Decide = Callable[[Situation, Mark], Order]


def in_force(wanted: object, found: object) -> bool:
    """Tell whether a merge patch is what an object already says; lists: all items are there."""
    if wanted is None:
        return found is None
    if isinstance(wanted, dict):
        held = found if isinstance(found, dict) else {}
        return all(in_force(value, held.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and all(item in found for item in wanted)
    return wanted == found


def signed(mark: Manifest) -> str:
    """Return who ordered something and why, to follow a verb: ` by ada (too slow)`."""
    by, reason = mark.get("by"), mark.get("reason")
    return (f" by {by}" if by else "") + (f" ({reason})" if reason else "")
