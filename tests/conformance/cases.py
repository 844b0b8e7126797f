"""The case files: what is asked, in which order, and how answers are compared.

`cases/<theme>.yaml` is written by hand and holds scenarios; `recorded/<theme>.yaml` is written by
`record.py` only and holds the answers. README.md explains every key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

HERE = Path(__file__).parent
CASES = HERE / "cases"
RECORDED = HERE / "recorded"

Rule = Literal["subset", "exact", "status"]
Json = Any


@dataclass(frozen=True)
class Step:
    """One request, and what of its answer matters."""

    name: str
    do: str  # "METHOD /path?query", may hold {variables}
    type: str = "json"
    accept: str = "json"
    user: str = "admin"
    headers: dict[str, str] = field(default_factory=dict)
    body: Json = None
    raw: str | None = None
    watch: int = 0  # read this many events, then hang up
    until: dict[str, Json] = field(default_factory=dict)
    save: dict[str, str] = field(default_factory=dict)
    compare: Rule = "subset"
    keep: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    managed: bool = False  # keep metadata.managedFields in the recorded answer
    optional: bool = False  # 501 is an accepted answer
    why: str = ""

    def __post_init__(self) -> None:
        if self.compare not in ("subset", "exact", "status"):
            raise ValueError(f"{self.name}: no such comparison: {self.compare}")


@dataclass(frozen=True)
class Scenario:
    """Steps that share a namespace, an id and their variables."""

    theme: str
    name: str
    steps: list[Step]
    why: str = ""
    given: list[Step] = field(default_factory=list)
    cleanup: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Return the name that pytest and `record.py` select by."""
        return f"{self.theme}/{self.name}"


def load_scenarios(directory: Path = CASES) -> list[Scenario]:
    """Read every case file; a duplicate or unknown key is an error."""
    return [s for path in sorted(directory.glob("*.yaml")) for s in _load_file(path)]


def load_recorded(theme: str) -> dict[str, dict[str, Json]]:
    """Return {scenario: {step: answer}} of one theme; empty when nothing was recorded yet."""
    path = RECORDED / f"{theme}.yaml"
    if not path.exists():
        return {}
    loaded: dict[str, dict[str, Json]] = yaml.safe_load(path.read_text("utf-8")) or {}
    return loaded


def save_recorded(theme: str, answers: dict[str, dict[str, Json]]) -> None:
    """Write the answers of one theme."""
    RECORDED.mkdir(exist_ok=True)
    head = "# Written by record.py from a real kube-apiserver. Do not edit.\n"
    text = yaml.safe_dump(answers, sort_keys=False, width=100, allow_unicode=True)
    (RECORDED / f"{theme}.yaml").write_text(head + text, "utf-8")


def _load_file(path: Path) -> Iterator[Scenario]:
    document = yaml.safe_load(path.read_text("utf-8"))
    for raw in document["scenarios"]:
        steps = [Step(**step) for step in raw["steps"]]
        given = [Step(name=f"given {i}", **step) for i, step in enumerate(raw.get("given", []))]
        names = [step.name for step in steps]
        if len(set(names)) != len(names):
            raise ValueError(f"{path.name}: {raw['name']}: two steps of one name")
        yield Scenario(
            theme=path.stem,
            name=raw["name"],
            steps=steps,
            why=raw.get("why", ""),
            given=given,
            cleanup=raw.get("cleanup", []),
        )
