"""What a view looks like in a pipe."""

import io

from rich.console import Console, RenderableType


def rendered(view: RenderableType) -> str:
    """Return what a user sees in a pipe, without trailing blanks."""
    sink = io.StringIO()
    Console(file=sink, width=400, highlight=False).print(view)
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()) + "\n"
