"""A bad input gets a clear answer, and the stable revision keeps all traffic."""

import json
from typing import Any

import httpx
import pytest

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore

BAD_MODELS: list[tuple[str, dict[str, Any], str]] = [
    ("FetchFailed", {"uri": "/nothing.skops"}, "404"),
    ("FetchFailed", {"sha256": "0" * 64}, "sha256"),
    ("LoadFailed", {"uri": "/notes.skops", "sha256": None}, "skops"),
    ("LoadFailed", {"uri": "/model.pkl", "sha256": None}, "spec.model.trust: pickle"),
]


@pytest.mark.parametrize(("reason", "change", "words"), BAD_MODELS)
def test_a_model_that_does_not_load(
    cluster: Cluster, models: ModelStore, reason: str, change: dict[str, Any], words: str
) -> None:
    (models.folder / "notes.skops").write_text("not a model")
    (models.folder / "model.pkl").write_bytes(b"\x80\x04N.")
    cluster.apply(models.deployment("wine", "v1"))
    cluster.wait_ready("wine")
    first = cluster.status("wine")["stableRevision"]
    bad = models.deployment("wine", "v2")
    bad["spec"]["model"] |= {key: value for key, value in change.items() if value}
    if change.get("uri"):
        bad["spec"]["model"]["uri"] = models.uri(change["uri"].lstrip("/"))
    if "sha256" in change and change["sha256"] is None:
        del bad["spec"]["model"]["sha256"]
    cluster.apply(bad)
    cluster.wait_condition("wine", "Stalled", "True", reason)
    candidate = cluster.status("wine")["candidateRevision"]
    revision = cluster.get("mrev", candidate)
    [loaded] = [one for one in revision["status"]["conditions"] if one["type"] == "Loaded"]
    assert (loaded["status"], loaded["reason"]) == ("False", reason)
    assert words in loaded["message"]
    assert "quarantine" not in revision["spec"]
    assert cluster.weights("wine") == {first: 100}
    assert cluster.condition("wine", "Available")[0] == "True"
    wait_for("an Event", lambda: words in cluster.kubectl("get", "events"))
    cluster.apply(models.deployment("wine", "v2"))
    wait_for("recovery", lambda: cluster.weights("wine").get(first) == 90)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"replicas": 0}, "spec.replicas"),
    ({"rollout": {"steps": [{"weight": 101}]}}, "spec.rollout.steps[0].weight"),
    ({"rollout": {"steps": [{"weight": 1.234}]}}, "at most two decimals"),
    ({"rollout": {"steps": [{"weight": 50}, {"weight": 5}]}}, "weights must not fall"),
    ({"rollout": {"steps": [{"weight": 5, "hold": "soon"}]}}, "spec.rollout.steps[0].hold"),
    ({"model": {"format": "sklearn"}}, "spec.model.uri"),
    ({"model": {"uri": "ftp://x", "format": "sklearn"}}, "must start with file://"),
    ({"model": {"uri": "http://x", "format": "magic"}}, 'supported values: "sklearn"'),
    ({"replica": 3}, 'unknown field "spec.replica"'),
]


@pytest.mark.parametrize(("spec", "words"), REFUSED)
def test_a_manifest_that_is_refused(
    cluster: Cluster, models: ModelStore, spec: dict[str, Any], words: str
) -> None:
    manifest = models.deployment("wine", "v1")
    manifest["spec"] |= spec
    assert words in cluster.refused(manifest)


def test_a_name_that_is_refused(cluster: Cluster, models: ModelStore) -> None:
    assert "at most 45 characters" in cluster.refused(models.deployment("w" * 46, "v1"))
    assert "start with a letter" in cluster.refused(models.deployment("1wine", "v1"))


def test_a_revision_cannot_be_changed(cluster: Cluster, models: ModelStore) -> None:
    cluster.apply(models.deployment("wine", "v1"))
    cluster.wait_ready("wine")
    revision = cluster.status("wine")["stableRevision"]
    for patch in (
        {"spec": {"content": {"model": {"uri": "http://elsewhere"}}}},
        {"spec": {"podTemplate": {"spec": {"hostNetwork": True}}}},
        {"spec": {"observed": {"digest": "sha256:" + "0" * 64}}},
    ):
        said = cluster.kubectl(
            "patch", "mrev", revision, "--type=merge", "-p", json.dumps(patch), check=False
        )
        assert "immutable" in said or "written once" in said


def test_names_that_are_taken_are_left_alone(cluster: Cluster, models: ModelStore) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "wine", "labels": {"team": "other"}},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "other"}},
    }
    cluster.apply(service)
    before = cluster.get("service", "wine")
    cluster.apply(models.deployment("wine", "v1"))
    cluster.wait_condition("wine", "NameConflict", "True", "NotManagedByLockstep")
    cluster.wait_condition("wine", "Ready", "False", "NameConflict")
    assert cluster.get("service", "wine") == before
    cluster.kubectl("delete", "service", "wine")
    cluster.wait_ready("wine")


def test_inference_errors_are_the_clients(cluster: Cluster, models: ModelStore) -> None:
    cluster.apply(models.deployment("wine", "v1"))
    cluster.wait_ready("wine")
    url = cluster.address("wine")
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}
    for body, status in (("{", 400), ("{}", 400), (json.dumps({"inputs": [tensor]}), 400)):
        answer = httpx.post(url, content=body)
        assert answer.status_code == status
        assert list(answer.json()) == ["error"]
    unknown = httpx.post(url.replace("/models/wine", "/models/beer"), content="{}")
    assert unknown.status_code == 404
    assert "beer" in unknown.json()["error"]
