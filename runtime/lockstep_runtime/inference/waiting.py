"""What waits for the model, and whom to tell what came of it."""

import asyncio
from collections.abc import Callable
from typing import Any

from lockstep_runtime.inference.batches import rows_of
from lockstep_runtime.tensors import Batch

Done = Callable[[Any], None]


class Waiting:
    """Something in the queue.

    Attributes:
        arrived: by the event loop's clock.
        settled: its outcome was handed out, or nobody waits for it any more.
    """

    __slots__ = ("_done", "arrived", "settled")

    def __init__(self, arrived: float, done: Done) -> None:
        self.arrived = arrived
        self.settled = False
        self._done = done

    def settle(self, outcome: Any) -> None:
        """Hand out a result or an error, once."""
        if self.settled:
            return
        self.settled = True
        try:
            self._done(outcome)
        except Exception as error:  # the others of its batch are still to be told
            context = {"message": "an answer could not be handed out", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


class Job(Waiting):
    """A call that is no batch."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[], Any], arrived: float, done: Done) -> None:
        super().__init__(arrived, done)
        self.function = function


class Request(Waiting):
    """Rows that may share a call with others.

    Attributes:
        expiry: ends its patience.
    """

    __slots__ = ("batch", "expiry", "outputs", "rows")

    def __init__(self, batch: Batch, outputs: tuple[str, ...], arrived: float, done: Done) -> None:
        super().__init__(arrived, done)
        self.batch = batch
        self.outputs = outputs
        self.rows = rows_of(batch)
        self.expiry: asyncio.TimerHandle | None = None
