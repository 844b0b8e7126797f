"""What quarantine and release write, and when they are refused."""

import pytest

from lockstep_cli.errors import Refused
from lockstep_cli.orders.quarantine import decide_quarantine
from lockstep_cli.orders.release import decide_release
from tests.unit.cli.manifests import in_canary, mark, promoted, revision
from tests.unit.cli.situations import MARK, only_change, situation


def _quarantine(parent, children, name, **options):
    return decide_quarantine(situation(parent, children), MARK, revision=name, **options)


def test_any_revision_can_be_quarantined():
    found = _quarantine(*promoted(), "aaaa1111")
    assert only_change(found) == ("churn-aaaa1111", {"quarantine": MARK.manifest()})
    assert found.question == "Quarantine churn-aaaa1111, which carries no traffic?"


def test_the_candidates_traffic_goes_to_stable():
    question = _quarantine(*in_canary(), "bbbb2222").question
    assert "the candidate revision, and send its traffic to churn-aaaa1111?" in question


def test_what_is_coming_back_does_not():
    parent, children = promoted()
    children[1]["spec"]["restore"] = mark()
    found = _quarantine(parent, children, "1")
    assert only_change(found)[1] == {"quarantine": MARK.manifest(), "restore": None}
    assert "This drops the order to bring back churn-aaaa1111." in found.question


def test_nobody_is_left_without_an_answer_by_mistake():
    parent, children = promoted()
    children[1]["status"]["readyReplicas"] = 0
    with pytest.raises(Refused, match=r"churn-aaaa1111, which would take it, has no ready pod"):
        _quarantine(parent, children, "2")
    with pytest.raises(Refused, match=r"only revision of churn .* requests get 503 then"):
        _quarantine(parent, children[:1], "2")
    found = _quarantine(parent, children[:1], "2", allow_downtime=True)
    assert only_change(found)[0] == "churn-bbbb2222"
    assert "and answer no requests?" in found.question


def test_twice_is_refused_with_who_did_it():
    parent, children = promoted()
    children.append(revision("cccc3333", 3, role="quarantined", quarantine="slow"))
    with pytest.raises(Refused, match=r"quarantined already by ada \(slow\)"):
        _quarantine(parent, children, "cccc3333")


def _released(asked):
    parent, children = promoted()
    version = 2 if asked else 3
    children.append(revision("cccc3333", version, role="quarantined", quarantine="slow"))
    return parent, children


def test_release_says_that_it_rolls_out_again():
    found = decide_release(situation(*_released(asked=True)), MARK, revision="cccc3333")
    released = {"quarantine": None, "released": MARK.manifest()}
    assert only_change(found) == ("churn-cccc3333", released)
    assert found.question == (
        "churn-cccc3333 was quarantined by ada (slow). Release churn-cccc3333, which then rolls "
        "out from step one?"
    )


def test_release_of_what_nobody_asks_for_moves_nothing():
    found = decide_release(situation(*_released(asked=False)), MARK, revision="cccc3333")
    assert found.question.endswith("Release churn-cccc3333?")
    assert found.after == (
        "Nothing moves: the manifest does not ask for churn-cccc3333 "
        "(file:///models/churn-3.skops), it differs in model.uri.",
    )


def _nothing_is_stable():
    parent, _ = promoted()
    return parent, [revision("bbbb2222", 2, role="quarantined", quarantine="slow")]


@pytest.mark.parametrize(
    ("rollout", "moves"),
    [
        ({"strategy": "Replace"}, "replaces the stable revision: requests get 503 meanwhile"),
        ({"steps": []}, "is promoted once it is ready"),
        ({"steps": [{"weight": 5}]}, "rolls out from step one"),
    ],
)
def test_release_says_how_it_rolls_out(rollout, moves):
    parent, children = _released(asked=True)
    parent["spec"]["rollout"] = rollout
    found = decide_release(situation(parent, children), MARK, revision="cccc3333")
    assert found.question.endswith(f"Release churn-cccc3333, which then {moves}?")
    assert f": it {moves}. `lockstep abort churn` stops that" in found.after[0]


def test_with_nothing_stable_the_released_one_takes_all_traffic():
    found = decide_release(situation(*_nothing_is_stable()), MARK, revision="bbbb2222")
    moves = "takes all traffic at once when a pod is ready, as no revision is stable"
    assert found.question.endswith(f"Release churn-bbbb2222, which then {moves}?")
    assert found.after[0].endswith(f"churn-2.skops): it {moves}.")


def test_a_promotion_that_nobody_took_back_counts_again():
    parent, children = _nothing_is_stable()
    children[0]["spec"]["promotions"] = [{"number": 2, "time": "2026-03-01T12:00:00Z"}]
    parent["spec"]["model"]["uri"] = "file:///models/churn-3.skops"
    found = decide_release(situation(parent, children), MARK, revision="bbbb2222")
    assert found.after == ("It is stable again and takes all traffic at once when a pod is ready.",)


def test_release_of_what_is_not_quarantined():
    with pytest.raises(Refused, match="churn-aaaa1111 is not quarantined"):
        decide_release(situation(*promoted()), MARK, revision="1")


def test_a_release_took_effect_when_the_operator_has_seen_it():
    parent, children = _released(asked=True)
    goal = decide_release(situation(parent, children), MARK, revision="cccc3333").goal
    assert goal is not None
    del children[2]["spec"]["quarantine"]
    assert not goal.reached(situation(parent, children))
    children[2]["status"]["role"] = "candidate"
    assert goal.reached(situation(parent, children))
