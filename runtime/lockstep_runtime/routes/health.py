"""GET /v2/health/live and /v2/health/ready."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from lockstep_runtime.state import ServingState

# Envoy takes the host out of rotation at once instead of after its failure threshold.
_DRAIN_HEADERS = {"x-envoy-immediate-health-check-fail": "true"}


def health_router(state: ServingState) -> APIRouter:
    """Build the health routes."""
    router = APIRouter(prefix="/v2/health", tags=["health"])

    @router.get("/live", summary="The process works, loaded or not")
    async def live() -> JSONResponse:
        return JSONResponse({"live": True}, headers=_DRAIN_HEADERS if state.draining else None)

    @router.get("/ready", summary="The model is loaded, warmed up and not draining")
    async def ready() -> JSONResponse:
        if state.ready:
            return JSONResponse({"ready": True})
        return JSONResponse(
            {"ready": False, "error": f"model {state.name!r} is {state.phase.value}"},
            status_code=503,
            headers=_DRAIN_HEADERS if state.draining else None,
        )

    return router
