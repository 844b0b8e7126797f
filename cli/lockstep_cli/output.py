"""Where the CLI writes: results to stdout, everything else to stderr; tables, JSON or YAML.

All that is printed goes through `clean`.
"""

import json
import logging
import os
import sys
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import typer
import yaml
from rich.console import Console, RenderableType
from rich.live import Live
from rich.status import Status
from rich.text import Text

from lockstep_cli.clean import cleaned, printable
from lockstep_cli.fitting import fitted

_WIDE = 10_000  # columns of a pipe: a table that is read by another program must not wrap


class Format(StrEnum):
    """The forms of a result."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def prepare_streams() -> None:
    """Let nothing fail for want of a stream, or of a character in the terminal's encoding."""
    # Open for as long as the process lives.
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(handlers=[_Warnings()], level=logging.ERROR)


class _Warnings(logging.Handler):
    """What the libraries have to say: a credential plugin that failed."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def emit(machine: Any, view: RenderableType, form: Format) -> None:
    """Print one result in the wanted form."""
    if form is Format.JSON:
        sys.stdout.write(json.dumps(machine, indent=2) + "\n")
    elif form is Format.YAML:
        sys.stdout.write("---\n" + yaml.safe_dump(machine, sort_keys=False))
    else:
        console = _stdout()
        console.print(_ready(view, console))
    sys.stdout.flush()


def tell(text: str) -> None:
    """Print a line on stderr: how it goes."""
    _stderr().print(Text(printable(text)))


def warn(text: str) -> None:
    """Print a warning on stderr."""
    _stderr().print(Text(printable(f"warning: {text}"), style="yellow"))


def complain(text: str) -> None:
    """Print on stderr what went wrong, in one line."""
    sys.stderr.write(f"error: {' '.join(printable(text).split())}\n")


def agrees(question: str) -> bool:
    """Ask on stderr; a line on stdin is the answer."""
    return typer.confirm(printable(question), err=True)


class Screen:
    """A view on a terminal that is drawn over and over."""

    def __init__(self, view: RenderableType) -> None:
        self._console = _stdout()
        first = _ready(view, self._console)
        self._live = Live(first, console=self._console, auto_refresh=False)

    def __enter__(self) -> "Screen":
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: RenderableType) -> None:
        """Draw another view in its place."""
        self._live.update(_ready(view, self._console), refresh=True)


class Progress:
    """A line on stderr: redrawn on a terminal, told once per change elsewhere."""

    def __init__(self, words: str) -> None:
        self.words = ""
        self._status = Status(printable(words), console=_stderr())

    def __enter__(self) -> "Progress":
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def tell(self, words: str) -> None:
        """Show how it goes."""
        if words != self.words and not sys.stderr.isatty():
            tell(words)
        self._status.update(Text(printable(words)))
        self.words = words


def _ready(view: RenderableType, console: Console) -> RenderableType:
    return fitted(cleaned(view), console.width)


def _stdout() -> Console:
    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def _stderr() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)
