"""How an order ends that does not go the usual way: at once, otherwise, or not at all."""

import json

import pytest

from tests.unit.cli.manifests import condition, fresh_lease, judged, mark, order, promoted

CANDIDATE = "churn-bbbb2222"


@pytest.fixture(autouse=True)
def operator_runs(stub):
    stub.leases = [fresh_lease()]


@pytest.fixture
def canary(stub):
    stub.hold(*judged())
    return stub


@pytest.mark.parametrize(
    ("command", "order_", "done"),
    [
        ("resume", "paused", "Resumed"),
        ("retry", "aborted", "Started again"),
    ],
)
def test_a_rollout_that_ends_at_once_went_on(run, canary, command, order_, done):
    order(canary.revision(CANDIDATE), **{order_: mark()})
    canary.parent()["status"]["rollout"]["phase"] = order_.capitalize()

    def promote(stub):
        """What the operator writes when the last step was over already: no phase is left."""
        promotion = {"number": 2, "time": "2026-03-01T12:01:00Z"}
        stub.revision(CANDIDATE)["spec"]["promotions"] = [promotion]
        status = stub.parent()["status"]
        status |= {"stableRevision": CANDIDATE, "candidateRevision": None, "rollout": None}

    canary.on_patch = promote
    ran = run(command, "churn", "--yes", "--timeout", "3")
    assert ran.code == 0, ran.out
    assert ran.out.startswith(done)


def test_a_rollout_that_ends_otherwise_is_not_waited_for(run, canary):
    order(canary.revision(CANDIDATE), paused=mark())
    canary.parent()["status"]["rollout"]["phase"] = "Paused"
    canary.on_patch = lambda stub: stub.parent()["status"].update(
        candidateRevision="churn-cccc3333", rollout=None
    )
    ran = run("resume", "churn", "--yes", "--timeout", "30")
    assert ran.code == 1
    assert (
        "but the rollout of churn-bbbb2222 ended meanwhile: the manifest asks for churn-cccc3333"
    ) in ran.out


def test_a_restore_that_fails_is_said_with_the_reason_and_not_waited_for(run, stub):
    parent, children = promoted()
    children[1]["status"] |= {"readyReplicas": 0}
    stub.hold(parent, children)
    message = (
        "cannot go back to churn-aaaa1111: /models/churn-1.skops: no such file; the traffic stays "
        "where it is. `lockstep abort` drops the wish"
    )
    fails = condition("Ready", "False", "RestoreFails", message)
    stub.on_patch = lambda stub: stub.parent()["status"].update(conditions=[fails])
    ran = run("rollback", "churn", "--yes", "--timeout", "30", "-o", "json")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert document["problem"] == (
        "the operator cannot go back to churn-aaaa1111: /models/churn-1.skops: no such file; the "
        "order stays"
    )
    assert "`lockstep abort churn -n shop` drops the order" in document["next"][0]
    assert "restore" in stub.revision("churn-aaaa1111")["spec"]


def test_a_restore_that_failed_before_may_succeed_now(run, stub):
    parent, children = promoted()
    children[1]["status"] |= {"readyReplicas": 0}
    old = condition("Ready", "False", "RestoreFails", "cannot go back to churn-aaaa1111: x; y")
    parent["status"]["conditions"] = [old]
    stub.hold(parent, children)
    ran = run("rollback", "churn", "--yes", "--timeout", "0.3")
    assert ran.code == 1
    assert "not seen to take effect within 0.3 s" in ran.out
