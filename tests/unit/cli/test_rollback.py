import pytest

from lockstep_cli.errors import Refused
from lockstep_cli.orders.rollback import decide_rollback
from tests.unit.cli.manifests import deployment, in_canary, mark, promoted, revision
from tests.unit.cli.situations import MARK, only_change, situation


def _decide(parent, children, **options):
    return decide_rollback(situation(parent, children), MARK, **options)


def _cold():
    """`churn` after a promotion, the revision before without pods."""
    parent, children = promoted()
    children[1]["status"] |= {"readyReplicas": 0, "replicas": 0, "warmth": "cold", "role": "cold"}
    return parent, children


def test_the_stable_revision_goes_back_to_the_one_before():
    order = _decide(*promoted())
    assert only_change(order) == ("churn-bbbb2222", {"quarantine": MARK.manifest()})
    assert order.question == (
        "churn-aaaa1111 is warm, 2 ready. Quarantine churn-bbbb2222, the stable revision of churn, "
        "and send all traffic to churn-aaaa1111?"
    )


def test_in_a_rollout_the_candidate_is_taken_back():
    order = _decide(*in_canary())
    assert only_change(order)[0] == "churn-bbbb2222"
    assert order.facts["fallback"] == "churn-aaaa1111"
    assert order.facts["wasCandidate"] is True


def test_a_status_from_before_the_promotion_does_not_mislead():
    parent, children = promoted()
    parent["status"]["candidateRevision"] = "churn-bbbb2222"
    assert _decide(parent, children).facts["wasCandidate"] is False


def test_a_quarantined_candidate_is_no_target_any_more():
    parent, children = in_canary()
    children[0]["spec"]["quarantine"] = {"reason": "bad"}
    with pytest.raises(Refused, match="churn-aaaa1111 is the only revision of churn"):
        _decide(parent, children)


def test_revoked_promotions_and_quarantined_revisions_are_no_way_back():
    parent, children = promoted()
    children[1] = revision(
        "aaaa1111", 1, role="quarantined", numbers=(1,), revoked=True, quarantine="old bug"
    )
    with pytest.raises(Refused, match="no earlier promoted one without quarantine"):
        _decide(parent, children)


def test_what_was_taken_back_and_released_is_no_way_back():
    parent, children = promoted()
    children[0]["spec"]["promotions"][0]["rollbackOf"] = ["churn-aaaa1111"]
    with pytest.raises(Refused, match="churn-bbbb2222 is the only revision") as refused:
        _decide(parent, children)
    assert str(refused.value).endswith(
        "to go back to; churn-aaaa1111 was taken back and released since: `lockstep rollback churn "
        "--to churn-aaaa1111 -n shop` makes it stable again"
    )
    assert only_change(_decide(parent, children, to="churn-aaaa1111"))[0] == "churn-aaaa1111"


def test_a_revision_that_is_being_deleted_is_no_way_back():
    parent, children = promoted()
    children[1]["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:00Z"
    with pytest.raises(Refused, match="only revision"):
        _decide(parent, children)


def test_a_first_candidate_has_nothing_to_go_back_to():
    parent = deployment(candidateRevision="churn-bbbb2222")
    with pytest.raises(Refused, match="only revision"):
        _decide(parent, [revision("bbbb2222", 2, role="candidate", ready=1)])


def test_nothing_at_all():
    with pytest.raises(Refused, match="nothing to roll back"):
        _decide(deployment(), [])


def test_a_cold_way_back_is_restored_first():
    order = _decide(*_cold())
    wanted = MARK.manifest() | {"quarantine": ["churn-bbbb2222"]}
    assert only_change(order) == ("churn-aaaa1111", {"restore": wanted})
    assert "cold: its pods have to start first" in order.question
    assert "the traffic stays where it is" in order.meanwhile


def test_a_failed_last_start_is_said():
    parent, children = _cold()
    children[1]["status"] |= {"warmth": "unrestorable", "message": "no such file"}
    question = _decide(parent, children).question
    assert "The last start of churn-aaaa1111 failed (no such file)." in question


def test_downtime_has_to_be_asked_for():
    order = _decide(*_cold(), allow_downtime=True)
    assert only_change(order) == ("churn-bbbb2222", {"quarantine": MARK.manifest()})
    assert "requests fail until it has loaded" in order.question
    assert order.done.endswith("but churn-aaaa1111 does not serve yet, requests fail")
    assert "requests fail until a pod of it has loaded the model" in order.after[0]


def test_the_newest_of_several_is_the_way_back():
    parent, children = promoted()
    children.append(revision("cccc3333", 3, role="cold", numbers=(3,)))
    children[0]["spec"]["promotions"][0]["number"] = 4
    assert only_change(_decide(parent, children))[0] == "churn-cccc3333"


def test_to_restores_even_what_is_warm_and_takes_back_the_candidate_too():
    parent, children = promoted()
    children.append(revision("cccc3333", 3, role="candidate", ready=1))
    parent["status"]["candidateRevision"] = "churn-cccc3333"
    name, spec = only_change(_decide(parent, children, to="1"))
    assert name == "churn-aaaa1111"
    assert spec["restore"]["quarantine"] == ["churn-cccc3333", "churn-bbbb2222"]


def test_the_order_to_restore_replaces_an_earlier_one():
    parent, children = promoted()
    children.append(revision("cccc3333", 3, role="cold", numbers=(9,), revoked=True))
    children[2]["spec"]["restore"] = mark()
    question = _decide(parent, children, to="aaaa1111").question
    assert "This replaces the order to bring back churn-cccc3333." in question


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("bbbb2222", "churn-bbbb2222 is the stable revision already$"),
        ("7", r"churn has no revision '7'; it has churn-bbbb2222 \(2\), churn-aaaa1111 \(1\)"),
        ("cccc3333", "churn-cccc3333 was never promoted"),
        ("dddd4444", r"is quarantined \(bad\): `lockstep release churn churn-dddd4444` first"),
    ],
)
def test_what_cannot_be_gone_back_to(to, sentence):
    parent, children = promoted()
    children.append(revision("cccc3333", 3, role="cold"))
    children.append(revision("dddd4444", 4, role="quarantined", quarantine="bad"))
    with pytest.raises(Refused, match=sentence):
        _decide(parent, children, to=to)


