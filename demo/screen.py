"""What a person sees of the demo."""

import shlex
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


class Screen:
    """Prints progress line by line, each with the time since the start."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._start = time.monotonic()

    def chapter(self, text: str) -> None:
        """Begin a part of the story."""
        self._console.print(f"\n[bold]{self._clock()}  {text}[/bold]")

    def command(self, command: Sequence[str]) -> None:
        """Show what a user would type."""
        self._console.print(f"[cyan]       $ {shlex.join(command)}[/cyan]")

    def say(self, text: str) -> None:
        """Tell one fact."""
        self._console.print(f"       {text}")

    def summary(self, rows: Sequence[tuple[str, str, bool]]) -> None:
        """Print the measurements: what, how much, and whether it is as promised."""
        table = Table(title="What was measured", title_justify="left")
        table.add_column("measure")
        table.add_column("value", justify="right")
        table.add_column("as promised")
        for name, value, good in rows:
            table.add_row(name, value, "[green]yes[/green]" if good else "[red]NO[/red]")
        self._console.print()
        self._console.print(table)
        self._console.print(f"The demo took {time.monotonic() - self._start:.0f} s.")

    def fail(self, text: str) -> None:
        """Say in one line why the demo cannot go on."""
        self._console.print(f"[red]demo: {text}[/red]")

    def _clock(self) -> str:
        return f"{time.monotonic() - self._start:5.1f}s"
