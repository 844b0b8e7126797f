"""Replay the cases against a server and say where it differs from the recorded answers.

From the folder `tests`: `python -m conformance.replay KUBECONFIG [THEME[/SCENARIO] …]`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import httpx

from conformance.cases import Scenario, Step, load_recorded, load_scenarios
from conformance.compare import differences
from conformance.connection import Connection, connect
from conformance.run import ScenarioError, run

NOT_IMPLEMENTED = 501
NOT_REACHED = "not reached: an earlier step failed"


def replay(connection: Connection, scenario: Scenario) -> dict[str, list[str]]:
    """Return {step: what is wrong with its answer}."""
    recorded = load_recorded(scenario.theme).get(scenario.name, {})
    found: dict[str, list[str]] = {step.name: [NOT_REACHED] for step in scenario.steps}
    try:
        for step, answer in run(connection, scenario):
            found[step.name] = _judge(step, recorded.get(step.name), answer)
    except (ScenarioError, httpx.HTTPError) as error:
        for problems in found.values():
            if problems == [NOT_REACHED]:
                problems[0] = f"{NOT_REACHED}: {error}"
    return found


def _judge(step: Step, recorded: dict[str, object] | None, answer: dict[str, object]) -> list[str]:
    if recorded is None:
        return ["nothing was recorded"]
    if step.optional and answer["status"] == NOT_IMPLEMENTED:
        return []
    return differences(step.compare, recorded, answer)


def main() -> int:
    """Replay the chosen scenarios and print every difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("only", nargs="*", help="a theme, or theme/scenario")
    arguments = parser.parse_args()
    total = failed = 0
    with connect(arguments.kubeconfig) as connection:
        for scenario in load_scenarios():
            if arguments.only and not {scenario.key, scenario.theme} & set(arguments.only):
                continue
            for step, problems in replay(connection, scenario).items():
                total += 1
                failed += bool(problems)
                for problem in problems:
                    print(f"{scenario.key}: {step}: {problem}")
    print(f"{total} pairs, {failed} differ")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
