"""KServe's V1 paths that are no inference."""

from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from lockstep_runtime.routes.openapi import READINESS
from lockstep_runtime.state import ServingState


def v1_router(state: ServingState) -> APIRouter:
    """Build the list of models, and the state of one."""
    router = APIRouter(prefix="/v1", tags=["V1"])

    @router.get("/models", summary="The models of this server")
    async def models() -> dict[str, Any]:
        return {"models": [state.name]}

    @router.get(
        "/models/{model}",
        summary="Whether the model takes requests",
        responses={200: READINESS, 503: READINESS},
    )
    async def model_state(model: str) -> JSONResponse:
        state.require_model(unquote(model))
        body = {"name": state.name, "ready": state.ready}
        return JSONResponse(body, status_code=200 if state.ready else 503)

    return router
