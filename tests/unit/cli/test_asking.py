"""Whether the manifest asks for a revision: by everything that makes one, as the operator tells."""

import pytest

from lockstep_cli.asking import in_words
from lockstep_cli.orders.abort import decide_abort
from lockstep_cli.orders.promote import decide_promote
from lockstep_cli.orders.quarantine import decide_quarantine
from lockstep_cli.orders.retry import decide_retry
from lockstep_cli.orders.rollback import decide_rollback
from tests.unit.cli.manifests import in_canary, mark, order, promoted
from tests.unit.cli.situations import MARK, situation

ENV = [{"name": "LOG", "value": "debug"}]


def _differing(manifest, content):
    """Compare version 2 with parts added to the manifest and to the revision's content."""
    parent, children = promoted()
    parent["spec"] |= manifest
    children[0]["spec"]["content"] |= content
    scene = situation(parent, children)
    stable = scene.stable
    assert stable is not None
    assert scene.asks_for(stable) is not scene.differing(stable)
    return scene.differing(stable)


@pytest.mark.parametrize(
    ("manifest", "content", "paths"),
    [
        ({}, {}, ()),
        ({"replicas": 5, "rollout": {"steps": []}, "traffic": {"mirror": 1}}, {}, ()),
        ({"runtime": {"image": "b"}}, {"runtime": {"image": "a"}}, ("runtime.image",)),
        ({"runtime": {"env": ENV}}, {}, ("runtime.env[LOG].name", "runtime.env[LOG].value")),
        ({"runtime": {"type": "Lockstep", "env": []}}, {}, ()),
        (
            {"runtime": {"resources": {"limits": {"cpu": "1000m", "memory": "1Gi"}}}},
            {"runtime": {"resources": {"limits": {"memory": "1073741824", "cpu": "1"}}}},
            (),
        ),
        (
            {"runtime": {"podTemplate": {"spec": {"priorityClassName": "high"}}}},
            {},
            ("runtime.podTemplate.spec.priorityClassName",),
        ),
    ],
)
def test_all_of_the_content_counts_and_nothing_else(manifest, content, paths):
    assert _differing(manifest, content) == paths


def test_a_model_that_is_not_trusted_is_the_default():
    parent, children = promoted()
    parent["spec"]["model"]["trust"] = "none"
    assert situation(parent, children).differing(situation(parent, children).able[0]) == ()


def test_a_content_that_this_build_does_not_know_is_compared_as_it_is():
    parent, children = promoted()
    for model in (parent["spec"]["model"], children[0]["spec"]["content"]["model"]):
        model["format"] = "of-next-year"
    scene = situation(parent, children)
    assert scene.asks_for(scene.able[0])


def test_many_paths_make_no_long_sentence():
    assert in_words(["a"]) == "a"
    assert in_words(list("abcdef")) == "a, b, c, d and 2 more"


def _with_image(scene):
    """The same model, another image."""
    parent, children = scene
    parent["spec"]["runtime"] = {"image": "lockstep/runtime:2"}
    return situation(parent, children)


def test_a_rollback_of_the_same_model_with_another_image_is_not_what_git_asks_for():
    found = decide_rollback(_with_image(promoted()), MARK)
    assert found.facts["manifestStillAsksForIt"] is False
    assert found.facts["manifestDiffersIn"] == ["runtime.image"]
    assert "The manifest does not ask for churn-bbbb2222: it differs in runtime.image." in (
        found.after
    )


def test_a_quarantine_says_the_same():
    found = decide_quarantine(_with_image(promoted()), MARK, revision="2")
    assert found.facts["manifestDiffersIn"] == ["runtime.image"]


def test_a_restore_says_what_git_has_to_change():
    parent, children = promoted()
    children[1]["status"]["readyReplicas"] = 0
    found = decide_rollback(situation(parent, children), MARK)
    assert "still asks for churn-bbbb2222 (file:///models/churn-2.skops)" in found.after[0]
    assert found.after[0].endswith("now it differs in model.uri from the former.")


def test_a_restore_of_what_git_asks_for_already():
    parent, children = promoted()
    children[1]["status"]["readyReplicas"] = 0
    parent["spec"]["model"]["uri"] = "file:///models/churn-1.skops"
    found = decide_rollback(situation(parent, children), MARK)
    assert found.after == (
        "The manifest asks for churn-aaaa1111 (file:///models/churn-1.skops) already: nothing to "
        "do there.",
    )


@pytest.mark.parametrize("decide", [decide_abort, decide_promote, decide_retry])
def test_a_candidate_that_git_no_longer_asks_for(decide):
    scene = in_canary()
    if decide is decide_retry:
        order(scene[1][0], aborted=mark())
    said = " ".join(decide(_with_image(scene), MARK).after)
    assert "asks for another version by now" in said
    assert "it differs in runtime.image." in said
    assert "already" not in said
