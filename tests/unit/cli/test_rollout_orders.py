"""What promote, approve, pause, resume, abort and retry write, and when they are refused."""

import pytest

from lockstep_cli.errors import Refused
from lockstep_cli.orders.abort import decide_abort
from lockstep_cli.orders.approve import decide_approve
from lockstep_cli.orders.pause import decide_pause
from lockstep_cli.orders.promote import decide_promote
from lockstep_cli.orders.resume import decide_resume
from lockstep_cli.orders.retry import decide_retry
from tests.unit.cli.manifests import in_canary, judged, mark, order, promoted
from tests.unit.cli.situations import MARK, only_change, situation

CANDIDATE = "churn-bbbb2222"


def _canary(phase=None, step=1, **orders):
    parent, children = judged()
    parent["status"]["rollout"] |= {"phase": phase or "Progressing", "step": step}
    if orders:
        order(children[0], **orders)
    return parent, children


def _with_restore(parent, children):
    """Somebody wants churn-oooo0000 back."""
    earlier = promoted()[1][1]
    earlier["metadata"]["name"] = "churn-oooo0000"
    earlier["spec"]["promotions"][0]["number"] = 0
    earlier["spec"]["restore"] = mark("wrong")
    return parent, [*children, earlier]


ALL = (decide_promote, decide_approve, decide_pause, decide_resume, decide_retry)


@pytest.mark.parametrize("decide", ALL)
def test_without_a_candidate_there_is_nothing_to_steer(decide):
    with pytest.raises(Refused, match="no rollout of churn is under way: it has no candidate"):
        decide(situation(*promoted()), MARK)


def test_promote():
    found = decide_promote(situation(*_canary()), MARK)
    assert only_change(found) == (CANDIDATE, {"rollout": {"promote": MARK.manifest()}})
    assert found.question == (
        "Holds, approvals and gates that are left are skipped. Promote churn-bbbb2222, now at "
        "10 %, to 100 %?"
    )


def test_promote_ends_a_pause_that_a_person_ordered():
    found = decide_promote(situation(*_canary(paused=mark("lunch"))), MARK)
    assert only_change(found)[1]["rollout"]["paused"] is None
    assert "It ends the pause ordered by bob (lunch)." in found.question


def test_promote_is_refused_where_a_person_has_to_lift_something_first():
    with pytest.raises(Refused, match=r"aborted by bob \(why not\): `lockstep retry churn` first"):
        decide_promote(situation(*_canary(aborted=mark())), MARK)
    with pytest.raises(Refused, match="to be promoted already, ordered by bob"):
        decide_promote(situation(*_canary(promote=mark())), MARK)
    parent, children = _canary()
    parent["spec"]["paused"] = True
    with pytest.raises(Refused, match="set it to false there, and in git"):
        decide_promote(situation(parent, children), MARK)
    with pytest.raises(Refused, match="churn-oooo0000 is being brought back"):
        decide_promote(situation(*_with_restore(*_canary())), MARK)


def test_promote_has_taken_effect_when_it_is_stable_and_carries_all():
    parent, children = _canary()
    goal = decide_promote(situation(parent, children), MARK).goal
    assert goal is not None
    children[0]["spec"]["promotions"] = [{"number": 2, "time": "2026-03-01T12:00:00Z"}]
    assert not goal.reached(situation(parent, children))
    parent["status"]["traffic"] = [{"revision": CANDIDATE, "weight": 100, "ready": 2}]
    assert goal.reached(situation(parent, children))


def test_a_gate_that_fails_meanwhile_ends_the_waiting():
    parent, children = _canary()
    goal = decide_promote(situation(parent, children), MARK).goal
    assert goal is not None
    assert goal.missed(situation(parent, children)) is None
    reason = {"reason": "gate errorRate failed: 0.2", "by": "lockstep-operator"}
    children[0]["spec"]["quarantine"] = reason
    assert goal.missed(situation(parent, children)) == (
        "churn-bbbb2222 was quarantined meanwhile by lockstep-operator: gate errorRate failed: 0.2"
    )


def test_approve_takes_the_step_that_waits():
    found = decide_approve(situation(*_canary("AwaitingApproval", step=2)), MARK)
    assert only_change(found) == (
        CANDIDATE,
        {"rollout": {"approvals": [MARK.manifest() | {"step": 2}]}},
    )


