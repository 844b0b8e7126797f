"""The sandbox (or a real cluster) answers as a real kube-apiserver was recorded to answer.

`LOCKSTEP_CONFORMANCE_KUBECONFIG` chooses the server; without it the `sandbox_kubeconfig` fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.cases import Scenario, load_scenarios
from conformance.compare import differences
from conformance.connection import connect
from conformance.replay import replay

Replay = Callable[[Scenario], dict[str, list[str]]]

PAIRS = [
    pytest.param(scenario, step.name, id=f"{scenario.key}: {step.name}")
    for scenario in load_scenarios()
    for step in scenario.steps
]


@pytest.fixture(scope="module")
def replayed(request: pytest.FixtureRequest) -> Iterator[Replay]:
    """Replay each scenario once, when its first pair is asked for."""
    chosen = os.environ.get("LOCKSTEP_CONFORMANCE_KUBECONFIG")
    kubeconfig = Path(chosen or request.getfixturevalue("sandbox_kubeconfig"))
    results: dict[str, dict[str, list[str]]] = {}
    with connect(kubeconfig) as connection:

        def once(scenario: Scenario) -> dict[str, list[str]]:
            if scenario.key not in results:
                results[scenario.key] = replay(connection, scenario)
            return results[scenario.key]

        yield once


@pytest.mark.parametrize(("scenario", "step"), PAIRS)
def test_answers_like_a_real_server(replayed: Replay, scenario: Scenario, step: str) -> None:
    problems = replayed(scenario)[step]
    assert not problems, "\n".join(problems)


def test_a_comparison_can_fail() -> None:
    recorded = {"status": 200, "body": {"a": 1, "b": [{"c": "d"}]}}
    assert not differences("subset", recorded, {**recorded, "more": 1})
    assert differences("exact", recorded, {**recorded, "more": 1})
    assert differences("subset", recorded, {"status": 200, "body": {"a": 1, "b": [{"c": "e"}]}})
    assert differences("subset", recorded, {"status": 200, "body": {"a": 1, "b": []}})
    assert differences("subset", recorded, {"status": 200, "body": {"a": True, "b": [{"c": "d"}]}})
    assert differences("status", recorded, {"status": 404})
