"""GET /metrics on the inference port, for a server without a telemetry port."""

from fastapi import APIRouter
from fastapi.responses import Response

from lockstep_runtime.metrics import CONTENT_TYPE, Metrics


def metrics_router(metrics: Metrics) -> APIRouter:
    """Build the metrics route."""
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics", summary="Prometheus metrics")
    async def exposition() -> Response:
        return Response(metrics.render(), headers={"content-type": CONTENT_TYPE})

    return router