def test_approve_keeps_the_approvals_of_other_steps():
    earlier = mark() | {"step": 1}
    found = decide_approve(
        situation(*_canary("AwaitingApproval", step=2, approvals=[earlier])), MARK
    )
    given = only_change(found)[1]["rollout"]["approvals"]
    assert given == [earlier, MARK.manifest() | {"step": 2}]


def test_approve_ahead_of_time_waits_for_nothing():
    found = decide_approve(situation(*_canary()), MARK, step=2)
    assert found.goal is None
    assert found.after == ("It counts when step 2 is over and its gates pass.",)


def test_approve_of_an_overdue_step_is_new_even_if_there_is_an_older_one():
    scene = _canary("AnalysisDeadlineExceeded", step=2, approvals=[mark() | {"step": 2}])
    found = decide_approve(situation(*scene), MARK)
    assert only_change(found)[1]["rollout"]["approvals"] == [MARK.manifest() | {"step": 2}]
    assert "Its gates did not decide in time" in found.question


@pytest.mark.parametrize(
    ("scene", "step", "sentence"),
    [
        (_canary("Inconclusive"), None, r"no step of churn waits for an approval: it is at step 1"),
        (_canary(), 4, "there is no step 4: the rollout has 3 in all"),
        (_canary(), 3, "step 3 needs no approval; steps with approval: 2"),
        (_canary(step=3), 2, "step 2 is over: the rollout is at step 3"),
        (
            _canary("AwaitingApproval", step=2, approvals=[mark() | {"step": 2}]),
            None,
            r"step 2 of churn-bbbb2222 was approved already by bob \(why not\)",
        ),
        (_canary("Aborted", aborted=mark()), None, "was aborted by bob"),
    ],
)
def test_approve_is_refused(scene, step, sentence):
    with pytest.raises(Refused, match=sentence):
        decide_approve(situation(*scene), MARK, step=step)


@pytest.mark.parametrize(
    ("phase", "step", "reached"),
    [("AwaitingApproval", 2, False), ("Progressing", 2, True), ("AwaitingApproval", 3, True)],
)
def test_an_approval_took_effect_when_the_rollout_went_on(phase, step, reached):
    goal = decide_approve(situation(*_canary("AwaitingApproval", step=2)), MARK).goal
    assert goal is not None
    assert goal.reached(situation(*_canary(phase, step=step))) is reached


def test_pause_asks_nothing_and_says_that_a_gate_still_counts():
    found = decide_pause(situation(*_canary()), MARK)
    assert only_change(found) == (CANDIDATE, {"rollout": {"paused": MARK.manifest()}})
    assert found.harmless
    assert "a gate that fails still takes the candidate back" in found.after[-1]
    assert found.goal is not None
    assert found.goal.reached(situation(*_canary("Paused")))
    assert not found.goal.reached(situation(*_canary()))


@pytest.mark.parametrize("decide", [decide_pause, decide_abort])
def test_what_was_promoted_before_the_order_was_seen_is_said(decide):
    parent, children = _canary()
    goal = decide(situation(parent, children), MARK).goal
    assert goal is not None
    children[0]["spec"]["promotions"] = [{"number": 2, "time": "2026-03-01T12:00:00Z"}]
    parent["status"] |= {"stableRevision": CANDIDATE, "candidateRevision": None, "rollout": None}
    now = situation(parent, children)
    assert not goal.reached(now)
    assert goal.missed(now) == "churn-bbbb2222 was promoted meanwhile: its rollout is over"


def test_an_abort_is_done_when_another_manifest_took_over():
    parent, children = _canary()
    goal = decide_abort(situation(parent, children), MARK).goal
    assert goal is not None
    parent["status"] |= {"candidateRevision": "churn-cccc3333", "traffic": []}
    assert goal.reached(situation(parent, children))


@pytest.mark.parametrize(
    ("orders", "sentence"),
    [
        ({"paused": mark("lunch")}, r"paused already by bob \(lunch\)"),
        ({"aborted": mark()}, "was aborted by bob"),
        ({"promote": mark()}, "being promoted, ordered by bob"),
    ],
)
def test_pause_is_refused_for_what_stands_still_or_cannot(orders, sentence):
    with pytest.raises(Refused, match=sentence):
        decide_pause(situation(*_canary(**orders)), MARK)


