from datetime import timedelta

from lockstep_cli.lease import find_operator
from lockstep_cli.situation import read_situation
from lockstep_cli.status import Status, read_status
from lockstep_cli.status_view import status_view
from tests.unit.cli.manifests import (
    NOW,
    condition,
    deployment,
    in_canary,
    judged,
    lease,
    mark,
    order,
    promoted,
    revision,
)
from tests.unit.cli.rendering import rendered


def _read(parent, children, operator=None, now=NOW) -> Status:
    situation = read_situation("churn", "shop", parent, children)
    return read_status(situation, operator or find_operator([lease()], now), now)


def test_a_canary_shows_step_hold_and_shares(golden):
    parent, children = in_canary()
    status = _read(parent, children, find_operator([lease()], NOW), NOW)
    golden("cli/status-canary.txt", rendered(status_view(status)))


def test_a_promoted_one_has_no_rollout(golden):
    parent, children = promoted()
    status = _read(parent, children, find_operator([lease()], NOW), NOW)
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
    status = _read(parent, children, find_operator([], NOW), NOW)
    golden("cli/status-quarantined.txt", rendered(status_view(status)))


def test_one_that_nobody_has_looked_at_yet(golden):
    parent = deployment()
    parent["status"] = {}
    status = _read(parent, [], find_operator(None, NOW), NOW)
    golden("cli/status-new.txt", rendered(status_view(status)))


def test_markup_in_messages_is_shown_as_it_is():
    parent, children = promoted()
    parent["status"]["conditions"][0]["message"] = "[bold]not markup[/bold] [/]"
    status = _read(parent, children, find_operator([lease()], NOW), NOW)
    assert "[bold]not markup[/bold] [/]" in rendered(status_view(status))


def test_who_paused_it_is_shown():
    parent, children = in_canary()
    parent["spec"]["paused"] = True
    parent["status"]["rollout"] |= {"phase": "Paused", "holdUntil": None, "message": "paused"}
    order(children[0], paused=mark("lunch"))
    shown = rendered(status_view(_read(parent, children)))
    assert "step 1 of 3, 10.00 %, Paused: paused\n" in shown
    assert "Paused: churn-bbbb2222 by spec.paused of the manifest\n" in shown
    assert "Paused: churn-bbbb2222 by bob (lunch) since 2026-03-01T11:58:00Z\n" in shown


def test_a_rollout_without_steps_shows_none():
    parent, children = in_canary()
    parent["status"]["rollout"] |= {"step": 0, "steps": 0, "phase": "Aborted", "holdUntil": None}
    shown = rendered(status_view(_read(parent, children)))
    assert "Rollout of churn-bbbb2222: 10.00 %, Aborted" in shown


def test_gates_with_their_numbers(golden):
    golden("cli/status-gates.txt", rendered(status_view(_read(*judged()))))


def test_gates_for_machines():
    found = _read(*judged()).machine()["gates"]
    assert [gate["verdict"] for gate in found] == ["pass", "inconclusive", None]
    assert (found[0]["stableValue"], found[0]["evidence"]) == (0.002, 0.07)
    assert "state" not in found[0]


def test_what_gates_found_of_a_revision_before_is_not_shown():
    parent, children = judged()
    parent["status"]["candidateRevision"] = None
    assert _read(parent, children).look.gates == ()


def test_a_restore_shows_who_wants_it_and_what_it_waits_for():
    parent, children = promoted()
    children[1]["status"] |= {"readyReplicas": 0, "replicas": 2}
    children[1]["spec"]["restore"] = mark("wrong") | {"quarantine": ["churn-bbbb2222"]}
    parent["status"]["rollout"] = {"phase": "Restoring", "message": "0 of 2 pods are ready"}
    shown = rendered(status_view(_read(parent, children)))
    assert "Restore: 0 of 2 pods are ready\n" in shown
    assert "Being brought back: churn-aaaa1111 by bob (wrong)" in shown
    assert "; with that goes into quarantine: churn-bbbb2222\n" in shown


def test_approvals_and_aborts_are_orders_in_force():
    parent, children = in_canary()
    order(children[0], aborted=mark(), approvals=[mark() | {"step": 2}])
    kinds = [(item["kind"], item["step"]) for item in _read(parent, children).machine()["orders"]]
    assert kinds == [("aborted", None), ("approval", 2)]


def test_the_machine_form_has_numbers_and_stable_names():
    parent, children = in_canary()
    document = _read(parent, children, find_operator([lease()], NOW), NOW).machine()
    assert document["rollout"] == {
        "candidate": "churn-bbbb2222",
        "phase": None,
        "step": 1,
        "steps": 3,
        "weight": 10.0,
        "holdLeftSeconds": 48.0,
        "message": "holding 10.0 %",
    }
    assert document["revisions"][0] == {
        "revision": "churn-aaaa1111",
        "role": "stable",
        "warmth": "warm",
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
    status = _read(parent, children, find_operator([lease()], later), later)
    assert status.rollout is not None
    assert status.rollout.hold_left == 0
    assert status.operator.state == "expired"
