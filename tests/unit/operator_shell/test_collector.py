"""What one look gathers, and what it says of what it cannot have."""

import asyncio
import math

import pytest

from lockstep_operator.core.gates.samples import GoldenResult, QueryResult
from lockstep_operator.shell.analysis.collector import Collector
from lockstep_operator.shell.analysis.models import Models
from lockstep_operator.shell.analysis.problems import Uncomputable
from lockstep_operator.shell.store import Store
from operator_shell.gates import (
    KEY,
    NEW,
    NO_ANSWER,
    NO_COUNTS,
    OLD,
    Pods,
    Router,
    item,
    pod,
    target,
    telemetry,
)

ERRORS, SHIFT = {"metric": "errorRate"}, {"metric": "predictionShift"}
SHADOW = {"metric": "shadowDisagreement", "max": 0.1}
LATENCY, RATIO = {"metric": "latencyP95", "max": 0.2}, {"metric": "latencyP99"}
GOLDEN = {"metric": "goldenRequests"}
QUERY = {"metric": "prometheus", "max": 1, "prometheus": {"query": "up"}}


async def hang():
    await asyncio.Event().wait()


class Asked:
    """Golden requests or queries; each answer is given, raised, or waited for."""

    def __init__(self):
        self.answers = []
        self.gates = []

    async def ask(self, key, target, gate):
        self.gates.append(gate.title)
        answer = self.answers.pop(0)
        answer = await answer() if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


class World:
    def __init__(self):
        self.store, self.pods, self.router = Store(), Pods(), Router()
        self.golden, self.queries = Asked(), Asked()
        for name, revision in (("new-0", NEW), ("new-1", NEW), ("old-0", OLD), ("old-1", OLD)):
            self.store.put(pod(name, revision))
            self.pods.answers[name, "/telemetry"] = telemetry()
        models = Models(self.store, self.pods, seconds=0.05)
        self.collector = Collector(self.router, models, self.golden, self.queries, seconds=0.05)

    async def look(self, *gates, due=()):
        return await self.collector.collect(KEY, target(*gates), frozenset(due))


@pytest.fixture
async def world():
    world = World()
    yield world
    world.collector.close()


async def test_reads_the_counts_of_both_revisions_and_nothing_else(world):
    samples = await world.look(ERRORS)
    assert world.router.asked == [("shop", "churn", [NEW, OLD])]
    assert samples.router == world.router.answer
    assert (world.pods.asked, samples.models, samples.problems) == ([], (), {})


async def test_reads_the_telemetry_of_all_ready_pods(world):
    world.store.put(pod("new-2", NEW, ready=False))
    samples = await world.look(SHIFT)
    assert {reading.revision for reading in samples.models} == {NEW, OLD}
    assert len(samples.models) == 4
    assert world.router.asked == []
    reading = samples.models[0]
    assert reading.source == "uid-Pod-new-0/a"
    assert reading.latency["split"].bounds == (0.1, math.inf)
    assert reading.outputs["split", "predict"] == {"0": 10}
    assert {path for _, _, path in world.pods.asked} == {"/telemetry"}
    assert {port for _, port, _ in world.pods.asked} == {8081}


async def test_answers_are_read_on_from_where_the_last_look_ended(world):
    for name in ("new-0", "new-1", "old-0", "old-1"):
        world.pods.answers[name, "/telemetry"] = telemetry(cursor=7)
    await world.look(SHADOW)
    world.pods.asked.clear()
    world.pods.answers["new-0", "/telemetry"] = telemetry(cursor=9, items=[item(8), item(9)])
    samples = await world.look(SHADOW)
    assert {path for _, _, path in world.pods.asked} == {"/telemetry?after=7"}
    [ids] = [
        [answer.request_id for answer in reading.answers]
        for reading in samples.models
        if reading.answers
    ]
    assert ids == ["r8", "r9"]


async def test_a_pod_that_did_not_answer_is_read_on_from_where_it_was(world):
    world.pods.answers["old-0", "/telemetry"] = telemetry(cursor=5)
    await world.look(SHADOW)
    world.pods.answers["old-0", "/telemetry"] = NO_ANSWER
    await world.look(SHADOW)
    world.pods.asked.clear()
    await world.look(SHADOW)
    assert ("old-0", 8081, "/telemetry?after=5") in world.pods.asked


async def test_full_pages_are_followed_by_the_next(world):
    world.pods.answers["new-0", "/telemetry"] = telemetry(cursor=1)
    await world.look(SHADOW)
    pages = [
        telemetry(cursor=1001, items=[item(number) for number in range(1000)]),
        telemetry(cursor=1003, items=[item(1002), item(1003)]),
    ]

    async def page():
        return pages.pop(0)

    world.pods.answers["new-0", "/telemetry"] = page
    samples = await world.look(SHADOW)
    assert len(samples.models[0].answers) == 1002
    assert ("new-0", 8081, "/telemetry?after=1001") in world.pods.asked


async def test_a_look_that_is_cancelled_has_read_nothing(world):
    for name in ("new-0", "new-1", "old-0", "old-1"):
        world.pods.answers[name, "/telemetry"] = telemetry(cursor=7)
    world.router.answer = hang
    looking = asyncio.create_task(world.look(SHADOW, ERRORS))
    await asyncio.sleep(0.01)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    world.pods.asked.clear()
    world.router.answer = ()
    await world.look(SHADOW)
    assert {path for _, _, path in world.pods.asked} == {"/telemetry"}


