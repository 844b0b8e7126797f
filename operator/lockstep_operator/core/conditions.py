"""Conditions that keep their transition time while their status does not change."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lockstep_operator.api.conditions import Condition
from lockstep_operator.core.times import format_time


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one condition should say."""

    type: str
    true: bool | None
    reason: str
    message: str = ""


def stamped(
    verdicts: Iterable[Verdict], before: Iterable[Condition], generation: int, now: datetime
) -> list[Condition]:
    """Return the conditions, `lastTransitionTime` taken over where the status is as before."""
    known = {condition.type: condition for condition in before}
    return [_stamp(verdict, known.get(verdict.type), generation, now) for verdict in verdicts]


def _stamp(verdict: Verdict, before: Condition | None, generation: int, now: datetime) -> Condition:
    status = {True: "True", False: "False", None: "Unknown"}[verdict.true]
    same = before is not None and before.status == status
    return Condition(
        type=verdict.type,
        status=status,  # type: ignore[arg-type]
        reason=verdict.reason,
        message=verdict.message[:1024],
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before and same else format_time(now),
    )
