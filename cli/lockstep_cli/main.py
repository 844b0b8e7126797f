"""`lockstep`, also installed as `kubectl-lockstep`: the composition of the commands."""

import logging
import sys
from pathlib import Path

import typer
from typer.exceptions import TyperException

from lockstep_cli.commands import sandbox
from lockstep_cli.commands.history import history
from lockstep_cli.commands.rollback import rollback
from lockstep_cli.commands.status import status
from lockstep_cli.commands.version import version
from lockstep_cli.errors import CliError

_BAD_INPUT = 2
_INTERRUPTED = 130

app = typer.Typer(
    help="Look at and take back model rollouts of the Lockstep operator.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(status)
app.command()(history)
app.command()(rollback)
app.command()(version)
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Run the command; whatever is wrong is said in one line, with exit code 2."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its retries are not the user's business
    try:
        code = app(
            sys.argv[1:] or ["--help"], prog_name=_program(sys.argv[0]), standalone_mode=False
        )
    except TyperException as error:
        _fail(error.format_message())
    except CliError as error:
        _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `| head` does
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def _program(argv0: str) -> str:
    return "kubectl lockstep" if Path(argv0).name.startswith("kubectl-") else "lockstep"


def _fail(message: str) -> None:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    sys.exit(_BAD_INPUT)
