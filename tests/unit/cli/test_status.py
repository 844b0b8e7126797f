from datetime import timedelta

from lockstep_cli.lease import find_operator
from lockstep_cli.status import read_status
from lockstep_cli.tables import status_view
from tests.unit.cli.manifests import (
    NOW,
    condition,
    deployment,
    in_canary,
    lease,
    promoted,
    revision,
)
from tests.unit.cli.rendering import rendered


def test_a_canary_shows_step_hold_and_shares(golden):
    parent, children = in_canary()
    status = read_status(parent, children, find_operator([lease()], NOW), NOW)
    golden("cli/status-canary.txt", rendered(status_view(status)))


def test_a_promoted_one_has_no_rollout(golden):
    parent, children = promoted()
    status = read_status(parent, children, find_operator([lease()], NOW), NOW)
    golden("cli/status-promoted.txt", rendered(status_view(status)))


def test_a_quarantined_one_says_why(golden):
    parent, _ = promoted()
    parent["status"]["traffic"].reverse()
    parent["status"]["conditions"] = [
        condition("Available", "True", "StableServes", "churn-aaaa1111 carries traffic"),
        condition("Ready", "False", "SpecQuarantined", "git still asks for churn-bbbb2222"),
        condition("Stalled", "True", "SpecQuarantined", "git still asks for churn-bbbb2222"),
    ]
    children = [
        revision("bbbb2222", 2, role="quarantined", numbers=(2,), revoked=True, quarantine="slow"),
        revision("aaaa1111", 1, role="stable", numbers=(1,), ready=2),
    ]
    parent["status"]["traffic"] = [{"revision": "churn-aaaa1111", "weight": 100, "ready": 2}]
    status = read_status(parent, children, find_operator([], NOW), NOW)
    golden("cli/status-quarantined.txt", rendered(status_view(status)))


def test_one_that_nobody_has_looked_at_yet(golden):
    parent = deployment()
    parent["status"] = {}
    status = read_status(parent, [], find_operator(None, NOW), NOW)
    golden("cli/status-new.txt", rendered(status_view(status)))


def test_markup_in_messages_is_shown_as_it_is():
    parent, children = promoted()
    parent["status"]["conditions"][0]["message"] = "[bold]not markup[/bold] [/]"
    status = read_status(parent, children, find_operator([lease()], NOW), NOW)
    assert "[bold]not markup[/bold] [/]" in rendered(status_view(status))


def test_a_paused_rollout_shows_no_hold():
    parent, children = in_canary()
    parent["spec"]["paused"] = True
    status = read_status(parent, children, find_operator([lease()], NOW), NOW)
    assert "Rollout: step 1 of 3, 10.00 %, paused\n" in rendered(status_view(status))


def test_the_machine_form_has_numbers_and_stable_names():
    parent, children = in_canary()
    document = read_status(parent, children, find_operator([lease()], NOW), NOW).machine()
    assert document["rollout"] == {
        "step": 1,
        "steps": 3,
        "weight": 10.0,
        "holdLeftSeconds": 48.0,
        "message": "holding 10.0 %",
    }
    assert document["revisions"][0] == {
        "revision": "churn-aaaa1111",
        "role": "stable",
        "weight": 90.0,
        "ready": 2,
        "replicas": 2,
        "model": "file:///models/churn-1.skops",
        "message": "",
    }
    assert document["operator"]["state"] == "running"


def test_a_hold_that_is_over_is_not_negative():
    parent, children = in_canary()
    later = NOW + timedelta(hours=1)
    status = read_status(parent, children, find_operator([lease()], later), later)
    assert status.rollout is not None
    assert status.rollout.hold_left == 0
    assert status.operator.state == "expired"
