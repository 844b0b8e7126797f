import pytest

from lockstep_cli.errors import Refused
from lockstep_cli.revision import parse_revision
from lockstep_cli.rollback import plan_rollback, still_asked_for, weight_of
from tests.unit.cli.manifests import deployment, in_canary, promoted, revision


def _plan(parent, children, allow_downtime=False):
    return plan_rollback(parent, [parse_revision(item) for item in children], allow_downtime)


def test_the_stable_revision_goes_back_to_the_one_before():
    plan = _plan(*promoted())
    assert (plan.target.name, plan.fallback.name) == ("churn-bbbb2222", "churn-aaaa1111")
    assert not plan.candidate
    assert plan.question == (
        "Quarantine churn-bbbb2222, the stable revision of churn, and send all traffic to "
        "churn-aaaa1111 (warm, 2 ready)?"
    )


def test_in_a_rollout_the_candidate_is_taken_back():
    plan = _plan(*in_canary())
    assert (plan.target.name, plan.fallback.name) == ("churn-bbbb2222", "churn-aaaa1111")
    assert plan.candidate


def test_a_status_from_before_the_promotion_does_not_mislead():
    parent, children = promoted()
    parent["status"]["candidateRevision"] = "churn-bbbb2222"
    assert not _plan(parent, children).candidate


def test_a_quarantined_candidate_is_no_target_any_more():
    parent, children = in_canary()
    children[0]["spec"]["quarantine"] = {"reason": "bad"}
    with pytest.raises(Refused, match="churn-aaaa1111 is the only revision of churn"):
        _plan(parent, children)


def test_revoked_promotions_and_quarantined_revisions_are_no_way_back():
    parent, children = promoted()
    children[1] = revision(
        "aaaa1111", 1, role="quarantined", numbers=(1,), revoked=True, quarantine="old bug"
    )
    with pytest.raises(Refused, match="no earlier promoted one without quarantine"):
        _plan(parent, children)


def test_a_first_candidate_has_nothing_to_go_back_to():
    parent = deployment(candidateRevision="churn-bbbb2222")
    with pytest.raises(Refused, match="only revision"):
        _plan(parent, [revision("bbbb2222", 2, role="candidate", ready=1)])


def test_nothing_at_all():
    with pytest.raises(Refused, match="nothing to roll back"):
        _plan(deployment(), [])


def test_a_cold_way_back_needs_to_be_asked_for():
    parent, children = promoted()
    children[1]["status"]["readyReplicas"] = 0
    with pytest.raises(Refused, match=r"cold.*--allow-downtime"):
        _plan(parent, children)
    assert _plan(parent, children, allow_downtime=True).fallback.warmth == "cold"


def test_the_newest_of_several_is_the_way_back():
    parent, children = promoted()
    children.append(revision("cccc3333", 3, role="cold", numbers=(3,)))
    children[0]["spec"]["promotions"][0]["number"] = 4
    with pytest.raises(Refused, match="churn-cccc3333 is cold"):
        _plan(parent, children)


def test_weights_are_read_from_the_parents_status():
    parent, _ = in_canary()
    assert weight_of(parent, "churn-bbbb2222") == 10
    assert weight_of(parent, "churn-gone") == 0
    assert weight_of(deployment(), "churn-bbbb2222") is None


def test_the_manifest_asks_for_what_it_asks_for():
    parent, children = promoted()
    assert still_asked_for(parent, children[0])
    assert not still_asked_for(parent, children[1])
