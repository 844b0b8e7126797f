"""Gates with real models, real traffic and a real router: what is wrong is taken back."""

import json
from typing import Any

import httpx

from demo.models import requests
from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from integration.support.rollouts import FAST, rolled_out
from integration.support.traffic import BackgroundLoad

STEPS = [{"weight": 20, "hold": "2m"}]


def judged(models: ModelStore, version: str, *gates: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return models.deployment(
        "wine", version, rollout={"steps": STEPS, "gates": list(gates)}, **spec
    )


def quarantined(cluster: Cluster, revision: str) -> dict[str, Any]:
    """Wait until a revision is quarantined without its traffic; return the mark."""
    mark: dict[str, Any] = wait_for(
        f"the quarantine of {revision}",
        lambda: cluster.get("mrev", revision)["spec"].get("quarantine"),
        seconds=120,
    )
    wait_for("the traffic to be gone", lambda: revision not in cluster.weights("wine"))
    return mark


def begun(cluster: Cluster, stable: str) -> str:
    """Wait for the first step of a candidate; return its revision."""
    wait_for("the first step", lambda: cluster.weights("wine").get(stable) == 80, seconds=90)
    return str(cluster.status("wine")["candidateRevision"])


def test_shuffled_labels_are_caught_by_shadow_disagreement(
    cluster: Cluster, models: ModelStore
) -> None:
    stable = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST))
    gate = {"metric": "shadowDisagreement", "max": 0.2, "output": "predict"}
    with BackgroundLoad(cluster.address("wine")) as load:
        cluster.apply(judged(models, "v3", gate, traffic={"mirror": 50}))
        bad = begun(cluster, stable)
        mark = quarantined(cluster, bad)
    assert mark["by"] == "lockstep-operator"
    assert mark["reason"].startswith("gate shadowDisagreement failed")
    assert load.failures == []
    assert cluster.condition("wine", "Ready") == ("False", "SpecQuarantined")
    kept = cluster.get("mrev", bad)["status"]["evaluations"]
    assert kept[-1]["gates"][0]["verdict"] == "fail"
    assert kept[-1]["gates"][0]["value"] > 0.2


def test_a_good_version_passes_its_gates_and_is_promoted(
    cluster: Cluster, models: ModelStore
) -> None:
    rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST))
    gates = [
        {"metric": "errorRate", "minSamples": 30},
        {"metric": "latencyP95", "max": 5, "minSamples": 30},
        {"metric": "predictionShift", "output": "predict", "minSamples": 50},
        {"metric": "shadowDisagreement", "max": 0.3, "output": "predict", "minSamples": 30},
    ]
    manifest = judged(models, "v2", *gates, traffic={"mirror": 50})
    manifest["spec"]["rollout"]["steps"] = [{"weight": 20, "hold": "3s"}]
    with BackgroundLoad(cluster.address("wine")) as load:
        second = rolled_out(cluster, manifest, seconds=120)
    assert load.failures == []
    verdicts = [
        {gate["name"]: gate["verdict"] for gate in record["gates"]}
        for record in cluster.get("mrev", second)["status"]["evaluations"]
    ]
    assert set(verdicts[-1].values()) == {"pass"}


def test_no_traffic_is_inconclusive_and_holds_the_step(
    cluster: Cluster, models: ModelStore
) -> None:
    stable = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST))
    manifest = judged(models, "v2", {"metric": "errorRate"})
    manifest["spec"]["rollout"]["steps"] = [{"weight": 20, "hold": "1s"}]
    cluster.apply(manifest)
    second = begun(cluster, stable)
    cluster.wait_condition("wine", "Ready", "False", "GatesInconclusive")
    assert cluster.weights("wine") == {stable: 80, second: 20}
    shown = cluster.lockstep("status", "wine").stdout
    assert "errorRate" in shown
    assert "0 of 100 samples" in shown


def test_golden_requests_stop_a_bad_version_before_its_first_request(
    cluster: Cluster, models: ModelStore
) -> None:
    stable = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST))
    # What version 1 says is what is expected of every later one.
    golden = {"requests": []}
    for number, request in enumerate(requests()[:20]):
        expected = _answer(cluster.address("wine"), request)
        golden["requests"].append(
            {"name": f"wine {number}", "request": request, "expected": {"outputs": [expected]}}
        )
    data = {"data": {"golden.json": json.dumps(golden)}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "known"}} | data
    cluster.apply(config)
    gate = {"metric": "goldenRequests", "configMap": {"name": "known", "key": "golden.json"}}
    with BackgroundLoad(cluster.address("wine")) as load:
        cluster.apply(judged(models, "v3", gate | {"max": 0.1}))
        bad = wait_for(
            "the candidate", lambda: cluster.status("wine").get("candidateRevision"), seconds=60
        )
        mark = quarantined(cluster, bad)
        load.wait_for_more(50)
    assert "goldenRequests" in mark["reason"]
    assert {answer.revision for answer in load.answers} == {stable}
    assert load.failures == []


def test_a_prometheus_that_is_down_is_inconclusive_with_the_reason(
    cluster: Cluster, models: ModelStore
) -> None:
    stable = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST))
    query = {"query": "sum(up)", "address": "http://127.0.0.1:9", "interval": "1s"}
    gate = {"metric": "prometheus", "min": 1, "prometheus": query}
    manifest = judged(models, "v2", gate)
    manifest["spec"]["rollout"]["steps"] = [{"weight": 20, "hold": "1s"}]
    cluster.apply(manifest)
    begun(cluster, stable)
    cluster.wait_condition("wine", "Ready", "False", "GatesInconclusive")
    wait_for(
        "the reason",
        lambda: "127.0.0.1:9" in cluster.status("wine")["rollout"]["message"],
    )
    cluster.lockstep("promote", "wine", "--yes")
    cluster.wait_ready("wine")


def _answer(url: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the output `predict` of one request."""
    outputs = httpx.post(url, json=request).raise_for_status().json()["outputs"]
    found: dict[str, Any] = next(one for one in outputs if one["name"] == "predict")
    return {"name": "predict", "data": found["data"]}
