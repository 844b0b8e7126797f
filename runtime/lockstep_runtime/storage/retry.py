"""Trying again what failed in passing, with a pause that grows."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.redaction import scrub
from lockstep_runtime.storage.source import Transient

_LONGEST_PAUSE = 15.0
_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


def retried(call: Callable[[], _Result], what: str, limits: TransferLimits) -> _Result:
    """Return what `call` returns, after some attempts if need be.

    Raises:
        FetchFailure: every attempt failed, or one in a way that another would not mend.
    """
    attempt = 1
    while True:
        try:
            return call()
        except Transient as error:
            give_up_or_pause(error, attempt, what, limits)
        attempt += 1


def give_up_or_pause(
    error: Transient,
    attempt: int,
    what: str,
    limits: TransferLimits,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """After the failed attempt number `attempt`: wait for the next one.

    Raises:
        FetchFailure: it was the last one.
    """
    reason = scrub(str(error))
    if attempt >= limits.attempts:
        raise FetchFailure(f"cannot fetch {what}: {reason} (tried {attempt} times)") from error
    _log.warning("fetching failed, trying again", extra={"fields": {"reason": reason}})
    # Pods of one rollout start together; without some chance they would come back together.
    share = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    pause(min(limits.backoff * 2 ** (attempt - 1), _LONGEST_PAUSE) * share)
