"""When the analyst looks, what it goes on from, and what it forgets."""

import asyncio
from datetime import timedelta

import pytest

from lockstep_operator.core.gates.samples import GoldenResult, Samples
from lockstep_operator.core.routing import RouterCount
from lockstep_operator.shell.analysis.analyst import Analyst, interval
from lockstep_operator.shell.metrics import Metrics
from operator_shell.gates import KEY, NEW, OLD, SINCE, target
from virtual_time import run

ERRORS, GOLDEN = {"metric": "errorRate", "max": 0.01}, {"metric": "goldenRequests"}


class Traffic:
    """A collector whose router counts grow with the loop's clock: 100 requests a second."""

    def __init__(self, bad=0.0):
        self.bad = bad
        self.looks = []
        self.forgotten = []
        self.asking = False
        self.golden = {}
        self.problems = {}
        self.seconds = 0.0

    async def collect(self, key, target, due):
        await asyncio.sleep(self.seconds)
        now = asyncio.get_running_loop().time()
        self.looks.append((now - 1000.0, target, due))
        requests = int((now - 1000.0) * 100)
        counts = (
            RouterCount("r", NEW, "split", requests, int(requests * self.bad)),
            RouterCount("r", OLD, "split", requests, 0),
        )
        golden = {gate: self.golden[gate] for gate in due if gate in self.golden}
        return Samples(clock(), router=counts, golden=golden, problems=self.problems)

    def is_asking(self, key):
        return self.asking

    def forget(self, key):
        self.forgotten.append(key)


def clock():
    return SINCE + timedelta(seconds=asyncio.get_running_loop().time() - 1000.0)


def analyst_of(traffic, metrics=None):
    return Analyst(traffic, metrics or Metrics(), clock)


async def follow(analyst, judged, seconds, recorded=None):
    """Look as often as a reconciler that comes back when it is told; return the last report."""
    end, report = asyncio.get_running_loop().time() + seconds, None
    while asyncio.get_running_loop().time() < end:
        report = await analyst.look(KEY, judged, recorded)
        await asyncio.sleep(analyst.next_look(KEY) + 0.001)
    return report


@pytest.mark.parametrize(("elapsed", "pause"), [(-5, 1), (0, 1), (60, 2), (150, 5), (86400, 5)])
def test_it_looks_less_often_the_longer_a_step_lasts(elapsed, pause):
    assert interval(elapsed) == pause


def test_between_two_looks_it_says_what_it_said_last():
    traffic = Traffic()

    async def scenario():
        analyst, judged = analyst_of(traffic), target(ERRORS)
        first = await analyst.look(KEY, judged, None)
        for _ in range(5):
            await asyncio.sleep(0.1)
            assert await analyst.look(KEY, judged, None) is first
        assert analyst.next_look(KEY) == pytest.approx(0.5)
        await asyncio.sleep(0.6)
        assert await analyst.look(KEY, judged, None) is not first

    run(scenario())
    assert [when for when, _, _ in traffic.looks] == [0.0, pytest.approx(1.1)]


def test_it_finds_harm_and_only_harm():
    async def verdict(bad):
        report = await follow(analyst_of(Traffic(bad)), target(ERRORS), 120)
        [gate] = report.gates
        return gate.verdict

    assert run(verdict(0.0)) == "pass"
    assert run(verdict(0.2)) == "fail"


def test_a_restarted_operator_goes_on_from_what_was_recorded():
    async def scenario():
        judged = target(ERRORS)
        before = await follow(analyst_of(Traffic()), judged, 60)
        restarted = analyst_of(Traffic())
        now = await restarted.look(KEY, judged, before)
        assert now.gates[0].samples == before.gates[0].samples > 1000
        fresh = await analyst_of(Traffic()).look(KEY, judged, None)
        assert fresh.gates[0].samples == 0

    run(scenario())


def test_a_new_step_begins_anew_but_golden_answers_stay():
    traffic = Traffic()
    traffic.golden = {"goldenRequests": GoldenResult(3, 0)}

    async def scenario():
        analyst = analyst_of(traffic)
        report = await follow(analyst, target(ERRORS, GOLDEN), 30)
        assert [gate.verdict for gate in report.gates] == ["pass", "pass"]
        later = target(ERRORS, GOLDEN, step=2, since=SINCE + timedelta(seconds=30))
        traffic.golden = {}
        report = await analyst.look(KEY, later, None)
        assert [gate.verdict for gate in report.gates] == ["inconclusive", "pass"]
        assert traffic.forgotten == []

    run(scenario())


def test_another_candidate_inherits_nothing():
    traffic = Traffic()
    traffic.golden = {"goldenRequests": GoldenResult(3, 0)}

    async def scenario():
        analyst = analyst_of(traffic)
        await analyst.look(KEY, target(GOLDEN), None)
        traffic.golden = {}
        report = await analyst.look(KEY, target(GOLDEN, candidate="churn-newer"), None)
        assert report.gates[0].verdict == "inconclusive"
        assert traffic.forgotten == [KEY]

    run(scenario())


def test_nothing_is_judged_without_a_target_or_gates():
    traffic = Traffic()

    async def scenario():
        analyst = analyst_of(traffic)
        assert await analyst.look(KEY, None, None) is None
        assert await analyst.look(KEY, target(), None) is None
        assert analyst.next_look(KEY) is None
        await analyst.look(KEY, target(ERRORS), None)
        assert analyst.next_look(KEY) is not None
        assert await analyst.look(KEY, None, None) is None
        assert analyst.next_look(KEY) is None

    run(scenario())
    assert traffic.forgotten == [KEY]


def test_it_comes_back_soon_while_questions_are_open():
    traffic = Traffic()
    traffic.asking = True

    async def scenario():
        analyst = analyst_of(traffic)
        await asyncio.sleep(3000)
        await analyst.look(KEY, target(GOLDEN), None)
        assert analyst.next_look(KEY) == pytest.approx(1.0)

    run(scenario())


def test_a_look_that_was_cancelled_is_made_again():
    traffic = Traffic()
    traffic.golden = {"goldenRequests": GoldenResult(3, 0)}
    traffic.seconds = 1.0

    async def scenario():
        analyst = analyst_of(traffic)
        looking = asyncio.create_task(analyst.look(KEY, target(GOLDEN), None))
        await asyncio.sleep(0.5)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        report = await analyst.look(KEY, target(GOLDEN), None)
        assert report.gates[0].verdict == "pass"

    run(scenario())


def test_problems_hold_the_verdict_and_are_counted():
    traffic, metrics = Traffic(), Metrics()
    traffic.problems = {"errorRate": "no router pod answered"}

    async def scenario():
        report = await follow(analyst_of(traffic, metrics), target(ERRORS), 3)
        assert report.gates[0].verdict == "inconclusive"
        assert report.gates[0].message == "no router pod answered"

    run(scenario())
    text = metrics.exposition()
    assert b'lockstep_analysis_problems_total{metric="errorRate"} 3.0' in text
    assert b"lockstep_analysis_look_seconds_count 3.0" in text
