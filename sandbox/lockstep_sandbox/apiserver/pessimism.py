"""What a busy cluster does now and then, more often: late watches, 409, 410, 429, lost answers."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field

from lockstep_sandbox.apiserver.call import Call
from lockstep_sandbox.apiserver.errors import ApiError, conflict

log = logging.getLogger(__name__)
_WRITES = ("create", "update", "patch", "delete")
# They end at a lost answer or a 410, where a person would type the command again.
_TOOLS = ("kubectl", "Helm", "helm")


@dataclass
class Pessimism:
    """Chances per request; seeded, so that a run can be repeated. The sandbox's own are spared."""

    seed: int = 0
    lag: float = 0.5  # seconds that a watch event is late at most
    conflict: float = 0.03  # of conditional writes
    expired: float = 0.1  # of watches that go on from a version
    busy: float = 0.005  # of all requests
    lost: float = 0.02  # of writes that succeeded
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311

    def before(self, call: Call) -> None:
        """Raise what goes wrong before a request is looked at."""
        if self._strikes(call, self.busy, "429"):
            details, message = {"retryAfterSeconds": 1}, "too many requests, please try again later"
            raise ApiError(429, "TooManyRequests", message, details, {"Retry-After": "1"})
        conditional = call.verb in ("update", "patch") and b"resourceVersion" in call.body
        if conditional and self._strikes(call, self.conflict, "409"):
            raise conflict(call.resource.name, call.resource.group, call.name)

    def check_watch(self, call: Call) -> None:
        """Raise ApiError 410 now and then."""
        goes_on = call.query.get("resourceVersion", "0") != "0"
        if goes_on and not _by_hand(call) and self._strikes(call, self.expired, "410"):
            raise ApiError(410, "Expired", "too old resource version")

    def lateness(self, call: Call) -> float:
        """Return how many seconds late the next event of a watch is."""
        return 0.0 if call.user.own else self._dice.uniform(0, self.lag)

    def loses(self, call: Call) -> bool:
        """Tell whether the answer to a write that succeeded gets lost."""
        if _by_hand(call) or call.verb not in _WRITES or call.dry_run:
            return False
        return self._strikes(call, self.lost, "lost answer")

    def _strikes(self, call: Call, chance: float, what: str) -> bool:
        if call.user.own or self._dice.random() >= chance:
            return False
        log.warning("pessimism: %s for %s %s %s", what, call.verb, call.resource.name, call.name)
        return True


def _by_hand(call: Call) -> bool:
    return call.headers.get("User-Agent", "").startswith(_TOOLS)


NONE = Pessimism(lag=0, conflict=0, expired=0, busy=0, lost=0)
