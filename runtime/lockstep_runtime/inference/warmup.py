"""What a call of the model costs, measured before the first request."""

import time
from dataclasses import dataclass

from lockstep_runtime.model import Model

_CALLS = 5
MEASURED_ROWS = 64
_MEMORY = 0.9  # how much of the estimate stays when a call took another time


@dataclass(frozen=True, slots=True)
class CallCost:
    """Seconds of a call: `base` for one row, `per_row` for each one more."""

    base: float
    per_row: float

    def seconds(self, rows: int) -> float:
        """Return what a call with so many rows takes."""
        return self.base + self.per_row * (rows - 1)

    def corrected(self, rows: int, seconds: float) -> "CallCost":
        """Return the estimate after a call that took `seconds`: what warm-up sent need not be
        what users send.
        """
        off = seconds - self.seconds(rows)
        return CallCost(max(0.0, self.base + (1 - _MEMORY) * off), self.per_row)


def warm_up(model: Model) -> CallCost | None:
    """Predict plausible batches a few times and measure; None without an example.

    The first calls after loading pay for lazy imports and cold caches, which no user should.
    """
    single = _seconds(model, 1)
    if single is None:
        return None
    many = _seconds(model, MEASURED_ROWS) if model.batchable else None
    per_row = max(0.0, many - single) / (MEASURED_ROWS - 1) if many is not None else single
    return CallCost(single, per_row)


def _seconds(model: Model, rows: int) -> float | None:
    """Return the least seconds of a call, the first one left out: noise only adds."""
    batch = model.example(rows)
    if batch is None:
        return None
    names = tuple(spec.name for spec in model.outputs)
    found = []
    for _ in range(_CALLS + 1):
        start = time.perf_counter()
        model.predict(batch, names)
        found.append(time.perf_counter() - start)
    return min(found[1:])
