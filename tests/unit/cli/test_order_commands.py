"""Orders as a user gives them: asked, written once, followed, explained."""

import json
import sys

import pytest

from tests.unit.cli.api_stub import failure
from tests.unit.cli.manifests import fresh_lease, judged, mark, order, promoted, revision

CANDIDATE = "churn-bbbb2222"


@pytest.fixture
def canary(stub):
    stub.hold(*judged())
    stub.leases = [fresh_lease()]
    return stub


def _says(phase):
    """Do what the operator does to the status after an order."""

    def act(stub):
        stub.parent()["status"]["rollout"]["phase"] = phase
        if phase == "Aborted":
            stub.parent()["status"]["traffic"] = [{"revision": "churn-aaaa1111", "weight": 100}]

    return act


def test_pause_and_resume(run, canary):
    canary.on_patch = _says("Paused")
    ran = run("pause", "churn", "--reason", "lunch")
    assert ran.code == 0, ran.err
    assert "Paused: churn-bbbb2222 keeps the weight it has, 0." in ran.out
    paused = canary.revision(CANDIDATE)["spec"]["rollout"]["paused"]
    assert (paused["by"], paused["reason"]) == ("ada", "lunch")
    canary.on_patch = _says("Progressing")
    assert run("resume", "churn", "--yes").code == 0
    assert canary.revision(CANDIDATE)["spec"]["rollout"] == {}


def test_abort_and_retry(run, canary):
    canary.on_patch = _says("Aborted")
    assert run("abort", "churn", "--yes", "--reason", "slow").code == 0
    assert canary.revision(CANDIDATE)["spec"]["rollout"]["aborted"]["reason"] == "slow"
    canary.on_patch = _says("Starting")
    assert run("retry", "churn", "--yes").code == 0
    assert "aborted" not in canary.revision(CANDIDATE)["spec"]["rollout"]


def test_approve_and_promote(run, canary):
    canary.parent()["status"]["rollout"] |= {"phase": "AwaitingApproval", "step": 2}
    canary.on_patch = _says("Progressing")
    ran = run("approve", "churn", "--yes", "-o", "json")
    assert ran.code == 0, ran.err
    assert (json.loads(ran.out)["step"], json.loads(ran.out)["tookEffect"]) == (2, True)
    ran = run("promote", "churn", "--yes", "--no-wait", "-o", "json")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert document["tookEffect"] is False
    assert document["changes"][0]["spec"]["rollout"]["promote"]["by"] == "ada"


def test_quarantine_and_release(run, canary):
    canary.on_patch = lambda stub: stub.revision(CANDIDATE)["status"].update(role="quarantined")
    canary.parent()["status"]["traffic"] = [{"revision": "churn-aaaa1111", "weight": 100}]
    assert run("quarantine", "churn", "bbbb2222", "--yes", "--reason", "biased").code == 0
    assert canary.revision(CANDIDATE)["spec"]["quarantine"]["reason"] == "biased"
    canary.on_patch = lambda stub: stub.revision(CANDIDATE)["status"].update(role="candidate")
    ran = run("release", "churn", "bbbb2222", "--yes")
    assert ran.code == 0, ran.err
    assert "quarantine" not in canary.revision(CANDIDATE)["spec"]
    assert "it rolls out from step one" in ran.out


def test_a_tombstone_can_be_released(run, stub):
    stub.leases = [fresh_lease()]
    stub.hold({"metadata": {"name": "other"}}, [revision("aaaa1111", 1, role="", quarantine="x")])
    ran = run("release", "churn", "aaaa1111", "--yes")
    assert ran.code == 0, ran.err
    assert "There is no ModelDeployment churn: the mark is gone" in ran.out


def test_a_restore_is_followed_until_it_took_over(run, stub):
    parent, children = promoted()
    children[1]["status"]["readyReplicas"] = 0
    stub.hold(parent, children)
    stub.leases = [fresh_lease()]
    looks = iter(range(100))

    def take_over(method, path):
        """At the third look after the write, do what the operator does once the pods are ready."""
        if not stub.patches or not path.endswith("/modeldeployments/churn") or next(looks) != 2:
            return
        target = stub.revision("churn-aaaa1111")
        target["spec"]["promotions"].append({"number": 3, "time": "2026-03-01T12:01:00Z"})
        del target["spec"]["restore"]
        stub.parent()["status"]["traffic"] = [{"revision": "churn-aaaa1111", "weight": 100}]

    stub.faults = take_over
    ran = run("rollback", "churn", "--yes", "--reason", "wrong")
    assert ran.code == 0, ran.out
    assert "churn-aaaa1111: 0 of 2 pods are ready" in ran.err
    assert (
        "Rolled back: churn-aaaa1111 is stable and carries all traffic, churn-bbbb2222 is "
        "quarantined, "
    ) in ran.out
    assert "Until churn-aaaa1111 is ready" not in ran.out
    ((_, body),) = stub.patches
    assert body["spec"]["restore"]["quarantine"] == [CANDIDATE]


