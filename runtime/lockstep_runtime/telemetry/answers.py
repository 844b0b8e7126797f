"""Recent answers, for comparing two revisions request by request."""

from collections import deque
from collections.abc import Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any

import orjson

from lockstep_runtime.telemetry.sampling import Sampler
from lockstep_runtime.tensors import Tensor

MAX_ANSWERS = 2048
MAX_BYTES = 8 << 20
# Larger answers are kept as a digest.
MAX_VALUES = 1024
MAX_ANSWER_BYTES = 32 << 10
MAX_ITEMS = 1000


class RecentAnswers:
    """A sample of the last answers, each as the JSON that `/telemetry` sends.

    An answer's number is how many were kept up to it since the process started; a cursor is the
    number of the last answer that a reader has.
    """

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._sampler = sampler or Sampler()
        self._items: deque[bytes] = deque()
        self._bytes = 0
        self._last = 0

    def offer(
        self, identity: bytes, assignment: str, outputs: Sequence[Tensor], now: float
    ) -> None:
        """Keep the answer if its request is sampled; the oldest goes when there are too many."""
        if not self._sampler.choose(identity, now):
            return
        item = _item(identity.decode("latin-1"), assignment, outputs)
        self._items.append(item)
        self._bytes += len(item)
        self._last += 1
        while len(self._items) > MAX_ANSWERS or self._bytes > MAX_BYTES:
            self._bytes -= len(self._items.popleft())

    def after(self, cursor: int | None) -> tuple[int, list[bytes]]:
        """Return the next cursor, and at most `MAX_ITEMS` answers after `cursor`, oldest first.

        None stands for now. A cursor of the future is of another process: begin at the oldest.
        """
        if cursor is None:
            return self._last, []
        oldest = self._last - len(self._items) + 1
        start = 0 if cursor > self._last else max(0, cursor + 1 - oldest)
        found = list(islice(self._items, start, start + MAX_ITEMS))
        return oldest - 1 + start + len(found), found


def _item(identity: str, assignment: str, outputs: Sequence[Tensor]) -> bytes:
    item: dict[str, Any] = {"id": identity, "assignment": assignment, "outputs": None}
    item["digest"] = digest(outputs)
    if sum(tensor.array.size for tensor in outputs) <= MAX_VALUES:
        values = orjson.dumps(
            {tensor.name: _flat(tensor) for tensor in outputs}, option=orjson.OPT_SERIALIZE_NUMPY
        )
        if len(values) <= MAX_ANSWER_BYTES:
            item["outputs"] = orjson.Fragment(values)
    return orjson.dumps(item)


def _flat(tensor: Tensor) -> Any:
    flat = tensor.array.ravel()
    return flat.tolist() if tensor.datatype == "BYTES" else flat


def digest(outputs: Sequence[Tensor]) -> str:
    """Return a hash of names, datatypes, shapes and values, hex: equal when all of it is equal."""
    whole = blake2b(digest_size=16)
    for tensor in outputs:
        whole.update(orjson.dumps([tensor.name, tensor.datatype, tensor.array.shape]))
        flat = tensor.array.ravel()
        whole.update(orjson.dumps(flat.tolist()) if tensor.datatype == "BYTES" else flat.data)
    return whole.hexdigest()
