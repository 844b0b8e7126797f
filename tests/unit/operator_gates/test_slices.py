"""From cumulative counts to what is new."""

from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.core.gates.samples import ModelReading
from lockstep_operator.core.gates.slices import Side, Slices
from lockstep_operator.core.routing import RouterCount
from operator_gates.world import histogram, model, routed

SLICES = Slices(("new", "split"), ("old", "split"))
counts = st.integers(0, 50)


def news(slices: Slices, *looks: tuple[RouterCount, ...]) -> tuple[Slices, Side, Side]:
    new, old = Side(), Side()
    for look in looks:
        slices, new, old = slices.advance(look, ())
    return slices, new, old


def test_the_first_look_only_sets_the_baseline() -> None:
    _, new, old = news(SLICES, routed((500, 20), (900, 3)))
    assert (new.requests, new.errors, old.requests, old.errors) == (0, 0, 0, 0)


def test_the_second_look_tells_what_is_new() -> None:
    _, new, old = news(SLICES, routed((500, 20), (900, 3)), routed((510, 22), (1000, 3)))
    assert (new.requests, new.errors, old.requests, old.errors) == (10, 2, 100, 0)


def test_the_same_counts_again_are_nothing_new() -> None:
    look = routed((510, 22), (1000, 3))
    _, new, old = news(SLICES, routed((1, 1), (1, 1)), look, look)
    assert (new, old) == (Side(), Side())


def test_a_counter_that_fell_has_begun_again() -> None:
    _, new, old = news(SLICES, routed((500, 20), (900, 3)), routed((7, 1), (950, 3)))
    assert (new.requests, new.errors, old.requests) == (7, 1, 50)


def test_another_pod_begins_with_its_baseline_and_loses_nothing_of_the_others() -> None:
    first = routed((10, 0), (10, 0), "a")
    second = (*routed((15, 0), (10, 0), "a"), *routed((900, 90), (900, 0), "b"))
    third = (*routed((16, 0), (10, 0), "a"), *routed((904, 92), (900, 0), "b"))
    slices, new, _ = news(SLICES, first, second)
    assert (new.requests, new.errors) == (5, 0)
    _, new, _ = news(slices, third)
    assert (new.requests, new.errors) == (5, 2)


def test_a_pod_that_could_not_be_read_for_a_while_catches_up() -> None:
    _, new, _ = news(SLICES, routed((10, 0), (0, 0)), (), (), routed((40, 1), (0, 0)))
    assert (new.requests, new.errors) == (30, 1)


def test_a_revision_that_the_router_gets_to_know_later_counts_from_zero() -> None:
    before = (RouterCount("router", "old", "split", 70, 0),)
    _, new, _ = news(SLICES, before, routed((4, 1), (80, 0)))
    assert (new.requests, new.errors) == (4, 1)


def test_errors_that_end_after_their_slice_count_in_a_later_one() -> None:
    slices, new, _ = news(SLICES, routed((100, 0), (0, 0)), routed((101, 5), (0, 0)))
    assert (new.requests, new.errors) == (1, 1)
    _, new, _ = news(slices, routed((111, 5), (0, 0)))
    assert (new.requests, new.errors) == (10, 4)


def test_only_the_judged_assignment_counts() -> None:
    slices = Slices(("new", "mirror"), ("old", "split"))
    looks = [
        (
            RouterCount("router", "new", "mirror", 10 * n, n),
            RouterCount("router", "new", "split", 500 * n, 500 * n),
            RouterCount("router", "old", "mirror", 500 * n, 500 * n),
            RouterCount("router", "old", "split", 20 * n, 0),
        )
        for n in (1, 2)
    ]
    _, new, old = news(slices, *looks)
    assert (new.requests, new.errors, old.requests, old.errors) == (10, 1, 20, 0)


def copied(requests: int, errors: int, unsent: int) -> tuple[RouterCount, ...]:
    return (RouterCount("router", "new", "mirror", requests, errors, unsent),)


def test_copies_that_were_not_sent_do_not_count() -> None:
    slices = Slices(("new", "mirror"), ("old", "split"))
    _, new, _ = news(slices, copied(100, 12, 10), copied(150, 33, 30))
    assert (new.requests, new.errors) == (30, 1)


def test_counters_that_were_read_apart_are_no_restart() -> None:
    """The router counts on while it is read: one counter may be ahead of the others."""
    slices = Slices(("new", "mirror"), ("old", "split"))
    slices, new, _ = news(slices, copied(1000, 300, 10), copied(1000, 300, 12))
    assert (new.requests, new.errors) == (0, 0)
    slices, new, _ = news(slices, copied(1001, 301, 12))
    assert (new.requests, new.errors) == (0, 0)
    _, new, _ = news(slices, copied(1012, 303, 12))
    assert (new.requests, new.errors) == (10, 1)


def test_what_pods_of_a_revision_measure_is_summed() -> None:
    def look(n: int) -> list[ModelReading]:
        return [
            model("new", {0.02: n, 0.05: 0}, {"label": {"a": n}}, source="one"),
            model("new", {0.02: n, 0.05: 2 * n}, {"label": {"b": n}}, source="two"),
            model("old", {0.02: 7 * n}, {"label": {"a": 7 * n}}, source="three"),
        ]

    slices, *_ = SLICES.advance((), look(1))
    _, new, old = slices.advance((), look(4))
    assert new.latency == {(0.01, 0.02): 6, (0.02, 0.05): 6}
    assert new.outputs == {"label": {"a": 3, "b": 3}}
    assert (new.answers, old.answers) == (12, 21)


def test_an_output_that_comes_later_counts_from_zero() -> None:
    slices, *_ = SLICES.advance((), [model("new", {0.02: 1})])
    _, new, _ = slices.advance((), [model("new", {0.02: 3}, {"label": {"a": 2}})])
    assert new.outputs == {"label": {"a": 2}}


@given(st.lists(st.tuples(counts, counts, counts, counts), max_size=12))
def test_nothing_is_ever_negative_whatever_the_counters_do(
    readings: list[tuple[int, int, int, int]],
) -> None:
    slices = SLICES
    for requests, errors, fast, label in readings:
        models = [model("new", {0.02: fast}, {"label": {"a": label}})]
        slices, new, _ = slices.advance(routed((requests, errors), (0, 0)), models)
        assert 0 <= new.errors <= new.requests
        assert all(count >= 0 for count in new.latency.values())
        assert all(count >= 0 for count in new.outputs.get("label", {}).values())


@given(st.permutations(["a", "b", "c"]), st.permutations(["a", "b", "c"]))
def test_the_order_of_pods_does_not_matter(first: list[str], second: list[str]) -> None:
    size = {"a": 3, "b": 5, "c": 11}

    def look(order: list[str], times: int) -> tuple[RouterCount, ...]:
        return tuple(
            count
            for pod in order
            for count in routed((size[pod] * times, times), (size[pod], 0), pod)
        )

    _, new, _ = news(SLICES, look(first, 1), look(second, 3))
    assert (new.requests, new.errors) == (38, 6)


def test_a_histogram_keeps_its_bounds() -> None:
    assert histogram({0.5: 3}).counts == (0, 0, 0, 0, 0, 3, 0, 0)
