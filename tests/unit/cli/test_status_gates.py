"""The gates in `lockstep status`: their numbers are older than the line on the rollout."""

import pytest

from lockstep_cli.lease import find_operator
from lockstep_cli.situation import read_situation
from lockstep_cli.status import read_status
from lockstep_cli.status_view import status_view
from lockstep_cli.watching import without_clocks
from tests.unit.cli.manifests import NOW, condition, judged, lease
from tests.unit.cli.rendering import rendered


def _read(parent, children, now=NOW):
    situation = read_situation("churn", "shop", parent, children)
    return read_status(situation, find_operator([lease()], now), now)


def _shown(parent, children):
    return rendered(status_view(_read(parent, children)))


def _ahead(phase="Inconclusive"):
    """The rollout's own message is one look ahead of the table."""
    parent, children = judged()
    newer = "gate slow: 52 of 100 samples; gate predictionShift: no data yet"
    parent["status"]["rollout"] |= {"phase": phase, "message": newer}
    parent["status"]["conditions"][1] = condition(
        "Ready", "False", "GatesInconclusive", f"churn-bbbb2222 at 10.0 %: {newer}"
    )
    return parent, children


def test_the_age_of_the_numbers_is_said():
    assert "\nGates at step 1, 7s ago\nGATE " in _shown(*judged())


def test_before_the_first_look_no_age_is_made_up():
    parent, children = judged()
    del children[0]["status"]["analysis"]
    assert "\nGates, none has looked yet\nGATE " in _shown(parent, children)


def test_before_traffic_there_is_no_step():
    parent, children = judged()
    children[0]["status"]["analysis"]["step"] = 0
    assert "\nGates before the first step, 7s ago\n" in _shown(parent, children)


def test_an_operators_clock_that_is_ahead_gives_no_negative_age():
    parent, children = judged()
    for gate in children[0]["status"]["analysis"]["gates"]:
        gate["evaluatedAt"] = "2026-03-01T12:00:05Z"
    assert "Gates at step 1, 0s ago\n" in _shown(parent, children)


@pytest.mark.parametrize("phase", ["Inconclusive", "AnalysisDeadlineExceeded"])
def test_no_number_is_shown_twice_with_two_values(phase):
    shown = _shown(*_ahead(phase))
    assert f"10.00 %, {phase}: waiting for gates slow, predictionShift\n" in shown
    assert "churn-bbbb2222 at 10.0 %: waiting for gates slow, predictionShift\n" in shown
    assert "52 of 100" not in shown
    assert "37 of 100 samples" in shown


def test_gates_that_all_passed_by_now_are_not_named():
    parent, children = _ahead()
    parent["spec"]["rollout"]["gates"].pop()
    children[0]["status"]["analysis"]["gates"][1]["verdict"] = "pass"
    assert "step 1 of 3, 10.00 %, Inconclusive\n" in _shown(parent, children)


def test_machines_get_the_operators_own_words_and_the_age():
    document = _read(*_ahead()).machine()
    assert document["rollout"]["message"].startswith("gate slow: 52 of 100")
    assert document["analysis"] == {"step": 1, "ageSeconds": 7}


def test_a_look_that_found_nothing_new_is_no_change():
    parent, children = judged()
    before = without_clocks(_read(parent, children).machine())
    for gate in children[0]["status"]["analysis"]["gates"]:
        gate["evaluatedAt"] = "2026-03-01T11:59:59Z"
    assert without_clocks(_read(parent, children).machine()) == before


@pytest.mark.parametrize(
    ("evidence", "samples", "shown"), [(-0.4, 640, "0 %"), (-1.0, 0, "-"), (0.0, 0, "-")]
)
def test_evidence_of_harm_is_never_negative_and_needs_samples(evidence, samples, shown):
    parent, children = judged()
    gate = children[0]["status"]["analysis"]["gates"][0]
    gate |= {"evidence": evidence, "samples": samples, "stableSamples": 0}
    header, line = _shown(parent, children).split("Gates at step 1, 7s ago\n")[1].splitlines()[:2]
    assert line[header.index("EVIDENCE") :].split("   ")[0] == shown
    assert _read(parent, children).machine()["gates"][0]["evidence"] == evidence
