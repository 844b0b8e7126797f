import pytest

from lockstep_cli.errors import Refused
from lockstep_cli.revision import find_revision, parse_revisions, promoted
from tests.unit.cli.manifests import revision


def _three():
    return [
        revision("aaaa1111", 1, role="stable", numbers=(1, 4), ready=1),
        revision("00000002", 2, role="cold", numbers=(2,)),
        revision("cccc3333", 3, role="quarantined", numbers=(3,), revoked=True, quarantine="bad"),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("churn-aaaa1111", "churn-aaaa1111"),
        ("aaaa1111", "churn-aaaa1111"),
        ("1", "churn-aaaa1111"),
        ("4", "churn-aaaa1111"),
        ("3", "churn-cccc3333"),
        ("00000002", "churn-00000002"),
    ],
)
def test_the_ways_to_name_a_revision(text, name):
    assert find_revision("churn", parse_revisions(_three()), text).name == name


def test_what_is_not_there_is_answered_with_what_is():
    with pytest.raises(Refused) as refused:
        find_revision("churn", parse_revisions(_three()), "5")
    assert str(refused.value) == (
        "churn has no revision '5'; it has churn-aaaa1111 (1, 4), churn-00000002 (2), "
        "churn-cccc3333 (3)"
    )


def test_a_promotion_that_a_later_one_took_back_counts_no_more():
    three = _three()
    three[0]["spec"]["promotions"][1]["rollbackOf"] = ["churn-00000002"]
    assert [item.name for item in promoted(parse_revisions(three))] == ["churn-aaaa1111"]


def test_one_promoted_again_after_it_was_taken_back_counts():
    three = _three()
    three[0]["spec"]["promotions"][1]["rollbackOf"] = ["churn-00000002"]
    three[1]["spec"]["promotions"].append({"number": 5, "time": "2026-03-01T15:00:00Z"})
    assert [item.name for item in promoted(parse_revisions(three))] == [
        "churn-00000002",
        "churn-aaaa1111",
    ]


def test_without_the_operators_word_warmth_is_read_from_ready_pods():
    warm, cold, _ = parse_revisions(_three())
    assert (warm.warmth, cold.warmth) == ("warm", "cold")
