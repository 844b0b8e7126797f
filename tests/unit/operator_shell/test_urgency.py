import asyncio

import pytest

from lockstep_operator.shell.urgency import Urgency, takes_traffic_away
from operator_shell.manifests import deployment, revision

KEY = ("shop", "churn")
QUARANTINE = {"quarantine": {"reason": "bad"}}
ABORTED = {"rollout": {"aborted": {"reason": "no"}}}


@pytest.mark.parametrize(
    ("before", "after", "urgent"),
    [
        ({}, QUARANTINE, True),
        (None, QUARANTINE, True),
        ({}, ABORTED, True),
        ({}, {"rollout": {"aborted": {}}}, True),
        (QUARANTINE, QUARANTINE, False),
        (QUARANTINE, {}, False),
        ({}, {"rollout": {"paused": {}}}, False),
    ],
)
def test_only_a_new_mark_that_takes_traffic_away_is_urgent(before, after, urgent):
    known = None if before is None else revision(spec=before)
    assert takes_traffic_away(known, revision(spec=after)) is urgent


def test_no_other_kind_is_urgent():
    assert not takes_traffic_away(None, deployment())


async def test_work_is_interrupted_when_its_key_becomes_urgent():
    urgency, cancelled = Urgency(), []

    async def hang():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    waiting = asyncio.create_task(urgency.unless_raised(KEY, hang()))
    await asyncio.sleep(0)
    urgency.raise_for(("shop", "other"))
    await asyncio.sleep(0)
    assert not waiting.done()
    urgency.raise_for(KEY)
    assert await asyncio.wait_for(waiting, 1) is None
    assert cancelled == [True]
    assert urgency.holds(KEY)


async def test_work_that_ends_is_returned_and_its_errors_too():
    urgency = Urgency()

    async def work():
        return "done"

    async def fail():
        raise ValueError("no")

    assert await urgency.unless_raised(KEY, work()) == "done"
    with pytest.raises(ValueError, match="no"):
        await urgency.unless_raised(KEY, fail())


async def test_a_cancelled_pass_cancels_its_work():
    urgency, ended = Urgency(), asyncio.Event()

    async def hang():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    passing = asyncio.create_task(urgency.unless_raised(KEY, hang()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    passing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await passing
    assert ended.is_set()


async def test_lowered_it_is_urgent_no_more():
    urgency = Urgency()
    urgency.raise_for(KEY)
    urgency.lower(KEY)
    assert not urgency.holds(KEY)
