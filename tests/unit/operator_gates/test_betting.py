"""The bets: honest without harm, quick with it, and the same after a restart."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.core.gates.betting import STAKES, Wealth

ratios = st.lists(st.floats(0, 1000), max_size=60)


def played(seed: int, share: float, limit: float, rounds: int) -> list[float]:
    """Capital after each round of bets on ten requests each."""
    dice = random.Random(seed)  # noqa: S311
    wealth, capital = Wealth(), []
    for _ in range(rounds):
        bad = sum(dice.random() < share for _ in range(10))
        wealth = wealth.bet(bad / 10 / limit)
        capital.append(math.exp(wealth.log))
    return capital


def test_capital_is_on_average_no_more_than_it_was_without_harm() -> None:
    last = [played(seed, 0.1, 0.1, 40)[-1] for seed in range(600)]
    assert sum(last) / len(last) < 1.1


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_it_seldom_ever_reaches_one_by_alpha_without_harm(share: float) -> None:
    alarms = sum(max(played(seed, share, 0.1, 300)) >= 20 for seed in range(200))
    assert alarms <= 0.05 * 200


def test_harm_makes_it_rich_soon() -> None:
    assert all(max(played(seed, 0.5, 0.1, 10)) >= 20 for seed in range(20))


def test_harm_that_begins_late_is_found_too() -> None:
    wealth = Wealth()
    for _ in range(5000):
        wealth = wealth.bet(0.0)
    assert math.exp(wealth.log) < 0.01
    for _ in range(15):
        wealth = wealth.bet(5.0)
    assert wealth.log > math.log(20)


def test_no_round_adds_more_than_its_ceiling() -> None:
    rich = Wealth().bet(1000.0, 0.3).bet(1000.0, 0.3)
    assert rich.log <= 0.6


@given(ratios)
def test_capital_is_never_negative_and_never_without_a_number(played_ratios: list[float]) -> None:
    wealth = Wealth()
    for ratio in played_ratios:
        wealth = wealth.bet(ratio)
    assert math.isfinite(wealth.log)
    assert all(math.isfinite(log) for log in wealth.logs)


@given(ratios, ratios)
def test_it_goes_on_where_it_was_written_down(before: list[float], after: list[float]) -> None:
    wealth = Wealth()
    for ratio in before:
        wealth = wealth.bet(ratio)
    again = Wealth.restore(json.loads(json.dumps(wealth.state())))
    assert again == wealth
    for ratio in after:
        wealth, again = wealth.bet(ratio), again.bet(ratio)
    assert again == wealth


def test_what_other_stakes_wrote_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{len(STAKES)} expected"):
        Wealth.restore([3, 0.1, 0.2])
