"""Waiting until an order was seen to take effect, and telling how it goes."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lockstep_cli.errors import CliError
from lockstep_cli.order import Goal
from lockstep_cli.output import stderr
from lockstep_cli.situation import Situation

_PERIOD: Final = 0.1  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Seen:
    """`seconds` until it took effect, None when it was not seen to; then `problem` says why."""

    seconds: float | None
    problem: str = ""


class _Progress:
    """A line that is redrawn on a terminal, and told once per change elsewhere."""

    def __init__(self) -> None:
        self.words = ""
        self._status = stderr().status("waiting for the operator")

    def __enter__(self) -> "_Progress":
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def tell(self, words: str) -> None:
        """Show how it goes."""
        if words != self.words and not sys.stderr.isatty():
            stderr().print(words, markup=False)
        self._status.update(words.replace("[", "\\["))
        self.words = words


def follow(look: Callable[[], Situation], goal: Goal, started: float, timeout: float) -> Seen:
    """Look until the goal is reached or missed, the time is over, or the user stops it.

    `started`: on the monotonic clock. A cluster that does not answer is asked again.
    """
    try:
        with _Progress() as progress:
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
    look: Callable[[], Situation], goal: Goal, started: float, progress: _Progress
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
