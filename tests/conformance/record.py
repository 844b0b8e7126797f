"""Record the answers of a real API server.

From the folder `tests`: `python -m conformance.record KUBECONFIG [THEME[/SCENARIO] …]`
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from conformance.cases import Scenario, load_recorded, load_scenarios, save_recorded
from conformance.connection import Connection, connect
from conformance.run import run


def main() -> None:
    """Run the chosen scenarios (default: all) and write what the server answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("only", nargs="*", help="a theme, or theme/scenario")
    arguments = parser.parse_args()
    with connect(arguments.kubeconfig) as connection:
        for theme, scenarios in _by_theme().items():
            _record_theme(connection, theme, scenarios, arguments.only)


def _record_theme(
    connection: Connection, theme: str, scenarios: list[Scenario], only: list[str]
) -> None:
    """Replace the chosen scenarios' answers; forget those of scenarios that are gone."""
    before = load_recorded(theme)
    chosen = [s for s in scenarios if not only or s.key in only or theme in only]
    if not chosen:
        return
    answers = dict(before)
    for scenario in chosen:
        answers[scenario.name] = {step.name: a for step, a in run(connection, scenario)}
        _refuse_empty(scenario, answers[scenario.name])
        print(f"{scenario.key}: {len(answers[scenario.name])} answers")
    save_recorded(theme, {s.name: answers[s.name] for s in scenarios if s.name in answers})


def _refuse_empty(scenario: Scenario, answers: dict[str, Any]) -> None:
    """Stop when nothing of what a step keeps was there: its comparison would prove nothing."""
    for step in scenario.steps:
        kept = answers[step.name].get("body")
        if step.keep and not any(_present(value) for value in kept.values()):
            raise SystemExit(f"{scenario.key}: {step.name}: empty: {answers[step.name]}")


def _present(value: Any) -> bool:
    return any(_present(v) for v in value) if isinstance(value, list) else value != "<absent>"


def _by_theme() -> dict[str, list[Scenario]]:
    themes: dict[str, list[Scenario]] = {}
    for scenario in load_scenarios():
        themes.setdefault(scenario.theme, []).append(scenario)
    return themes


if __name__ == "__main__":
    main()
