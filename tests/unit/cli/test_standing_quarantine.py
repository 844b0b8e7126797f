"""Which quarantine `lockstep status` speaks of: at most one, that which matters now."""

import pytest

from lockstep_cli.standing_orders import read_orders
from tests.unit.cli.manifests import mark, promoted, revision
from tests.unit.cli.situations import situation


def _quarantines(parent, children):
    orders = read_orders(situation(parent, children))
    return [order.revision for order in orders if order.kind == "quarantine"]


def _with(*marked):
    """Return `churn` at version 2, promoted at 12:00, and quarantined revisions: suffix, time."""
    parent, children = promoted()
    for number, (suffix, time) in enumerate(marked, 3):
        child = revision(suffix, number, role="quarantined", quarantine="slow")
        child["spec"]["quarantine"] = mark() | {"time": time}
        children.append(child)
    return parent, children


def test_old_quarantines_are_for_the_history():
    assert _quarantines(*_with(("cccc3333", "2026-03-01T11:59:00Z"))) == []


def test_of_those_since_the_last_promotion_the_newest_counts():
    scene = _with(
        ("cccc3333", "2026-03-01T13:00:00Z"),
        ("dddd4444", "2026-03-01T15:00:00Z"),
        ("eeee5555", "2026-03-01T14:00:00Z"),
    )
    assert _quarantines(*scene) == ["churn-dddd4444"]


def test_what_the_manifest_asks_for_counts_however_old_it_is():
    parent, children = _with(
        ("cccc3333", "2026-02-01T11:59:00Z"), ("dddd4444", "2026-03-01T15:00:00Z")
    )
    parent["spec"]["model"]["uri"] = "file:///models/churn-3.skops"
    assert _quarantines(parent, children) == ["churn-cccc3333"]


def test_a_rollback_of_the_last_promotion_counts():
    parent, children = promoted()
    children[0] = revision(
        "bbbb2222", 2, role="quarantined", numbers=(2,), revoked=True, quarantine="slow"
    )
    parent["spec"]["model"]["uri"] = "file:///models/churn-9.skops"
    children[0]["spec"]["quarantine"]["time"] = "2026-03-01T12:30:00Z"
    assert _quarantines(parent, children) == ["churn-bbbb2222"]


def test_what_a_restore_took_back_counts_though_it_was_marked_first():
    parent, children = _with(("cccc3333", "2026-03-01T11:59:00Z"))
    children[0]["spec"]["promotions"][0]["rollbackOf"] = ["churn-cccc3333"]
    assert _quarantines(parent, children) == ["churn-cccc3333"]


@pytest.mark.parametrize("missing", ["time", "by"])
def test_a_mark_by_hand_may_have_no_time(missing):
    parent, children = _with(("cccc3333", "2026-03-01T13:00:00Z"))
    del children[-1]["spec"]["quarantine"][missing]
    assert _quarantines(parent, children) == ["churn-cccc3333"]
