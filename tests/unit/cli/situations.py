"""Situations and marks for tests of what the commands decide."""

from typing import Any

from lockstep_cli.order import Mark, Order
from lockstep_cli.situation import Situation, read_situation

Manifest = dict[str, Any]

MARK = Mark("too slow", "ada", "2026-03-01T12:00:00.000001Z")


def situation(parent: Manifest, children: list[Manifest]) -> Situation:
    """Return `shop/churn` as it would be read."""
    return read_situation("churn", "shop", parent, children)


def only_change(order: Order) -> tuple[str, Manifest]:
    """Return the revision and the patch of an order that changes one revision."""
    (change,) = order.changes
    return change.revision, change.spec
