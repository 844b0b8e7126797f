"""Waiting until an order was seen to take effect, and telling how it goes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lockstep_cli.errors import CliError
from lockstep_cli.order import Goal
from lockstep_cli.output import Progress
from lockstep_cli.situation import Situation

_PERIOD: Final = 0.1  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Seen:
    """`seconds` until it took effect, None when it was not seen to; then `problem` says why."""

    seconds: float | None
    problem: str = ""


def follow(look: Callable[[], Situation], goal: Goal, started: float, timeout: float) -> Seen:
    """Look until the goal is reached or missed, the time is over, or the user stops it.

    `started`: on the monotonic clock. A cluster that does not answer is asked again.
    """
    try:
        with Progress("waiting for the operator") as progress:
            while time.monotonic() - started < timeout:
                seen = _look_once(look, goal, started, progress)
                if seen is not None:
                    return seen
                time.sleep(_PERIOD)
    except KeyboardInterrupt:
        return Seen(None, "you stopped waiting for it")
    last = f": {progress.words}" if progress.words else ""
    return Seen(None, f"it was not seen to take effect within {timeout:g} s{last}")


def _look_once(
    look: Callable[[], Situation], goal: Goal, started: float, progress: Progress
) -> Seen | None:
    try:
        situation = look()
    except CliError as error:
        progress.tell(str(error))  # what is written stays; the cluster may answer again
        return None
    if goal.reached(situation):
        return Seen(time.monotonic() - started)
    missed = goal.missed(situation)
    if missed is not None:
        return Seen(None, missed)
    progress.tell(goal.progress(situation))
    return None
