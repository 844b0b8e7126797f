"""What a narrow terminal shows: all numbers whole, or none."""

import io

import pytest
from rich.console import Console

from lockstep_cli.clean import cleaned
from lockstep_cli.fitting import fitted
from lockstep_cli.history import read_history
from lockstep_cli.lease import find_operator
from lockstep_cli.overview import read_overview
from lockstep_cli.situation import read_situation
from lockstep_cli.status import read_status
from lockstep_cli.status_view import status_view
from lockstep_cli.tables import history_table, overview_table
from tests.unit.cli.manifests import NOW, judged, lease

WIDTHS = [200, 120, 80, 60, 40]


def _on_a_terminal(view, width):
    sink = io.StringIO()
    Console(file=sink, width=width, highlight=False).print(fitted(cleaned(view), width))
    lines = sink.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return [line.rstrip() for line in lines]


def _status():
    situation = read_situation("churn", "shop", *judged())
    return status_view(read_status(situation, find_operator([lease()], NOW), NOW))


@pytest.mark.parametrize("width", WIDTHS)
def test_status_cuts_no_number(width):
    words = " ".join(_on_a_terminal(_status(), width)).split()
    for word in ("churn-aaaa1111", "90.00", "2/2", "640/5800", "0.0021", "30", "inconclusive"):
        assert word in words


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_deployments_cuts_nothing(width):
    parent, _ = judged()
    words = " ".join(_on_a_terminal(overview_table(read_overview([parent])), width)).split()
    for word in ("churn", "RolloutInProgress", "churn-aaaa1111", "1/3", "10.00", "Inconclusive"):
        assert word in words


@pytest.mark.parametrize("width", WIDTHS)
def test_the_history_cuts_nothing(width):
    words = " ".join(_on_a_terminal(history_table(read_history(judged()[1])), width)).split()
    for word in ("churn-bbbb2222", "2026-03-01T11:00:00Z", "sha256:010101010101"):
        assert word in words


def test_what_does_not_fit_is_a_list():
    parent, _ = judged()
    assert _on_a_terminal(overview_table(read_overview([parent])), 40) == [
        "NAME       churn",
        "AVAILABLE  True",
        "READY      False",
        "REASON     RolloutInProgress",
        "STABLE     churn-aaaa1111",
        "CANDIDATE  churn-bbbb2222",
        "STEP       1/3",
        "WEIGHT     10.00 %",
        "PHASE      Inconclusive",
    ]
