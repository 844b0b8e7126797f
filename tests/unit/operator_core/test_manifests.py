"""Golden manifests of everything the core renders, and the overlay's rules."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest import Golden
from lockstep_operator.core.digests import reported
from lockstep_operator.core.manifests.overlay import merged
from lockstep_operator.core.manifests.serving import build_observed
from lockstep_operator.core.revisions import parse_revisions
from operator_core.world import World, deployment

MANIFESTS = {
    "small": deployment("http://models/wine/1/model.skops"),
    "full": deployment(
        "pvc://models/wine/2",
        model={
            "uri": "pvc://models/wine/2",
            "format": "sklearn",
            "sha256": "ab" * 32,
            "trust": "pickle",
        },
        runtime={
            "image": "team/server:3",
            "env": [
                {"name": "B", "value": "2"},
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "token", "key": "a"}}},
            ],
            "resources": {"requests": {"cpu": "1000m"}, "limits": {"memory": "1Gi"}},
            "serviceAccountName": "reader",
            "podTemplate": {
                "metadata": {"annotations": {"team": "risk"}, "labels": {"tier": "gold"}},
                "spec": {
                    "nodeSelector": {"disk": "fast"},
                    "containers": [{"name": "model", "env": [{"name": "C", "value": "3"}]}],
                },
            },
        },
    ),
}

MANIFESTS["custom"] = deployment(
    runtime={
        "type": "Custom",
        "image": "team/server:3",
        "port": 9000,
        "healthPath": "/health",
    },
)


@pytest.mark.parametrize("name", MANIFESTS)
def test_golden(name: str, golden: Golden) -> None:
    world = World(md=MANIFESTS[name])
    world.settle()
    documents = [*world.revisions.values(), *world.children.values(), world.md["status"]]
    golden(f"operator/{name}.yaml", yaml.safe_dump_all(documents, sort_keys=True, width=100))


def test_overlay_cannot_take_our_labels_away() -> None:
    overlay = {"metadata": {"labels": {"serving.lockstep.dev/revision": "other"}}}
    world = World(md=deployment(runtime={"podTemplate": overlay}))
    world.settle()
    [child] = [one for (kind, _), one in world.children.items() if kind == "Deployment"]
    labels = child["spec"]["template"]["metadata"]["labels"]
    assert labels["serving.lockstep.dev/revision"] == child["metadata"]["name"]


def fetch_and_model(**model: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two containers of a deployment's pods."""
    world = World(md=deployment(model={"uri": "s3://models/wine", "format": "sklearn", **model}))
    world.settle()
    [child] = [one for (kind, _), one in world.children.items() if kind == "Deployment"]
    spec = child["spec"]["template"]["spec"]
    return spec["initContainers"][0], spec["containers"][0]


def test_a_schema_and_batching_become_flags_of_the_server() -> None:
    features = [{"name": "price in $", "min": 0}, {"name": "city", "type": "string"}]
    batching = {"maxSize": 8, "maxDelayMilliseconds": 2}
    schema = {"mode": "warn", "features": features}
    world = World(md=deployment(runtime={"batching": batching}))
    world.md["spec"]["model"]["inputSchema"] = schema
    world.settle()
    [child] = [one for (kind, _), one in world.children.items() if kind == "Deployment"]
    [model] = child["spec"]["template"]["spec"]["containers"]
    command = model["command"]
    text = command[command.index("--schema") + 1]
    assert "$$" in text, "Kubernetes would take $( for a variable"
    assert json.loads(text.replace("$$", "$")) == schema
    start = command.index("--max-batch-rows")
    assert command[start : start + 6] == [
        *("--max-batch-rows", "8", "--max-queue", "1000"),
        *("--max-batch-delay", "0.002"),
    ]


def test_credentials_are_for_the_fetch_alone() -> None:
    fetch, model = fetch_and_model(credentialsSecret="bucket")
    assert fetch["envFrom"] == [{"secretRef": {"name": "bucket"}}]
    assert "bucket" not in str(model)
    assert not any("envFrom" in container for container in fetch_and_model())


def test_a_moving_reference_needs_the_users_word() -> None:
    assert "--allow-mutable" in fetch_and_model(allowMutable=True)[0]["command"]
    assert "--allow-mutable" not in fetch_and_model()[0]["command"]


def test_what_a_moving_reference_stood_for_is_told_to_the_later_pods() -> None:
    world = World(md=deployment("oci://registry/wine:v1"))
    digest = world.digest
    said = json.dumps({"digest": digest, "version": "sha256:1", "unknown": True})
    ended = {"terminated": {"exitCode": 0, "message": said}}
    pod = {"status": {"initContainerStatuses": [{"name": "fetch", "state": ended}]}}
    found = reported([pod])
    assert found is not None
    assert found.manifest() == {"digest": digest, "version": "sha256:1"}
    world.settle()
    [revision] = parse_revisions(list(world.revisions.values()))
    spec = revision.spec.model_copy(update={"observed": found})
    told = build_observed(world.md, replace(revision, spec=spec))
    assert told is not None
    assert told["data"] == {"digest": digest, "version": "sha256:1"}


@pytest.mark.parametrize(
    ("base", "overlay", "expected"),
    [
        ({"a": 1}, {"a": None}, {}),
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        ([{"name": "x", "v": 1}], [{"name": "x", "v": 2}], [{"name": "x", "v": 2}]),
        ([{"name": "x"}], [{"name": "y"}], [{"name": "x"}, {"name": "y"}]),
        ([1, 2], [3], [3]),
        ([], [3], [3]),
        ({"a": [1]}, {"a": "text"}, {"a": "text"}),
    ],
)
def test_overlay(base: object, overlay: object, expected: object) -> None:
    assert merged(base, overlay) == expected


JSON = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON, JSON)
def test_overlay_twice_is_overlay_once(base: object, overlay: object) -> None:
    once = merged(base, overlay)
    assert merged(once, overlay) == once
