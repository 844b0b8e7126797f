"""Health, metadata, metrics and documentation."""

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from lockstep_runtime.app import App
from lockstep_runtime.inference.engine import InferenceEngine
from lockstep_runtime.metrics import Metrics
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.state import Phase, ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from runtime import estimators
from runtime.conftest import NAME, REVISION

# The loader silences it for a server: columns were matched by name before.
pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")

INFER = f"/v2/models/{NAME}/infer"
ROW = {
    "inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}],
}


async def test_health_of_a_ready_server(client: httpx.AsyncClient) -> None:
    for path in ("live", "ready"):
        answer = await client.get(f"/v2/health/{path}")
        assert (answer.status_code, answer.json()) == (200, {path: True})
        assert "x-envoy-immediate-health-check-fail" not in answer.headers
        assert "connection" not in answer.headers
        assert answer.headers["x-lockstep-revision"] == REVISION


async def test_a_loading_server_lives_and_is_not_ready(
    state: ServingState, client: httpx.AsyncClient
) -> None:
    state.phase, state.engine = Phase.LOADING, None
    assert (await client.get("/v2/health/live")).status_code == 200
    ready = await client.get("/v2/health/ready")
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "error": "model 'wine' is loading"}
    assert "x-envoy-immediate-health-check-fail" not in ready.headers
    assert (await client.get(f"/v2/models/{NAME}/ready")).status_code == 503
    metadata = await client.get(f"/v2/models/{NAME}")
    assert metadata.status_code == 503
    assert "loading" in metadata.json()["error"]


async def test_a_draining_server_says_so_and_still_answers(
    state: ServingState, client: httpx.AsyncClient
) -> None:
    state.phase = Phase.DRAINING
    live, ready = await client.get("/v2/health/live"), await client.get("/v2/health/ready")
    assert (live.status_code, ready.status_code) == (200, 503)
    for answer in (live, ready):
        assert answer.headers["x-envoy-immediate-health-check-fail"] == "true"
        assert answer.headers["connection"] == "close"
    answer = await client.post(INFER, json=ROW)
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    # An Envoy in front of our router must not take it for a word about the router.
    assert "x-envoy-immediate-health-check-fail" not in answer.headers


async def test_metadata(client: httpx.AsyncClient) -> None:
    server = (await client.get("/v2")).json()
    assert (server["name"], server["extensions"]) == (
        "lockstep-runtime",
        ["binary_tensor_data", "model_repository"],
    )
    model = (await client.get(f"/v2/models/{NAME}")).json()
    assert model == (await client.get(f"/v2/models/{NAME}/versions/{REVISION}")).json()
    assert (model["name"], model["versions"]) == (NAME, [REVISION])
    assert model["platform"] == "scikit-learn"
    assert model["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 13]}]
    assert model["outputs"] == [
        {"name": "predict", "datatype": "INT64", "shape": [-1]},
        {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 3]},
    ]
    assert model["parameters"]["classes"] == [0, 1, 2]
    for path in (f"/v2/models/{NAME}/ready", f"/v2/models/{NAME}/versions/{REVISION}/ready"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"name": NAME, "ready": True})


async def test_metadata_of_a_named_model(
    state: ServingState,
    client: httpx.AsyncClient,
    make_engine: Callable[[Any], InferenceEngine],
) -> None:
    state.engine = make_engine(estimators.named_wine())
    model = (await client.get(f"/v2/models/{NAME}")).json()
    assert model["parameters"]["feature_names"] == ["alcohol", "malic", "ash", "alcalinity"]
    assert model["parameters"]["classes"] == ["red", "rose", "white"]
    assert model["outputs"][0]["datatype"] == "BYTES"


def sample(text: str, name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if found.name == name and labels.items() <= found.labels.items():
                return found.value
    raise AssertionError(f"no {name}{labels}")


async def test_metrics(client: httpx.AsyncClient, metrics: Metrics) -> None:
    metrics.model_loaded(1.5, model=NAME, digest="sha256:0", format="sklearn")
    for _ in range(3):
        await client.post(INFER, json=ROW)
    await client.post(INFER, json=ROW, headers={"x-lockstep-assignment": "split"})
    await client.post(INFER, json={})
    await client.get("/v2/health/ready")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    requests = "lockstep_inference_requests_total"
    assert sample(text, requests, code="200", assignment="direct", revision=REVISION) == 3
    assert sample(text, requests, code="200", assignment="split", revision=REVISION) == 1
    assert sample(text, requests, code="400", assignment="direct", revision=REVISION) == 1
    durations = "lockstep_inference_duration_seconds"
    of_200 = sample(text, f"{durations}_count", assignment="direct", revision=REVISION)
    assert of_200 == sample(text, f"{durations}_bucket", assignment="direct", le="+Inf") == 3
    assert 0 < sample(text, f"{durations}_sum", assignment="direct") < 30
    outputs = "lockstep_inference_outputs_total"
    assert sample(text, outputs, assignment="direct", output="predict", bin="1") == 3
    assert sample(text, outputs, assignment="split", output="predict", bin="1") == 1
    low = sample(text, outputs, assignment="split", output="predict_proba[2]", revision=REVISION)
    assert low == 1
    assert sample(text, "lockstep_inference_inflight", revision=REVISION) == 0
    assert sample(text, "lockstep_model_load_seconds", revision=REVISION) == 1.5
    assert sample(text, "lockstep_model_info", digest="sha256:0", revision=REVISION) == 1
    assert sample(text, "process_resident_memory_bytes") > 0


async def test_a_client_that_goes_away_counts_as_499(
    state: ServingState, recorder: Recorder
) -> None:
    app = App(state, recorder, InferLimits(1000), access_log=False)
    scope = {"type": "http", "method": "POST", "path": INFER, "headers": []}
    scope["raw_path"] = INFER.encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(f"nobody listens to {message}")

    await app(scope, receive, send)
    assert recorder.requests == {("direct", 499): 1}
    assert recorder.inflight == 0


async def test_the_openapi_document_tells_of_inference(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert "/v2/health/ready" in paths
    for path in ("/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer"):
        assert paths[path]["post"]["tags"] == ["inference"]
    assert (await client.get("/docs")).status_code == 200


async def test_the_access_log_has_no_payload_and_no_query(
    state: ServingState, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    app = App(state, recorder, InferLimits(10_000), access_log=True)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://runtime"
    ) as client:
        await client.post(f"{INFER}?key=secret", json=ROW, headers={"x-request-id": "r1"})
    [record] = [one for one in caplog.records if one.name == "lockstep_runtime.access"]
    fields = record.__dict__["fields"]
    assert (fields["method"], fields["path"], fields["status"]) == ("POST", INFER, 200)
    assert fields["request_id"] == "r1"
    assert (fields["model"], fields["revision"]) == (NAME, REVISION)
    assert "secret" not in str(fields)
