from decimal import Decimal
from typing import Any

import pytest

from lockstep_sandbox.objects import differs, matches, parse_quantity, resolve_percent

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["front"]}]}, False),
        ({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}]}, True),
        ({"matchExpressions": [{"key": "x", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_selectors(selector: dict[str, Any], expected: bool) -> None:
    assert matches(selector, LABELS) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100m", "0.1"),
        ("2", "2"),
        ("1.5Gi", "1610612736"),
        ("1k", "1000"),
        (0.5, "0.5"),
        ("1E", "1e18"),
    ],
)
def test_quantities(text: str | float, expected: str) -> None:
    assert parse_quantity(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["", "x", "1Q", "1.2.3"])
def test_a_wrong_quantity_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no resource quantity"):
        parse_quantity(text)


def test_percentages_round_as_asked() -> None:
    assert resolve_percent("25%", 3, round_up=True) == 1
    assert resolve_percent("25%", 3, round_up=False) == 0
    assert resolve_percent(2, 3, round_up=True) == 2


def test_zero_and_absent_are_the_same_status() -> None:
    assert not differs({"status": {"replicas": 1}}, {"replicas": 1, "readyReplicas": 0})
    assert differs({}, {"replicas": 1})
