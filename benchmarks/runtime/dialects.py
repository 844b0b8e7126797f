"""How each server is asked, and how its answers are read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.runtime.models import Rows

_HEADER_LENGTH = "inference-header-content-length"
_NUMPY = {"FP32": "<f4", "FP64": "<f8", "INT32": "<i4", "INT64": "<i8"}


@dataclass(frozen=True)
class Request:
    """A body and its headers."""

    body: bytes
    headers: Mapping[str, str]


class Dialect(Protocol):
    """One way to ask and to answer."""

    def request(self, rows: Rows) -> Request:
        """Return the request for these rows."""
        ...

    def classes(self, body: bytes, headers: Mapping[str, str]) -> list[int] | None:
        """Return the classes in an answer; None: the server has no model, the answer is fixed.

        Raises:
            ValueError, LookupError, TypeError: it is no such answer.
        """
        ...


@dataclass(frozen=True)
class V2:
    """The Open Inference Protocol in JSON; `output`: the only one asked for, if any."""

    datatype: str = "FP64"
    output: str | None = None
    input: str = "input"

    def request(self, rows: Rows) -> Request:
        """Return the request, its data flat."""
        tensor = {**_tensor(rows, self.input, self.datatype), "data": rows.ravel().tolist()}
        message = {"inputs": [tensor], **_wanted(self.output)}
        return Request(_compact(message), {"content-type": "application/json"})

    def classes(self, body: bytes, headers: Mapping[str, str]) -> list[int]:
        """Return the first output (or the largest share of each row)."""
        [first, *_] = json.loads(body)["outputs"]
        return _as_classes(np.array(first["data"]).reshape(first["shape"]))


@dataclass(frozen=True)
class V2Binary:
    """The same with the binary tensor extension in both directions."""

    datatype: str = "FP64"
    output: str | None = None
    input: str = "input"

    def request(self, rows: Rows) -> Request:
        """Return the request: a JSON header, then the tensor's bytes."""
        raw = rows.astype(_NUMPY[self.datatype]).tobytes()
        sized = {"parameters": {"binary_data_size": len(raw)}}
        tensor = {**_tensor(rows, self.input, self.datatype), **sized}
        everything = {"parameters": {"binary_data_output": True}}
        head = _compact({"inputs": [tensor], **everything, **_wanted(self.output)})
        headers = {"content-type": "application/octet-stream", _HEADER_LENGTH: str(len(head))}
        return Request(head + raw, headers)

    def classes(self, body: bytes, headers: Mapping[str, str]) -> list[int]:
        """Return the first output; it must be binary."""
        length = int(headers[_HEADER_LENGTH])
        [first, *_] = json.loads(body[:length])["outputs"]
        raw = body[length : length + first["parameters"]["binary_data_size"]]
        return _as_classes(np.frombuffer(raw, _NUMPY[first["datatype"]]).reshape(first["shape"]))


@dataclass(frozen=True)
class BentoJson:
    """A BentoML service's own JSON: the argument by name, the array as it is."""

    def request(self, rows: Rows) -> Request:
        """Return the request."""
        body = _compact({"rows": rows.tolist()})
        return Request(body, {"content-type": "application/json"})

    def classes(self, body: bytes, headers: Mapping[str, str]) -> list[int]:
        """Return the array."""
        return _as_classes(np.array(json.loads(body)))


@dataclass(frozen=True)
class Fixed:
    """A V2 request to a server without a model."""

    def request(self, rows: Rows) -> Request:
        """Return the request."""
        return V2().request(rows)

    def classes(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Accept the fixed answer only."""
        if body != b"{}":
            raise ValueError(f"answered {body[:80]!r}")


def _tensor(rows: Rows, name: str, datatype: str) -> dict[str, object]:
    return {"name": name, "shape": list(rows.shape), "datatype": datatype}


def _wanted(output: str | None) -> dict[str, object]:
    return {} if output is None else {"outputs": [{"name": output}]}


def _compact(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def _as_classes(output: Rows) -> list[int]:
    if output.ndim == 2 and output.shape[1] > 1:
        output = output.argmax(axis=1)
    return [int(one) for one in output.ravel()]
