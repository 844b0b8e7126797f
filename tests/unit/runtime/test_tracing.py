"""Traces: the client's context comes in, and a span per request goes out."""

import gzip
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lockstep_runtime.app import App
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tracing import Tracing
from runtime.conftest import NAME, REVISION
from runtime.process import Runtime

INFER = f"/v2/models/{NAME}/infer"
ROW = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}]}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_span_continues_the_clients_trace(state: ServingState, recorder: Recorder) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(state, exporter)
    app = tracing.traced(App(state, recorder, InferLimits(10_000), access_log=False))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://runtime") as client:
        headers = {"traceparent": PARENT, "x-lockstep-assignment": "split"}
        assert (await client.post(INFER, json=ROW, headers=headers)).status_code == 200
        await client.post(INFER, json={})
        await client.get("/v2/health/ready")
    tracing.close()
    good, bad = exporter.get_finished_spans()
    assert f"{good.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{good.parent.span_id:016x}" == PARENT.split("-")[2]
    assert good.name == f"POST {INFER}"
    assert good.attributes["lockstep.assignment"] == "split"
    assert good.attributes["http.response.status_code"] == 200
    assert good.resource.attributes["service.version"] == REVISION
    assert bad.attributes["http.response.status_code"] == 400
    assert bad.parent is None


def test_a_server_sends_them_to_the_collector(
    served: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            got.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        runtime = served()
        httpx.post(runtime.url + INFER, json=ROW, headers={"traceparent": PARENT})
        runtime.signal()
        assert runtime.wait_end() == 0
        collector.shutdown()
    [span] = got[0].resource_spans[0].scope_spans[0].spans
    assert span.trace_id.hex() == PARENT.split("-")[1]
