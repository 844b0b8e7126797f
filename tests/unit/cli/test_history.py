from lockstep_cli.history import machine, read_history
from lockstep_cli.tables import history_table
from tests.unit.cli.manifests import revision
from tests.unit.cli.rendering import rendered


def _kept():
    return [
        revision("dddd4444", 4, role="candidate", ready=1),
        revision("bbbb2222", 2, role="quarantined", numbers=(2,), revoked=True, quarantine="slow"),
        revision("cccc3333", 3, role="stable", numbers=(3,), ready=2),
        revision("aaaa1111", 1, role="cold", numbers=(1,)),
    ]


def test_history_is_in_order_of_promotion(golden):
    golden("cli/history.txt", rendered(history_table(read_history(_kept()))))


def test_the_machine_form_has_whole_digests_and_who_did_it():
    rows = machine(read_history(_kept()))
    assert [row["revision"] for row in rows] == [
        "churn-aaaa1111",
        "churn-bbbb2222",
        "churn-cccc3333",
        "churn-dddd4444",
    ]
    assert rows[1]["quarantine"] == {
        "reason": "slow",
        "by": "ada",
        "time": "2026-03-01T11:30:00Z",
    }
    assert rows[0]["digest"] == "sha256:" + "01" * 32
    assert rows[3]["promotedAt"] is None


def test_who_promoted_it_and_whom_it_took_over_from():
    kept = _kept()
    kept[3]["spec"]["promotions"].append(
        {
            "number": 5,
            "time": "2026-03-01T15:00:00Z",
            "by": "ada",
            "reason": "wrong classes",
            "rollbackOf": ["churn-cccc3333"],
        }
    )
    table = rendered(history_table(read_history(kept)))
    assert "by ada (wrong classes); took over from churn-cccc3333" in table


def test_who_released_it_and_why():
    kept = _kept()
    kept[0]["spec"]["released"] = {"by": "ada", "reason": "false alarm"}
    assert machine(read_history(kept))[3]["released"] == {"by": "ada", "reason": "false alarm"}
    assert "released by ada (false alarm)" in rendered(history_table(read_history(kept)))


def test_the_operators_word_on_warmth_counts():
    kept = _kept()
    kept[3]["status"]["warmth"] = "unrestorable"
    assert machine(read_history(kept))[0]["warmth"] == "unrestorable"