def test_pause_is_refused_once_a_replacement_has_begun():
    parent, children = _canary()
    parent["spec"]["rollout"] = {"strategy": "Replace"}
    before = decide_pause(situation(parent, children), MARK)
    assert before.goal is not None
    children[1]["status"] |= {"replicas": 0, "readyReplicas": 0}
    with pytest.raises(Refused, match=r"finished once begun: `lockstep abort churn` goes back"):
        decide_pause(situation(parent, children), MARK)
    assert "finished once begun" in (before.goal.missed(situation(parent, children)) or "")


def test_resume():
    found = decide_resume(situation(*_canary("Paused", paused=mark("lunch"))), MARK)
    assert only_change(found) == (CANDIDATE, {"rollout": {"paused": None}})
    assert found.question.startswith("It was paused by bob (lunch). Go on with the rollout")


def test_resume_is_refused_when_the_manifest_holds_it_or_nobody_paused():
    parent, children = _canary("Paused", paused=mark())
    parent["spec"]["paused"] = True
    with pytest.raises(Refused, match=r"spec\.paused of the manifest holds the rollout"):
        decide_resume(situation(parent, children), MARK)
    with pytest.raises(Refused, match="is not paused: gate slow: 37 of 100"):
        decide_resume(situation(*_canary()), MARK)
    with pytest.raises(Refused, match=r"was aborted by bob .*: `lockstep retry churn` starts it"):
        decide_resume(situation(*_canary("Aborted", aborted=mark(), paused=mark())), MARK)


def test_abort():
    found = decide_abort(situation(*_canary()), MARK)
    assert only_change(found) == (CANDIDATE, {"rollout": {"aborted": MARK.manifest()}})
    assert "send its traffic to churn-aaaa1111?" in found.question
    assert "`lockstep retry churn` starts it again;" in found.after[0]


@pytest.mark.parametrize("other", ["promote", "paused"])
def test_abort_takes_other_orders_along(other):
    found = decide_abort(situation(*_canary(**{other: mark()})), MARK)
    wanted = {"aborted": MARK.manifest(), other: None}
    assert only_change(found) == (CANDIDATE, {"rollout": wanted})


def test_abort_drops_a_restore():
    parent, children = promoted()
    children[1]["spec"]["restore"] = mark("wrong")
    found = decide_abort(situation(parent, children), MARK)
    assert only_change(found) == ("churn-aaaa1111", {"restore": None})
    assert found.question == "Drop the order to bring back churn-aaaa1111 by bob (wrong)?"


def test_abort_stops_both_when_both_are_under_way():
    found = decide_abort(situation(*_with_restore(*_canary())), MARK)
    assert [change.revision for change in found.changes] == [CANDIDATE, "churn-oooo0000"]


def test_abort_says_who_suffers():
    parent, children = _canary()
    children[1]["status"]["readyReplicas"] = 0
    question = decide_abort(situation(parent, children), MARK).question
    assert "churn-aaaa1111, the stable revision, has no ready pod" in question
    parent, children = in_canary()
    question = decide_abort(situation(parent, children[:1]), MARK).question
    assert "There is no stable revision: requests get 503" in question


def test_abort_is_refused_where_nothing_is_under_way():
    with pytest.raises(Refused, match="neither a rollout nor a restore"):
        decide_abort(situation(*promoted()), MARK)
    with pytest.raises(Refused, match=r"aborted already by bob \(why not\)"):
        decide_abort(situation(*_canary(aborted=mark())), MARK)


def test_retry_asks_for_approvals_again():
    scene = _canary("Aborted", aborted=mark(), approvals=[mark() | {"step": 2}])
    found = decide_retry(situation(*scene), MARK)
    assert only_change(found) == (CANDIDATE, {"rollout": {"aborted": None, "approvals": None}})


def test_retry_says_how_it_starts():
    parent, children = _canary("Aborted", aborted=mark())
    question = decide_retry(situation(parent, children), MARK).question
    assert question.endswith("of churn-bbbb2222 again, which then rolls out from step one?")
    question = decide_retry(situation(parent, children[:1]), MARK).question
    assert "takes all traffic at once when a pod is ready, as no revision is stable?" in question


def test_retry_of_what_was_not_aborted():
    with pytest.raises(Refused, match="was not aborted"):
        decide_retry(situation(*_canary()), MARK)
