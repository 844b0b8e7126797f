"""Where the CLI writes: results to stdout, everything else to stderr; tables, JSON or YAML."""

import json
import sys
from enum import StrEnum
from typing import Any

import yaml
from rich.console import Console, RenderableType

_WIDE = 400  # columns of a pipe: a table that is read by another program must not wrap


class Format(StrEnum):
    """The forms of a result."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def stdout() -> Console:
    """Return the console for results."""
    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def stderr() -> Console:
    """Return the console for progress, questions and warnings."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def emit(machine: Any, table: RenderableType, form: Format) -> None:
    """Print one result in the wanted form."""
    if form is Format.JSON:
        sys.stdout.write(json.dumps(machine, indent=2) + "\n")
    elif form is Format.YAML:
        sys.stdout.write("---\n" + yaml.safe_dump(machine, sort_keys=False))
    else:
        stdout().print(table)
    sys.stdout.flush()


def warn(text: str) -> None:
    """Print a warning on stderr."""
    stderr().print(f"warning: {text}", style="yellow", markup=False)
