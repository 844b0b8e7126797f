"""`lockstep version`."""

from importlib.metadata import version as installed
from typing import Annotated

import typer

from lockstep_cli.output import Format, emit


def version(
    output: Annotated[
        Format, typer.Option("--output", "-o", help="Form of the result.")
    ] = Format.TABLE,
) -> None:
    """Print the version of this command."""
    number = installed("lockstep-serving")
    emit({"version": number}, f"lockstep {number}", output)
