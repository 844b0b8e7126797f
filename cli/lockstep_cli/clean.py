"""What is printed for people holds no character that a terminal obeys, or that hides others.

Anybody may write the texts of a cluster: an escape sequence in a reason must not clear the screen,
and a line break must not forge a line of ours. JSON and YAML escape them by themselves.
"""

import unicodedata
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

# Controls, formats (bidi overrides, zero widths), lone surrogates, line and paragraph separators.
_UNFIT: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
_BLANKS: Final = "\n\t\r"


def printable(text: str) -> str:
    r"""Return a text as one line: line breaks as blanks, the rest as escapes such as `\x1b`."""
    return "".join(map(_shown, text.replace("\r\n", "\n")))


def _shown(character: str) -> str:
    if character in _BLANKS:
        return " "
    if unicodedata.category(character) not in _UNFIT:
        return character
    return character.encode("unicode_escape").decode("ascii")


def cleaned(view: RenderableType) -> RenderableType:
    """Return a view of nothing but printable text, each piece of it one line.

    Raises:
        TypeError: there is something in it that cannot be cleaned.
    """
    if isinstance(view, str):
        return Text(printable(view))
    if isinstance(view, Text):
        fit = printable(view.plain)
        return view if fit == view.plain else Text(fit, style=view.style)
    if isinstance(view, Group):
        return Group(*map(cleaned, view.renderables))
    if isinstance(view, Table):
        return _cleaned_table(view)
    raise TypeError(f"no way to clean a {type(view).__name__}")


def _cleaned_table(table: Table) -> Table:
    copy = Table(
        *(column.copy() for column in table.columns),
        box=table.box,
        pad_edge=table.pad_edge,
        padding=table.padding,
        header_style=table.header_style,
    )
    for row in zip(*(column.cells for column in table.columns), strict=True):
        copy.add_row(*map(cleaned, row))
    return copy
