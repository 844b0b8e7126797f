import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from lockstep_sandbox.client import ApiError, Client
from lockstep_sandbox.informer import Informer
from lockstep_sandbox.objects import Obj
from lockstep_sandbox.workqueue import WorkQueue


def obj(name: str, version: int, uid: str = "") -> Obj:
    meta = {"name": name, "namespace": "ns", "uid": uid or name, "resourceVersion": str(version)}
    return {"metadata": meta}


def event(kind: str, what: Obj) -> Obj:
    return {"type": kind, "object": what}


class StubClient:
    """Answers lists and watches from prepared ones; the last watch never ends."""

    def __init__(self, lists: list[tuple[list[Obj], str]], watches: list[list[Obj]]) -> None:
        self.lists, self.watches = lists, watches
        self.asked: list[str] = []

    async def list(self, kind: str) -> tuple[list[Obj], str]:
        return self.lists.pop(0)

    @asynccontextmanager
    async def watch(self, kind: str, version: str) -> AsyncIterator[Any]:
        self.asked.append(version)

        async def events() -> AsyncIterator[Obj]:
            for each in self.watches.pop(0):
                yield each
            if not self.watches:
                await asyncio.sleep(60)

        yield events()


async def follow(
    stub: StubClient, lag: float = 0.0, seconds: float = 0.05
) -> tuple[Informer, list[str]]:
    """Run an informer for a while; return it with the changes it told of."""
    told: list[str] = []

    def listen(before: Obj | None, after: Obj | None) -> None:
        way = "-" if after is None else "+" if before is None else "~"
        told.append(way + (after or before or {})["metadata"]["name"])

    informer = Informer(cast(Client, stub), "Pod", listen, lag)
    task = asyncio.create_task(informer.run())
    await asyncio.sleep(seconds)
    task.cancel()
    return informer, told


async def test_list_then_watch_then_resume_where_it_ended() -> None:
    watches = [
        [event("ADDED", obj("b", 6)), event("BOOKMARK", obj("", 9))],
        [event("MODIFIED", obj("b", 10)), event("DELETED", obj("a", 11))],
    ]
    stub = StubClient([([obj("a", 5)], "5")], watches)
    informer, told = await follow(stub)
    assert told == ["+a", "+b", "~b", "-a"]
    assert stub.asked == ["5", "9"]
    assert [each["metadata"]["name"] for each in informer] == ["b"]


@pytest.mark.parametrize("inside", [True, False])
async def test_after_410_it_lists_again_and_tells_of_what_has_gone(inside: bool) -> None:
    expired = {"code": 410, "reason": "Expired", "message": "too old"}
    stub = StubClient(
        [([obj("a", 5), obj("b", 5)], "5"), ([obj("b", 20), obj("c", 20)], "20")],
        [[event("ERROR", expired)] if inside else [], []],
    )
    if not inside:
        whole = stub.watch

        @asynccontextmanager
        async def refusing(kind: str, version: str) -> AsyncIterator[Any]:
            if version == "5":
                stub.watches.pop(0)
                raise ApiError(410, "Expired", "too old")
            async with whole(kind, version) as events:
                yield events

        stub.watch = refusing  # type: ignore[method-assign, assignment]
    _, told = await follow(stub)
    assert told == ["+a", "+b", "-a", "~b", "+c"]


async def test_a_writer_reads_its_own_write_and_older_news_is_dropped() -> None:
    stub = StubClient([([obj("a", 5)], "5")], [[]])
    informer, told = await follow(stub)
    informer.record(obj("a", 8))
    informer.record(obj("a", 7))
    found = informer.get(("ns", "a"))
    assert found is not None
    assert found["metadata"]["resourceVersion"] == "8"
    assert told == ["+a", "~a"]


async def test_an_answer_that_comes_after_the_deletion_brings_nothing_back() -> None:
    stub = StubClient([([], "5")], [[event("ADDED", obj("a", 6)), event("DELETED", obj("a", 7))]])
    informer, _ = await follow(stub)
    informer.record(obj("a", 6))
    assert informer.get(("ns", "a")) is None


async def test_lag_keeps_the_order() -> None:
    events = [
        event("ADDED", obj("a", 6)),
        event("MODIFIED", obj("a", 7)),
        event("ADDED", obj("b", 8)),
    ]
    informer, told = await follow(StubClient([([], "5")], [events]), lag=0.2, seconds=0.4)
    assert told == ["+a", "~a", "+b"]
    late, _ = await follow(StubClient([([], "5")], [events * 20]), lag=30.0)
    assert informer.get(("ns", "b")) is not None
    assert late.get(("ns", "b")) is None


async def test_keys_wait_once_and_failures_are_tried_again() -> None:
    calls: list[str] = []

    async def sync(key: tuple[str, str]) -> float | None:
        calls.append(key[1])
        await asyncio.sleep(0.01)
        if calls.count("bad") == 1 and key[1] == "bad":
            raise ApiError(500, "InternalError", "once")
        return 0.05 if calls.count("again") == 1 and key[1] == "again" else None

    queue = WorkQueue("test", sync)
    for name in ("good", "good", "good", "bad", "again"):
        queue.add(("ns", name))
    task = asyncio.create_task(queue.run())
    await asyncio.sleep(0.005)
    queue.add(("ns", "good"))  # while it is worked on: once more afterwards
    await asyncio.sleep(0.3)
    task.cancel()
    assert sorted(calls) == ["again", "again", "bad", "bad", "good", "good"]
