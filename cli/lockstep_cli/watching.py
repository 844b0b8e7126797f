"""Looking again and again until Ctrl-C: a view that is redrawn, or one document per change."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from lockstep_cli.errors import CliError, NotFound, Unavailable
from lockstep_cli.output import Format, Screen, emit

_PERIOD: Final = 1.0  # seconds between two looks
_CLOCKS: Final = ("ageSeconds", "holdLeftSeconds")

Look = Callable[[], tuple[Any, RenderableType]]


def watch_changes(look: Look, output: Format) -> None:
    """Show what `look` finds until Ctrl-C, which is the ordinary end.

    Raises:
        CliError: the first look failed, or the object is gone.
    """
    try:
        if output is Format.TABLE and sys.stdout.isatty():
            _show_live(look)
        else:
            _print_changes(look, output)
    except KeyboardInterrupt:
        return


def _show_live(look: Look) -> None:
    """Redraw; an API server that does not answer is said below the last view."""
    _, view = look()
    with Screen(view) as screen:
        while True:
            time.sleep(_PERIOD)
            try:
                _, view = look()
                screen.show(view)
            except NotFound:
                raise
            except CliError as error:
                screen.show(Group(view, Text(""), Text(str(error), style="red")))


def _print_changes(look: Look, output: Format) -> None:
    before = None
    while True:
        seen = _look_if_possible(look)
        if seen is not None and without_clocks(seen[0]) != before:
            before = without_clocks(seen[0])
            emit(*seen, output)
        time.sleep(_PERIOD)


def _look_if_possible(look: Look) -> tuple[Any, RenderableType] | None:
    try:
        return look()
    except Unavailable:
        return None  # asked again in a second


def without_clocks(document: Any) -> str:
    """Return a document as text without what changes by itself as time goes by."""
    return json.dumps(_still(document))


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _still(item) for key, item in value.items() if key not in _CLOCKS}
    return [_still(item) for item in value] if isinstance(value, list) else value
