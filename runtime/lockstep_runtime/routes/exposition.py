"""GET /metrics on the inference port, for a server without a telemetry port."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from lockstep_runtime.metrics import CONTENT_TYPE, Metrics


def metrics_router(metrics: Metrics) -> APIRouter:
    """Build the metrics route."""
    router = APIRouter(tags=["metrics"])

    @router.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=PlainTextResponse,
        responses={200: {"content": {"text/plain": {}}}},
    )
    async def exposition() -> Response:
        return Response(metrics.render(), headers={"content-type": CONTENT_TYPE})

    return router
