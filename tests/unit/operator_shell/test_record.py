"""How often an analysis is written."""

import asyncio

import pytest

from lockstep_operator.shell.analysis.record import WriteThrottle, recorded_analysis
from operator_shell.manifests import revision
from virtual_time import run

KEY = ("shop", "churn-new")


def status(samples=1, verdict="inconclusive", step=1, **parts):
    gate = {"name": "errorRate", "metric": "errorRate", "verdict": verdict, "samples": samples}
    analysis = {"step": step, "since": "2026-01-01T00:00:00Z", "gates": [gate]}
    return {"role": "candidate", "analysis": analysis, **parts}


def test_numbers_are_written_every_ten_seconds():
    async def scenario():
        throttle, written, writes = WriteThrottle(), status(), []
        assert throttle.allows(KEY, {}, written)
        for second in range(1, 31):
            await asyncio.sleep(1)
            wanted = status(samples=second)
            if throttle.allows(KEY, written, wanted):
                written = wanted
                writes.append(second)
        assert writes == [10, 20, 30]

    run(scenario())


@pytest.mark.parametrize(
    "wanted",
    [
        status(verdict="fail"),
        status(step=2),
        status(readyReplicas=2),
        status(role="stable"),
        {"role": "stable"},
    ],
)
async def test_all_else_is_written_at_once(wanted):
    throttle = WriteThrottle()
    throttle.allows(KEY, {}, status())
    assert throttle.allows(KEY, status(), wanted)


async def test_one_revision_does_not_hold_back_another():
    throttle = WriteThrottle()
    throttle.allows(KEY, {}, status())
    assert not throttle.allows(KEY, status(), status(2))
    assert throttle.allows(("shop", "fraud-new"), status(), status(2))


def test_what_was_recorded_is_read_back():
    analysis = recorded_analysis(revision(status=status(7)))
    assert (analysis.step, analysis.gates[0].samples) == (1, 7)


@pytest.mark.parametrize(
    "unusable", [None, revision(), revision(status={"analysis": {"step": "first"}})]
)
def test_what_cannot_be_read_is_as_if_it_was_not_there(unusable):
    assert recorded_analysis(unusable) is None
