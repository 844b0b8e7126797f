"""Server and model metadata of the Open Inference Protocol."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from lockstep_runtime.state import ServingState
from lockstep_runtime.tensors import TensorSpec
from lockstep_runtime.version import version


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
    """Build the metadata routes."""
    router = APIRouter(prefix="/v2", tags=["metadata"])

    @router.get("", summary="The server")
    async def server() -> dict[str, Any]:
        return {"name": "lockstep-runtime", "version": version(), "extensions": []}

    @router.get("/models/{model}", summary="The model's inputs and outputs")
    async def model_metadata(model: str) -> dict[str, Any]:
        state.require_model(model)
        return _metadata(state)

    @router.get("/models/{model}/versions/{version}", summary="The same, of a version")
    async def version_metadata(model: str, version: str) -> dict[str, Any]:
        state.require_model(model, version)
        return _metadata(state)

    @router.get("/models/{model}/ready", summary="The model takes requests")
    async def model_ready(model: str) -> JSONResponse:
        state.require_model(model)
        return _ready(state)

    @router.get("/models/{model}/versions/{version}/ready", summary="The same, of a version")
    async def version_ready(model: str, version: str) -> JSONResponse:
        state.require_model(model, version)
        return _ready(state)

    return router
