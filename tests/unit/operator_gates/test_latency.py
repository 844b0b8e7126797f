"""Latency quantiles: absolute, and as a multiple of stable's."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.latency import Spread
from operator_gates.world import Lookout, model, target

P50 = Gate(metric="latencyP50")
P95 = Gate(metric="latencyP95")
P95_ABSOLUTE = Gate(metric="latencyP95", max=0.2)


class Clocked:
    """A lookout that feeds latencies."""

    def __init__(self, gate: Gate, **overrides: object) -> None:
        self.assignment = str(overrides.get("assignment", "split"))
        self.lookout = Lookout(target(gate, **overrides))
        self.new: Counter[float] = Counter()
        self.old: Counter[float] = Counter()
        self.look()

    def look(self) -> None:
        models = (
            model("new", dict(self.new), assignment=self.assignment),
            model("old", dict(self.old)),
        )
        self.lookout.look(models=models)

    def serve(self, new: dict[float, int], old: dict[float, int], seconds: int) -> "Clocked":
        for _ in range(seconds):
            self.new.update(new)
            self.old.update(old)
            self.look()
        return self


FAST = {0.02: 38, 0.05: 2}
SLOW = {0.05: 20, 0.2: 20}


def test_twice_as_slow_is_found() -> None:
    status = Clocked(P95).serve(SLOW, FAST, 30).lookout.status
    assert (status.verdict, status.value, status.stable_value) == ("fail", 0.2, 0.02)
    assert status.message.startswith("latencyP95 0.2 s over the limit 0.03 s (1.5 x stable 0.02 s)")


def test_the_same_latency_is_no_harm() -> None:
    status = Clocked(P95).serve(FAST, FAST, 120).lookout.status
    assert (status.verdict, status.samples, status.stable_samples) == ("pass", 4800, 4800)


def test_a_slow_time_of_both_is_no_harm() -> None:
    clocked = Clocked(P95).serve(FAST, FAST, 30).serve(SLOW, SLOW, 60)
    assert clocked.lookout.status.verdict == "pass"


def test_slow_answers_do_not_pass_at_the_first_look() -> None:
    """One second brings samples enough, as when an operator comes back at the end of a hold."""
    status = Clocked(P95).serve({0.5: 200}, {0.02: 200}, 1).lookout.status
    assert (status.verdict, status.value, status.limit) == ("inconclusive", 0.5, 0.03)


def test_an_absolute_limit_needs_no_stable() -> None:
    fine = Clocked(P95_ABSOLUTE, stable=None).serve(SLOW, {}, 30).lookout.status
    slow = Clocked(P95_ABSOLUTE, stable=None).serve({0.2: 10, 0.5: 10}, {}, 30).lookout.status
    assert (fine.verdict, slow.verdict) == ("pass", "fail")


def test_answers_in_the_bucket_of_the_limit_are_not_held_against_the_candidate() -> None:
    gate = Gate(metric="latencyP50", max=0.15)
    status = Clocked(gate, stable=None).serve({0.2: 40}, {}, 60).lookout.status
    assert status.verdict == "pass"


def test_a_slow_time_that_came_late_is_told_by_the_latest_answers() -> None:
    clocked = Clocked(P50).serve(FAST, FAST, 300).serve({0.1: 40}, FAST, 40)
    status = clocked.lookout.status
    assert status.verdict == "fail"
    assert status.message.startswith("latencyP50: lately ")
    assert (
        "of the answers took longer than 0.03 s (1.5 x stable 0.02 s), 50 % may" in status.message
    )


def test_beyond_the_last_bound_the_value_is_that_bound() -> None:
    inf = float("inf")
    status = Clocked(P95_ABSOLUTE).serve({1.0: 1, inf: 39}, {}, 30).lookout.status
    assert (status.verdict, status.value) == ("fail", 1.0)


def test_mirrored_requests_are_timed_where_the_step_has_no_weight() -> None:
    clocked = Clocked(P95, assignment="mirror").serve(SLOW, FAST, 30)
    assert clocked.lookout.status.verdict == "fail"


@given(st.dictionaries(st.floats(1e-6, 1e3), st.integers(1, 10**9), min_size=1, max_size=600))
def test_what_is_kept_is_bounded_and_loses_no_answer(counts: dict[float, int]) -> None:
    spread = Spread().add({(0.0, upper): count for upper, count in counts.items()})
    assert spread.total == sum(counts.values())
    assert len(spread.counts) <= 250
    assert Spread.restore(spread.state()) == spread
    assert spread.quantile(1.0) == max(counts)