def test_the_stable_one_in_a_rollout_and_the_candidate_are_no_ways_back():
    with pytest.raises(Refused, match="leave out --to to take back the candidate"):
        _decide(*in_canary(), to="aaaa1111")
    with pytest.raises(Refused, match="churn-bbbb2222 is the candidate: `lockstep promote`"):
        _decide(*in_canary(), to="bbbb2222")


def test_one_that_comes_back_already_says_how_far_it_is():
    parent, children = _cold()
    children[1]["spec"]["restore"] = mark("wrong")
    parent["status"]["rollout"] = {"phase": "Restoring", "message": "1 of 2 pods are ready"}
    with pytest.raises(Refused, match=r"ordered by bob \(wrong\): 1 of 2 pods are ready"):
        _decide(parent, children)


def test_downtime_leads_to_the_revision_before_and_to_no_other():
    parent, children = promoted()
    children.append(revision("cccc3333", 3, role="cold", numbers=(9,), revoked=True))
    with pytest.raises(Refused, match="goes back to churn-aaaa1111, the revision before"):
        _decide(parent, children, to="cccc3333", allow_downtime=True)
    assert only_change(_decide(parent, children, to="1", allow_downtime=True))[0] == (
        "churn-bbbb2222"
    )


def test_a_candidate_that_carries_for_a_stable_one_that_is_down_is_not_taken_by_surprise():
    parent, children = in_canary()
    children[1]["status"]["readyReplicas"] = 0
    with pytest.raises(Refused, match="churn-aaaa1111, the stable revision, has no ready pod"):
        _decide(parent, children)
    assert only_change(_decide(parent, children, allow_downtime=True))[0] == "churn-bbbb2222"


def test_a_candidate_without_traffic_can_go_whatever_stable_is_like():
    parent, children = in_canary()
    children[1]["status"]["readyReplicas"] = 0
    parent["status"]["traffic"] = [{"revision": "churn-aaaa1111", "weight": 100, "ready": 0}]
    assert only_change(_decide(parent, children))[0] == "churn-bbbb2222"


def test_a_restore_is_over_when_the_operator_has_removed_the_mark():
    parent, children = _cold()
    goal = _decide(parent, children).goal
    assert goal is not None
    children[1]["spec"]["restore"] = mark()
    waiting = situation(parent, children)
    assert not goal.reached(waiting)
    assert goal.missed(waiting) is None
    children[1]["spec"]["promotions"].append({"number": 3, "time": "2026-03-01T12:01:00Z"})
    parent["status"]["traffic"] = [{"revision": "churn-aaaa1111", "weight": 100, "ready": 2}]
    assert not goal.reached(situation(parent, children))
    del children[1]["spec"]["restore"]
    assert goal.reached(situation(parent, children))


def test_a_restore_that_somebody_dropped_is_missed():
    parent, children = _cold()
    goal = _decide(parent, children).goal
    assert goal is not None
    assert goal.missed(situation(parent, children)) == (
        "somebody dropped the order meanwhile: the traffic has not moved"
    )


def test_git_still_asks_for_what_it_asks_for():
    parent, children = promoted()
    assert _decide(parent, children).facts["manifestStillAsksForIt"] is True
    parent["spec"]["model"]["uri"] = "file:///models/churn-1.skops"
    assert _decide(parent, children).facts["manifestStillAsksForIt"] is False


def test_weights_are_read_from_the_parents_status():
    canary = situation(*in_canary())
    assert canary.weight("churn-bbbb2222") == 10
    assert canary.weight("churn-gone") == 0
    assert situation(deployment(), []).weight("churn-bbbb2222") is None
