"""What is reported of failing pods: the server's own words first."""

from dataclasses import replace
from typing import Any

import pytest

from lockstep_operator.core.digests import reported
from lockstep_operator.core.failures import failure_of
from lockstep_operator.core.plan import Refusal
from lockstep_operator.core.planner import make_plan
from operator_core.world import World


def pod(init: Any = None, main: Any = None, ready: bool = False, **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}, *status.pop("conditions", [])]
    containers = {
        "initContainerStatuses": [{"name": "fetch", **init}] if init else [],
        "containerStatuses": [{"name": "model", **main}] if main else [],
    }
    return {"metadata": {"name": "p"}, "status": {"conditions": conditions, **containers}}


def ended(message: str = "", code: int = 1) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": "Error", "message": message}}


BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}}


@pytest.mark.parametrize(
    ("one", "reason", "message"),
    [
        (
            pod(init={"state": BACK_OFF, "lastState": ended("404 from models")}),
            "FetchFailed",
            "404",
        ),
        (pod(main={"state": ended("not a skops file")}), "LoadFailed", "not a skops file"),
        (pod(main={"state": ended("", 137)}), "LoadFailed", "status 137"),
        (
            pod(main={"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such"}}}),
            "ImagePullFailed",
            "no such",
        ),
        (
            pod(main={"state": {"waiting": {"reason": "CreateContainerConfigError"}}}),
            "ConfigurationFailed",
            "CreateContainerConfigError",
        ),
        (
            pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]),
            "Unschedulable",
            "0/1 nodes",
        ),
    ],
)
def test_failures(one: dict[str, Any], reason: str, message: str) -> None:
    failure = failure_of([one])
    assert failure is not None
    assert failure.reason == reason
    assert message in failure.message
    assert "\n" not in failure.message


@pytest.mark.parametrize(
    "one",
    [
        pod(),
        pod(init={"state": ended(code=0)}),
        pod(main={"state": {"running": {}}, "lastState": ended("once")}, ready=True),
        pod(main={"state": {"waiting": {"reason": "ContainerCreating"}}}),
    ],
)
def test_no_failure(one: dict[str, Any]) -> None:
    assert failure_of([one]) is None


def test_digest_of_the_first_pod_counts() -> None:
    def done(digit: str, at: str) -> dict[str, Any]:
        state = ended(f'{{"digest": "sha256:{digit * 64}"}}', 0)
        state["terminated"]["finishedAt"] = at
        return pod(init={"state": state})

    found = reported([done("b", "2026-01-02"), done("a", "2026-01-01"), pod()])
    assert found is not None
    assert found.digest == f"sha256:{'a' * 64}"


@pytest.mark.parametrize("words", ["", "all good", '{"digest": "md5:1"}', "[]"])
def test_foreign_words_are_no_digest(words: str) -> None:
    assert reported([pod(init={"state": ended(words, 0)})]) is None


def test_a_refused_write_is_said_in_the_conditions() -> None:
    world = World()
    world.settle()
    told = (Refusal("Deployment", "churn-1", "exceeded quota: pods"),)
    plan = make_plan(replace(world.observed(), refusals=told), world.defaults)
    [stalled] = [one for one in plan.status["conditions"] if one["type"] == "Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "WriteRefused")
    assert "exceeded quota" in stalled["message"]