def test_a_restore_that_takes_too_long_is_said_with_what_it_waits_for(run, stub):
    parent, children = promoted()
    children[1]["status"] |= {"readyReplicas": 0, "message": "no such file"}
    stub.hold(parent, children)
    stub.leases = [fresh_lease()]
    ran = run("rollback", "churn", "--yes", "--timeout", "0.3", "-o", "json")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert document["restored"] == "churn-aaaa1111"
    assert document["next"][0].startswith("Until churn-aaaa1111 is ready")
    assert document["problem"].endswith("0 of 2 pods are ready: no such file")


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["approve", "churn"], "error: no step of churn waits for an approval: it is at step 1"),
        (["resume", "churn"], "error: the rollout of churn-bbbb2222 is not paused"),
        (["retry", "churn"], "error: the rollout of churn-bbbb2222 was not aborted"),
        (["release", "churn", "1"], "error: churn-aaaa1111 is not quarantined"),
        (["quarantine", "churn", "9"], "error: churn has no revision '9'; it has churn-"),
        (["rollback", "churn", "--to", "1"], "error: churn-aaaa1111 is the stable revision alr"),
        (["promote", "nope"], 'error: modeldeployments "nope" not found'),
        (["promote", "churn"], "error: this asks before it acts: pass --yes"),
        (["abort", "churn"], "error: this asks before it acts: pass --yes"),
    ],
)
def test_wrong_states_are_one_line_and_exit_code_2(run, canary, args, line):
    ran = run(*args)
    assert ran.code == 2
    assert ran.err.startswith(line)
    assert ran.err.count("\n") == 1
    assert not canary.patches


class _Terminal:
    """A user who types one line."""

    def __init__(self, line):
        self._line = line

    def isatty(self):
        return True

    def readline(self, *_):
        return self._line


def test_no_means_no(run, canary, monkeypatch):
    monkeypatch.setattr(sys, "stdin", _Terminal("n\n"))
    ran = run("promote", "churn")
    assert ran.code == 2
    assert "error: nothing was changed" in ran.err
    assert not canary.patches


def test_what_changes_while_the_user_thinks_is_not_agreed_to(run, canary, monkeypatch):
    class Slow(_Terminal):
        def readline(self, *_):
            canary.parent()["status"]["candidateRevision"] = "churn-cccc3333"
            canary.hold(canary.parent(), [revision("cccc3333", 3, role="candidate")])
            return "y\n"

    monkeypatch.setattr(sys, "stdin", Slow(""))
    ran = run("promote", "churn")
    assert ran.code == 2
    assert "this would now promote churn-cccc3333" in ran.err
    assert not canary.patches


def test_another_order_in_between_is_not_overwritten(run, canary):
    def bob_first(method, path):
        if method == "PATCH" and not canary.patches:
            found = canary.revision(CANDIDATE)
            order(found, paused=mark("lunch"))
            found["metadata"]["resourceVersion"] = "500"

    canary.faults = bob_first
    ran = run("pause", "churn")
    assert ran.code == 2
    assert "paused already by bob (lunch)" in ran.err


def test_an_approval_in_between_is_kept(run, canary):
    canary.parent()["status"]["rollout"] |= {"phase": "AwaitingApproval", "step": 2}
    canary.on_patch = _says("Progressing")
    earlier = mark() | {"step": 3}

    def bob_first(method, path):
        found = canary.revision(CANDIDATE)
        if method == "PATCH" and found["metadata"]["resourceVersion"] != "500":
            order(found, approvals=[earlier])
            found["metadata"]["resourceVersion"] = "500"

    canary.faults = bob_first
    assert run("approve", "churn", "--yes").code == 0
    given = canary.revision(CANDIDATE)["spec"]["rollout"]["approvals"]
    assert [one["step"] for one in given] == [3, 2]


def test_an_answer_that_is_lost_for_good_is_not_guessed(run, canary):
    lost = []

    def die_after_write(method, path):
        if method == "PATCH":
            lost.append(path)
        return (0, {}) if lost else None

    canary.faults = die_after_write
    ran = run("pause", "churn")
    assert ran.code == 1
    assert "it is not known whether churn-bbbb2222 was changed" in ran.err


def test_half_an_abort_is_said(run, stub):
    parent, children = judged()
    earlier = revision("oooo0000", 0, role="cold", numbers=(1,), revoked=True)
    earlier["spec"]["restore"] = mark()
    stub.hold(parent, [*children, earlier])
    stub.leases = [fresh_lease()]

    def forbid_second(method, path):
        if method == "PATCH" and stub.patches:
            return failure(403, "Forbidden", "no more")
        return None

    stub.faults = forbid_second
    ran = run("abort", "churn", "--yes")
    assert ran.code == 1
    assert ran.err.startswith("error: done: abort the rollout of churn-bbbb2222")
    assert ran.err.endswith("; but not more: no more\n")


def test_a_cluster_that_is_away_while_waiting_is_asked_again(run, canary):
    silent = iter([failure(403, "Forbidden", "not now")])
    canary.on_patch = _says("Paused")
    canary.faults = lambda method, path: (
        next(silent, None) if canary.patches and method == "GET" else None
    )
    ran = run("pause", "churn")
    assert ran.code == 0
    assert "not now" in ran.err


def test_ctrl_c_while_waiting_still_says_what_was_written(run, canary, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("lockstep_cli.following.time.sleep", interrupt)
    ran = run("pause", "churn")
    assert ran.code == 1
    assert "The rollout of churn-bbbb2222 is to pause, but you stopped waiting for it" in ran.out


def test_kubectl_lockstep_is_the_same_command(run, canary, monkeypatch, capsys):
    from lockstep_cli.main import main

    monkeypatch.setattr(sys, "argv", ["/usr/bin/kubectl-lockstep", "approve", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert shown.startswith("Usage: kubectl lockstep approve")
    assert "Exit codes: 0 done; 1 written" in shown
