"""Everything of the inference service but ModelInfer: health, metadata, the repository's index."""

from collections.abc import Callable, Mapping
from typing import Any

from lockstep_runtime.grpc_service.calls import Call
from lockstep_runtime.grpc_service.codec import parse_message
from lockstep_runtime.grpc_service.messages import Inference
from lockstep_runtime.state import ServingState
from lockstep_runtime.tensors import TensorSpec
from lockstep_runtime.version import version

# Methods that a probe may call without a token.
PROBES = frozenset({"ServerLive", "ServerReady"})
_EXTENSIONS = ("binary_tensor_data", "model_repository")


class Pages:
    """Tells what the server and its model are."""

    def __init__(self, state: ServingState) -> None:
        self._state = state

    def calls(self) -> Mapping[str, Call]:
        """Return the calls by the name of their method."""
        methods: Mapping[str, Callable[[Any], Any]] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "RepositoryIndex": self._repository_index,
        }
        return {name: _call(name, answer) for name, answer in methods.items()}

    def _server_live(self, _: Any) -> Any:
        return Inference.ServerLiveResponse(live=True)

    def _server_ready(self, _: Any) -> Any:
        return Inference.ServerReadyResponse(ready=self._state.ready)

    def _model_ready(self, request: Any) -> Any:
        self._state.require_model(request.name, request.version or None)
        return Inference.ModelReadyResponse(ready=self._state.ready)

    def _server_metadata(self, _: Any) -> Any:
        return Inference.ServerMetadataResponse(
            name="lockstep-runtime", version=version(), extensions=_EXTENSIONS
        )

    def _model_metadata(self, request: Any) -> Any:
        state = self._state
        state.require_model(request.name, request.version or None)
        model = state.require_engine().model
        return Inference.ModelMetadataResponse(
            name=state.name,
            versions=[state.revision],
            platform=model.platform,
            inputs=[_tensor(spec) for spec in model.inputs],
            outputs=[_tensor(spec) for spec in model.outputs],
        )

    def _repository_index(self, request: Any) -> Any:
        state = self._state
        entry = {"name": state.name, "version": state.revision}
        if state.ready:
            entry |= {"state": "READY"}
        elif request.ready:
            return Inference.RepositoryIndexResponse()
        else:
            entry |= {"state": "UNAVAILABLE", "reason": f"the model is {state.phase.value}"}
        return Inference.RepositoryIndexResponse(models=[entry])


def _call(name: str, answer: Callable[[Any], Any]) -> Call:
    kind = getattr(Inference, f"{name}Request")

    async def call(body: bytes, _: Any) -> bytes:
        serialised: bytes = answer(parse_message(kind, body)).SerializeToString()
        return serialised

    return call


def _tensor(spec: TensorSpec) -> Any:
    return Inference.ModelMetadataResponse.TensorMetadata(
        name=spec.name, datatype=spec.datatype, shape=spec.shape
    )
