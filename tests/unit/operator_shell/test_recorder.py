import pytest

from lockstep_operator.core.errors import Unavailable
from lockstep_operator.shell import recorder as module
from lockstep_operator.shell.recorder import Recorder
from operator_shell.api import Api
from operator_shell.manifests import deployment


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def clock(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    return clock


def events(api):
    return [one for key, one in api.objects.items() if key[0] == "Event"]


async def test_an_event_is_about_its_object(api):
    await Recorder(api).record(deployment(), "FetchFailed", "no such file", warning=True)
    [event] = events(api)
    assert event["involvedObject"]["name"] == "churn"
    assert event["involvedObject"]["apiVersion"] == "serving.lockstep.dev/v1alpha1"
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "FetchFailed", 1)
    assert event["source"]["component"] == "lockstep-operator"


async def test_what_happens_again_is_counted_with_its_time(api, clock):
    recorder = Recorder(api)
    await recorder.record(deployment(), "Promoted", "a is the stable revision")
    [event] = events(api)
    event["lastTimestamp"] = "2026-01-01T00:00:00Z"
    clock[0] = 16.0
    await recorder.record(deployment(), "Promoted", "a is the stable revision")
    [event] = events(api)
    assert event["count"] == 2
    assert event["lastTimestamp"] > "2026-01-01T00:00:00Z"


async def test_of_a_flood_of_the_same_some_are_written_and_all_are_counted(api, clock):
    recorder = Recorder(api)
    for second in range(300):
        clock[0] = float(second)
        await recorder.record(deployment(), "A", "same")
    [event] = events(api)
    assert event["count"] == 10
    clock[0] = 301.0
    await recorder.record(deployment(), "A", "same")
    [event] = events(api)
    assert event["count"] == 301


async def test_what_could_not_be_written_is_counted_with_the_next(api):
    recorder = Recorder(api)
    api.fail("create", "Event", Unavailable("down"))
    await recorder.record(deployment(), "A", "same")
    await recorder.record(deployment(), "A", "same")
    [event] = events(api)
    assert event["count"] == 2


async def test_other_reasons_messages_and_objects_are_other_events(api):
    recorder = Recorder(api)
    for reason, message, uid in (
        ("A", "x", "1"),
        ("B", "x", "1"),
        ("A", "y", "1"),
        ("A", "x", "2"),
    ):
        await recorder.record(deployment(uid=uid), reason, message)
    assert len(events(api)) == 4


async def test_a_message_that_counts_up_becomes_one_event(api, clock):
    recorder = Recorder(api)
    for second in range(900):
        clock[0] = float(second)
        await recorder.record(deployment(), "WriteRefused", f"quota exceeded by {second}", True)
    found = sorted(events(api), key=lambda event: event["count"])
    assert len(found) == 26
    assert [event["count"] for event in found[:-1]] == [1] * 25
    last = found[-1]["message"].removeprefix("(combined from similar events): quota exceeded by ")
    assert 600 <= int(last) < 900
    assert 25 + found[-1]["count"] == int(last) + 1
    assert len(api.writes()) <= 25 + 2 * 13


async def test_after_a_silence_events_are_told_one_by_one_again(api, clock):
    recorder = Recorder(api)
    for number in range(30):
        await recorder.record(deployment(), "A", f"number {number}")
    assert len(events(api)) == 26
    clock[0] = 601.0
    await recorder.record(deployment(), "A", "number 30")
    assert len(events(api)) == 27


async def test_a_flood_of_one_reason_or_object_hides_no_other(api, clock):
    recorder = Recorder(api)
    for number in range(30):
        await recorder.record(deployment(), "A", f"number {number}")
    await recorder.record(deployment(), "B", "x")
    await recorder.record(deployment(uid="other"), "A", "number 19")
    assert {event["message"] for event in events(api)} >= {"x", "number 19"}


async def test_a_restarted_operator_goes_on_counting(api):
    await Recorder(api).record(deployment(), "A", "same")
    await Recorder(api).record(deployment(), "A", "same")
    [event] = events(api)
    assert event["count"] == 2


async def test_a_lost_event_is_no_error_and_messages_are_bounded(api):
    recorder = Recorder(api)
    api.fail("create", "Event", Unavailable("down"))
    await recorder.record(deployment(), "A", "same")
    await recorder.record(deployment(), "B", "x" * 5000)
    [event] = events(api)
    assert len(event["message"]) == 1024
