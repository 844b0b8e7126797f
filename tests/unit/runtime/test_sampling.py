"""A few requests are chosen, the same ones by every pod."""

from hypothesis import given
from hypothesis import strategies as st

from lockstep_runtime.telemetry.sampling import Sampler, rank

IDS = st.lists(st.binary(max_size=200), max_size=50)


def at_level(level: int) -> Sampler:
    sampler = Sampler()
    sampler.choose(b"first", 0.0)  # a fresh window: no level changes within it
    sampler.level = level
    return sampler


@given(ids=IDS, low=st.integers(0, 12), more=st.integers(0, 12))
def test_two_pods_agree(ids: list[bytes], low: int, more: int) -> None:
    """What the pod of the higher level chooses, the other one does too."""
    quiet, busy = at_level(low), at_level(low + more)
    for identity in ids:
        here, there = quiet.choose(identity, 0.5), busy.choose(identity, 0.5)
        assert here or not there
        assert here or low
        if not more:
            assert here == there


def test_the_hash_is_the_same_in_every_process() -> None:
    assert rank(b"") == 0xE4A6A0577479B2B4  # BLAKE2b-64 of nothing
    assert 0 <= rank(b"x" * 10_000) < 2**64


def run(sampler: Sampler, rate: int, start: int, seconds: int) -> list[int]:
    """Offer `rate` requests a second; return how many were chosen in each."""
    return [
        sum(
            sampler.choose(b"%d-%d" % (second, index), second + index / rate)
            for index in range(rate)
        )
        for second in range(start, start + seconds)
    ]


def test_few_requests_are_all_chosen() -> None:
    assert run(Sampler(), 200, 1, 5) == [200] * 5


def test_the_level_follows_the_rate_up_and_down() -> None:
    sampler = Sampler()
    chosen = run(sampler, 20_000, 1, 6)
    assert max(chosen[0:1]) < 256 * 9  # it rises within the first second
    assert all(64 <= count <= 520 for count in chosen[2:])
    busy = sampler.level
    assert busy >= 6
    run(sampler, 100, 7, 10)
    assert sampler.level == 0
    assert run(sampler, 100, 17, 1) == [100]


def test_a_pause_lowers_the_level() -> None:
    sampler = Sampler()
    run(sampler, 20_000, 1, 2)
    assert sampler.level >= 5
    assert sampler.choose(b"after the night", 30_000.0)
    assert sampler.level == 0
