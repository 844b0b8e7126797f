"""Server and model metadata of the Open Inference Protocol."""

from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from lockstep_runtime.errors import InvalidInput
from lockstep_runtime.protocol.v2 import json_object
from lockstep_runtime.routes.openapi import INDEX, INDEX_REQUEST, METADATA, READINESS
from lockstep_runtime.state import ServingState
from lockstep_runtime.tensors import TensorSpec
from lockstep_runtime.version import version

_READY: dict[int | str, dict[str, Any]] = {200: READINESS, 503: READINESS}


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _metadata(state: ServingState) -> dict[str, Any]:
    model = state.require_engine().model
    return {
        "name": state.name,
        "versions": [state.revision],
        "platform": model.platform,
        "inputs": [_tensor(spec) for spec in model.inputs],
        "outputs": [_tensor(spec) for spec in model.outputs],
        "parameters": dict(model.parameters),
    }


def _ready(state: ServingState) -> JSONResponse:
    body = {"name": state.name, "ready": state.ready}
    return JSONResponse(body, status_code=200 if state.ready else 503)


def metadata_router(state: ServingState) -> APIRouter:
    """Build the metadata routes; names come quoted, as in the URL."""
    router = APIRouter(prefix="/v2", tags=["metadata"])

    @router.get("", summary="The server")
    async def server() -> dict[str, Any]:
        extensions = ["binary_tensor_data", "model_repository"]
        return {"name": "lockstep-runtime", "version": version(), "extensions": extensions}

    @router.get(
        "/models/{model}", summary="The model's inputs and outputs", responses={200: METADATA}
    )
    async def model_metadata(model: str) -> dict[str, Any]:
        state.require_model(unquote(model))
        return _metadata(state)

    @router.get(
        "/models/{model}/versions/{version}",
        summary="The same, of a version",
        responses={200: METADATA},
    )
    async def version_metadata(model: str, version: str) -> dict[str, Any]:
        state.require_model(unquote(model), unquote(version))
        return _metadata(state)

    @router.get("/models/{model}/ready", summary="The model takes requests", responses=_READY)
    async def model_ready(model: str) -> JSONResponse:
        state.require_model(unquote(model))
        return _ready(state)

    @router.get(
        "/models/{model}/versions/{version}/ready",
        summary="The same, of a version",
        responses=_READY,
    )
    async def version_ready(model: str, version: str) -> JSONResponse:
        state.require_model(unquote(model), unquote(version))
        return _ready(state)

    @router.post(
        "/repository/index",
        summary="The one model of this server",
        responses={200: INDEX},
        openapi_extra={"requestBody": INDEX_REQUEST},
    )
    async def index(request: Request) -> list[dict[str, Any]]:
        if _only_ready(await request.body()) and not state.ready:
            return []
        entry = {"name": state.name, "version": state.revision}
        if state.ready:
            return [entry | {"state": "READY", "reason": ""}]
        return [entry | {"state": "UNAVAILABLE", "reason": f"the model is {state.phase.value}"}]

    return router


def _only_ready(body: bytes) -> bool:
    """Return the field `ready` of an index request."""
    ready = json_object(body, "'ready'").get("ready", False) if body else False
    if not isinstance(ready, bool):
        raise InvalidInput("field 'ready' must be true or false")
    return ready
