"""OpenTelemetry traces, on when the usual variables name an endpoint; needs the extra `tracing`.

W3C trace context comes in with the request and is current while the application answers it, so
that a custom model's own calls carry it on. The exporter reads OTEL_EXPORTER_OTLP_ENDPOINT and the
like by itself.
"""

import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from lockstep_runtime.errors import RuntimeFailure
from lockstep_runtime.routes.asgi import Message, Receive, Scope, Send
from lockstep_runtime.state import ServingState

_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROBES = b"/v2/health/"
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def wanted() -> bool:
    """Tell whether the environment names where traces go."""
    return any(os.environ.get(name) for name in _VARIABLES)


class Tracing:
    """Makes a span of each request."""

    def __init__(self, state: ServingState, exporter: Any = None) -> None:
        """Export to the endpoint of the environment, or to `exporter`.

        Raises:
            RuntimeFailure: the package is missing.
        """
        try:
            from opentelemetry import propagate, trace  # noqa: PLC0415
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
                OTLPSpanExporter,
            )
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise RuntimeFailure(
                f"traces need the package {error.name!r}: install lockstep-serving[tracing], "
                f"or unset {' and '.join(_VARIABLES)}"
            ) from error
        facts = {"service.name": state.name, "service.version": state.revision}
        self._provider = TracerProvider(resource=Resource.create(facts))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("lockstep_runtime")
        self._extract = propagate.extract
        self._server = trace.SpanKind.SERVER
        self._failed = trace.Status(trace.StatusCode.ERROR)

    def traced(self, app: App) -> App:
        """Return the application with a span around each request that is no probe."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["raw_path"].startswith(_PROBES):
                await app(scope, receive, send)
                return
            with self._span(scope) as span:

                async def noting(message: Message) -> None:
                    if (status := message.get("status")) is not None:
                        span.set_attribute("http.response.status_code", status)
                        if status >= 500:
                            span.set_status(self._failed)
                    await send(message)

                await app(scope, receive, noting)

        return application

    def _span(self, scope: Scope) -> AbstractContextManager[Any]:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        attributes = {
            "http.request.method": scope["method"],
            "url.path": scope["path"],
            "lockstep.assignment": headers.get("x-lockstep-assignment", "direct"),
        }
        return self._tracer.start_as_current_span(
            f"{scope['method']} {scope['path']}",
            context=self._extract(headers),
            kind=self._server,
            attributes=attributes,
        )

    def close(self) -> None:
        """Send what is left; waits some seconds for the collector at most."""
        self._provider.shutdown()
