"""errorRate: absolute and over stable."""

import random

import pytest

from lockstep_operator.api.gates import Gate
from operator_gates.world import Lookout, target

RELATIVE = Gate(metric="errorRate")
ABSOLUTE = Gate(metric="errorRate", max=0.05)


def failed_after(lookout: Lookout, new: float, old: float, size: tuple[int, int], seed: int) -> int:
    """Seconds until it fails at these error rates, 200 when it does not."""
    dice = random.Random(seed)  # noqa: S311
    for second in range(200):
        errors = [
            sum(dice.random() < rate for _ in range(n))
            for rate, n in zip((new, old), size, strict=True)
        ]
        lookout.serve((size[0], errors[0]), (size[1], errors[1]))
        if lookout.status.verdict == "fail":
            return second
    return 200


@pytest.mark.parametrize("size", [(15, 285), (15, 15)])
def test_half_of_the_requests_failing_is_found_in_seconds(size: tuple[int, int]) -> None:
    times = [failed_after(Lookout(target(RELATIVE)), 0.5, 0.0, size, seed) for seed in range(5)]
    assert max(times) <= 15


def test_the_same_errors_on_both_sides_are_no_harm() -> None:
    for seed in range(5):
        assert failed_after(Lookout(target(RELATIVE)), 0.1, 0.1, (15, 60), seed) == 200


def test_an_outage_of_both_is_no_harm_but_is_over_an_absolute_limit() -> None:
    relative, absolute = Lookout(target(RELATIVE)), Lookout(target(ABSOLUTE))
    for lookout in (relative, absolute):
        lookout.serve((20, 0), (100, 0), seconds=30).serve((20, 16), (100, 80), seconds=20)
    assert (relative.status.verdict, absolute.status.verdict) == ("pass", "fail")


def test_one_short_burst_does_not_make_it_fail() -> None:
    lookout = Lookout(target(RELATIVE)).serve((20, 0), (100, 0), seconds=60)
    lookout.serve((20, 12), (100, 0), seconds=4).serve((20, 0), (100, 0), seconds=20)
    assert lookout.status.verdict == "inconclusive"
    assert "; over the limit, but with " in lookout.status.message
    assert lookout.serve((20, 0), (100, 0), seconds=300).status.verdict == "pass"


def test_harm_after_a_long_calm_is_found_and_told_by_the_latest_numbers() -> None:
    lookout = Lookout(target(RELATIVE)).serve((20, 0), (100, 0), seconds=1500)
    assert lookout.status.verdict == "pass"
    lookout.serve((20, 8), (100, 0), seconds=20)
    status = lookout.status
    assert status.verdict == "fail"
    assert " lately over the limit 0.01 (stable 0 + 0.01)" in status.message
    assert status.value is not None
    assert status.value > 0.1


def test_a_fail_says_what_where_and_how_many() -> None:
    lookout = Lookout(target(RELATIVE)).serve((20, 4), (100, 0), seconds=60)
    status = lookout.status
    assert (status.verdict, status.value, status.limit) == ("fail", 0.2, 0.01)
    assert status.evidence is not None
    assert status.evidence >= 1
    assert status.message.startswith("errorRate 0.2 over the limit 0.01 (stable 0 + 0.01), ")


def test_a_pass_needs_enough_samples_of_both() -> None:
    lookout = Lookout(target(RELATIVE)).serve((37, 0), (500, 0))
    assert (lookout.status.verdict, lookout.status.message) == ("inconclusive", "37 of 100 samples")
    lookout = Lookout(target(RELATIVE)).serve((500, 0), (37, 0))
    message = "500 samples, but of stable only 37 of 100"
    assert (lookout.status.verdict, lookout.status.message) == ("inconclusive", message)
    assert Lookout(target(RELATIVE)).serve((100, 0), (100, 0)).status.verdict == "pass"


def test_an_absolute_limit_needs_no_stable() -> None:
    gate = Gate(metric="errorRate", max=0.05, min_samples=30)
    assert Lookout(target(gate, stable=None)).serve((30, 0)).status.verdict == "pass"


def test_without_stable_there_is_nothing_to_compare_with() -> None:
    status = Lookout(target(RELATIVE, stable=None)).serve((500, 400), seconds=30).status
    assert status.verdict == "inconclusive"
    assert "no stable revision" in status.message


def test_a_limit_of_zero_is_broken_by_one_error() -> None:
    gate = Gate(metric="errorRate", max=0)
    lookout = Lookout(target(gate)).serve((10, 0), seconds=20)
    assert lookout.status.verdict == "pass"
    assert lookout.serve((10, 1)).status.verdict == "fail"


def test_the_allowed_increase_is_allowed() -> None:
    gate = Gate(metric="errorRate", max_increase_over_stable=0.2)
    lookout = Lookout(target(gate)).serve((20, 3), (100, 0), seconds=200)
    assert (lookout.status.verdict, lookout.status.limit) == ("pass", 0.2)


def test_without_weight_mirrored_requests_are_counted() -> None:
    lookout = Lookout(target(RELATIVE, assignment="mirror"))
    assert lookout.serve((20, 10), (100, 0), seconds=20).status.verdict == "fail"


def test_no_traffic_is_inconclusive() -> None:
    status = Lookout(target(RELATIVE)).serve((0, 0), seconds=60).status
    assert status.message == "no samples yet (0 of 100 samples)"


def test_requests_of_stable_before_the_candidates_first_are_no_measure_for_it() -> None:
    lookout = Lookout(target(RELATIVE)).serve((0, 0), (100, 90), seconds=20)
    lookout.serve((20, 0), (100, 0), seconds=20)
    assert lookout.status.verdict == "pass"
    assert lookout.serve((20, 20), (100, 0), seconds=60).status.verdict == "fail"
