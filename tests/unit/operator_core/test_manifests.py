"""Golden manifests of everything the core renders, and the overlay's rules."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest import Golden
from lockstep_operator.core.manifests.overlay import merged
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