@pytest.mark.parametrize("answer", [NO_COUNTS, hang])
async def test_no_counts_are_a_problem_of_the_error_rate_alone(world, answer):
    world.router.answer = answer
    samples = await world.look(ERRORS, SHIFT)
    assert list(samples.problems) == ["errorRate"]
    assert "router's counts could not be read" in samples.problems["errorRate"]
    assert len(samples.models) == 4


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (NO_ANSWER, "connection refused"),
        (hang, "no answer within 0.05 s"),
        (404, "port 8081 answered 404 to /telemetry"),
        (b"<html>", "its telemetry cannot be read"),
        (telemetry(latency={"split": {"bounds": [1], "counts": [1, 2]}}), "1 bounds but 2 counts"),
        (telemetry(outputs=[]), "its telemetry cannot be read"),
    ],
)
async def test_a_candidate_pod_that_tells_nothing_is_a_problem(world, answer, word):
    world.pods.answers["new-1", "/telemetry"] = answer
    samples = await world.look(SHIFT, LATENCY, ERRORS)
    assert set(samples.problems) == {"predictionShift", "latencyP95"}
    sentence = samples.problems["latencyP95"]
    assert sentence.startswith(f"candidate {NEW} could not be read: pod new-1")
    assert word in sentence
    assert len(samples.models) == 3


async def test_of_stable_one_pod_that_answers_is_enough(world):
    world.pods.answers["old-0", "/telemetry"] = NO_ANSWER
    assert (await world.look(SHIFT)).problems == {}
    world.pods.answers["old-1", "/telemetry"] = NO_ANSWER
    samples = await world.look(SHIFT, LATENCY, RATIO)
    assert set(samples.problems) == {"predictionShift", "latencyP99"}, (
        "an absolute bound needs none"
    )
    assert f"stable revision {OLD}" in samples.problems["latencyP99"]


async def test_no_ready_pod_is_a_problem(world):
    for name in ("new-0", "new-1"):
        world.store.remove(pod(name, NEW))
    samples = await world.look(LATENCY)
    assert "has no ready pod" in samples.problems["latencyP95"]


async def test_only_what_is_due_is_asked(world):
    world.golden.answers, world.queries.answers = [GoldenResult(3, 1, "a: no")], [QueryResult(0.5)]
    assert (await world.look(GOLDEN, QUERY)).golden == {}
    samples = await world.look(GOLDEN, QUERY, due=["goldenRequests", "prometheus"])
    assert samples.golden == {"goldenRequests": GoldenResult(3, 1, "a: no")}
    assert samples.queries == {"prometheus": QueryResult(0.5)}
    assert not world.collector.is_asking(KEY)
    assert (await world.look(GOLDEN, QUERY)).golden == {}


async def test_what_takes_longer_than_a_look_is_there_at_a_later_one(world, monkeypatch):
    monkeypatch.setattr("lockstep_operator.shell.analysis.collector._ERRAND_SECONDS", 0.01)
    go_on = asyncio.Event()

    async def slow():
        await go_on.wait()
        return GoldenResult(1, 0)

    world.golden.answers = [slow]
    for _ in range(2):
        samples = await world.look(GOLDEN, due=["goldenRequests"])
        assert (samples.golden, samples.problems) == ({}, {})
    assert world.golden.gates == ["goldenRequests"], "asked once, though due twice"
    assert world.collector.is_asking(KEY)
    go_on.set()
    await asyncio.sleep(0)
    samples = await world.look(GOLDEN, due=["goldenRequests"])
    assert samples.golden == {"goldenRequests": GoldenResult(1, 0)}


async def test_a_question_without_end_is_a_problem_and_asked_again(world, monkeypatch):
    monkeypatch.setattr("lockstep_operator.shell.analysis.collector._QUERY_SECONDS", 0.01)
    world.queries.answers = [hang, QueryResult(1.0)]
    samples = await world.look(QUERY, due=["prometheus"])
    assert "no complete answer within 0.01 s" in samples.problems["prometheus"]
    assert (await world.look(QUERY, due=["prometheus"])).queries == {"prometheus": QueryResult(1.0)}


async def test_what_cannot_be_computed_says_why_and_a_bug_is_no_verdict(world):
    world.queries.answers = [Uncomputable("no data"), KeyError("oops")]
    assert (await world.look(QUERY, due=["prometheus"])).problems == {"prometheus": "no data"}
    samples = await world.look(QUERY, due=["prometheus"])
    assert "the operator could not ask" in samples.problems["prometheus"]


async def test_forgotten_it_asks_no_more(world, monkeypatch):
    monkeypatch.setattr("lockstep_operator.shell.analysis.collector._ERRAND_SECONDS", 0.01)
    ended = asyncio.Event()

    async def slow():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    world.golden.answers = [slow]
    await world.look(GOLDEN, due=["goldenRequests"])
    world.collector.forget(KEY)
    await asyncio.wait_for(ended.wait(), 1)
    assert not world.collector.is_asking(KEY)
