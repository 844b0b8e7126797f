"""How often to look at what does not move.

A plan may ask to be made again in a quarter of a second, because a router is about to take over
its configuration. Where that never happens (no node has room for the router), looking so often
would only burn processors, so the same plan made again and again is made less and less often.
"""

from dataclasses import replace

from lockstep_operator.core.plan import Plan
from lockstep_operator.shell.keys import Key

_SLOWEST = 5.0
_GROWTH = 1.2  # so that a wait is never prolonged by more than a fifth of itself


class Pace:
    """Stretches short delays while the plan for a key stays the same; events do not wait for it."""

    def __init__(self) -> None:
        self._last: dict[Key, tuple[Plan, int]] = {}

    def stretch(self, key: Key, plan: Plan, delay: float | None) -> float | None:
        """Return the delay, or a longer one of at most some seconds."""
        if delay is None or delay >= _SLOWEST:
            self._last.pop(key, None)
            return delay
        said = replace(plan, requeue_after=None)
        before, times = self._last.get(key, (None, 0))
        times = times + 1 if said == before else 0
        self._last[key] = (said, times)
        return min(_SLOWEST, delay * _GROWTH ** min(times, 100))

    def forget(self, key: Key) -> None:
        """Forget a key that is gone."""
        self._last.pop(key, None)
