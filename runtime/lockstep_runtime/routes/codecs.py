"""How an inference path reads its requests and writes its answers."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from lockstep_runtime.model import Model
from lockstep_runtime.protocol import v1, v2
from lockstep_runtime.protocol.requests import InferRequest
from lockstep_runtime.routes.asgi import JSON, OCTETS, Header
from lockstep_runtime.state import ServingState
from lockstep_runtime.tensors import Tensor

# In both directions: the length of the JSON that the binary data follows.
HEADER_LENGTH = b"inference-header-content-length"


class Codec(Protocol):
    """One protocol over HTTP."""

    def read(self, body: bytes, headers: Mapping[bytes, bytes], model: Model) -> InferRequest:
        """Decode a request.

        Raises:
            InvalidInput: it is malformed.
        """

    def write(
        self, state: ServingState, request: InferRequest, outputs: Sequence[Tensor]
    ) -> tuple[bytes, list[Header]]:
        """Return an answer's body, and the headers that describe it."""


class V2Codec:
    """The Open Inference Protocol, with its binary extension."""

    def read(self, body: bytes, headers: Mapping[bytes, bytes], model: Model) -> InferRequest:
        """Decode a request."""
        return v2.parse_request(body, headers.get(HEADER_LENGTH))

    def write(
        self, state: ServingState, request: InferRequest, outputs: Sequence[Tensor]
    ) -> tuple[bytes, list[Header]]:
        """Return an answer's body and headers."""
        body, length = v2.render_response(state.name, state.revision, request, outputs)
        if length is None:
            return body, [(b"content-type", JSON)]
        return body, [(b"content-type", OCTETS), (HEADER_LENGTH, b"%d" % length)]


class V1ExplainCodec:
    """KServe's V1 protocol for explanations."""

    def read(self, body: bytes, headers: Mapping[bytes, bytes], model: Model) -> InferRequest:
        """Decode a request."""
        return v1.parse_request(body, model.inputs)

    def write(
        self, state: ServingState, request: InferRequest, outputs: Sequence[Tensor]
    ) -> tuple[bytes, list[Header]]:
        """Return an answer's body and headers."""
        return v1.render_explanations(outputs), [(b"content-type", JSON)]


class V1Codec:
    """KServe's V1 protocol."""

    def read(self, body: bytes, headers: Mapping[bytes, bytes], model: Model) -> InferRequest:
        """Decode a request."""
        return v1.parse_request(body, model.inputs)

    def write(
        self, state: ServingState, request: InferRequest, outputs: Sequence[Tensor]
    ) -> tuple[bytes, list[Header]]:
        """Return an answer's body and headers."""
        return v1.render_response(outputs), [(b"content-type", JSON)]
