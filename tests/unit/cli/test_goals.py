"""What a user reads while the command waits."""

from lockstep_cli.orders.goals import waiting_for
from tests.unit.cli.manifests import promoted
from tests.unit.cli.situations import situation


def _waiting(ready, replicas, message=""):
    parent, children = promoted()
    children[1]["status"] |= {"readyReplicas": ready, "replicas": replicas, "message": message}
    return waiting_for(situation(parent, children), "churn-aaaa1111")


def test_pods_are_waited_for_until_they_are_ready():
    assert _waiting(0, 2) == "churn-aaaa1111: 0 of 2 pods are ready"
    assert _waiting(0, 0) == "churn-aaaa1111: 0 of 0 pods are ready"
    assert _waiting(1, 2, "no such file") == "churn-aaaa1111: 1 of 2 pods are ready: no such file"


def test_then_it_is_the_router_that_is_waited_for():
    assert _waiting(2, 2) == (
        "churn-aaaa1111: its pods are ready, waiting for the operator and the router"
    )


def test_why_it_does_not_start_is_said_with_what_is_waited_for():
    parent, children = promoted()
    parent["status"]["rollout"] = {"phase": "Restoring", "message": "waiting for 3 ready pods"}
    children[1]["status"] |= {"readyReplicas": 0, "message": "no such file"}
    found = waiting_for(situation(parent, children), "churn-aaaa1111")
    assert found == "waiting for 3 ready pods (no such file)"


def test_one_that_is_gone_is_said():
    assert waiting_for(situation(*promoted()), "churn-none") == "churn-none is gone"
