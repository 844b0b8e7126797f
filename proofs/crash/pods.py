"""HTTP with simulated pods: routers and models tell what they counted, models answer requests."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from lockstep_operator.api.group import COMPONENT_LABEL, REVISION_LABEL
from lockstep_operator.core.errors import PodUnreachable
from lockstep_operator.core.names import MODEL_PORT, TELEMETRY_PORT
from lockstep_operator.shell.pods import PodAnswer
from lockstep_operator.traffic.envoy import names
from proofs.crash.models import Models
from proofs.crash.routers import Routers

Json = Any
_NETWORK_SECONDS = 0.002


class SimulatedPods:
    """`Pods` of the operator. `prediction`: what a revision answers to any request."""

    def __init__(self, routers: Routers, models: Models, prediction: Callable[[str], int]) -> None:
        self._routers = routers
        self._models = models
        self._prediction = prediction

    async def get(self, pod: Json, port: int, path: str) -> bytes:
        """Return the body of a 200 answer."""
        return (await self.ask(pod, port, path, 1.0)).body

    async def ask(self, pod: Json, port: int, path: str, seconds: float) -> PodAnswer:
        """Answer as a router's statistics and a model's telemetry do."""
        await asyncio.sleep(_NETWORK_SECONDS)
        is_router = pod["metadata"]["labels"].get(COMPONENT_LABEL) == "router"
        body = None
        if is_router and port == names.STATS_PORT:
            body = self._routers.stats(pod, path)
        if not is_router and port == TELEMETRY_PORT:
            self._routers.count_all(pod["metadata"]["namespace"])
            body = self._models.telemetry(pod, path)
        if body is None:
            raise PodUnreachable("connection refused")
        return PodAnswer(200, body)

    async def post(
        self, pod: Json, port: int, path: str, body: Any, seconds: float, *, longest: int = 0
    ) -> PodAnswer:
        """Answer as a model does."""
        await asyncio.sleep(_NETWORK_SECONDS)
        revision = pod["metadata"]["labels"].get(REVISION_LABEL)
        if revision is None or port != MODEL_PORT:
            raise PodUnreachable("connection refused")
        output = {"name": "predict", "shape": [1], "datatype": "INT64"}
        answer = {"outputs": [{**output, "data": [self._prediction(revision)]}]}
        return PodAnswer(200, json.dumps(answer).encode())

    async def close(self) -> None:
        """Do nothing: there is no connection."""
