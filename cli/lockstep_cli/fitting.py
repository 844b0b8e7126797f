"""Tables on a terminal that is too narrow for them: a number that is cut off is another number."""

from typing import Final

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

_FOLDED: Final = 12  # columns that a text needs at least, folded into lines


def fitted(view: RenderableType, width: int) -> RenderableType:
    """Return a view whose tables fit into so many columns; those that do not become lists."""
    if isinstance(view, Group):
        return Group(*(fitted(part, width) for part in view.renderables))
    if isinstance(view, Table) and _needed(view) > width:
        return _as_list(view)
    return view


def _needed(table: Table) -> int:
    left, right = table.padding[3], table.padding[1]
    return sum(_least(column) + left + right for column in table.columns) - right


def _least(column: Column) -> int:
    texts = [str(column.header), *map(str, column.cells)]
    longest = max(map(cell_len, texts))
    return longest if column.no_wrap else min(longest, max(_FOLDED, cell_len(texts[0])))


def _as_list(table: Table) -> Group:
    """Return a line for each value that there is, and a blank one after each row."""
    longest = max(len(str(column.header)) for column in table.columns)
    lines = []
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for column, cell in zip(table.columns, row, strict=True):
            text = cell if isinstance(cell, Text) else Text(str(cell))
            if text.plain not in ("", "-"):
                label = Text(f"{column.header!s:<{longest}}  ", style="bold")
                lines.append(Text.assemble(label, text))
        lines.append(Text(""))
    return Group(*lines[:-1])
