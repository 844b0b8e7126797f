"""`lockstep`, also installed as `kubectl-lockstep`: the composition of the commands."""

import logging
import sys
from pathlib import Path

import typer
from typer.exceptions import TyperException

from lockstep_cli.commands import sandbox
from lockstep_cli.commands.abort import abort
from lockstep_cli.commands.approve import approve
from lockstep_cli.commands.diff import diff
from lockstep_cli.commands.history import history
from lockstep_cli.commands.pause import pause
from lockstep_cli.commands.promote import promote
from lockstep_cli.commands.quarantine import quarantine
from lockstep_cli.commands.release import release
from lockstep_cli.commands.resume import resume
from lockstep_cli.commands.retry import retry
from lockstep_cli.commands.rollback import rollback
from lockstep_cli.commands.status import status
from lockstep_cli.commands.version import version
from lockstep_cli.errors import CliError, Unconfirmed
from lockstep_cli.options import EXIT_CODES
from lockstep_cli.output import complain, prepare_streams

_NOT_SEEN = 1
_BAD_INPUT = 2
_INTERRUPTED = 130

app = typer.Typer(
    help="Look at, steer and take back model rollouts of the Lockstep operator.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for look in (status, history, diff):
    app.command(epilog=EXIT_CODES)(look)
for order in (rollback, promote, approve, pause, resume, abort, retry, quarantine, release):
    app.command(epilog=EXIT_CODES)(order)
app.command()(version)
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Run the command; whatever is wrong is said in one line, with the exit code of EXIT_CODES."""
    prepare_streams()
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its retries are not the user's business
    try:
        code = app(
            sys.argv[1:] or ["--help"], prog_name=_program(sys.argv[0]), standalone_mode=False
        )
    except TyperException as error:
        _fail(error.format_message())
    except Unconfirmed as error:
        _fail(str(error), _NOT_SEEN)
    except CliError as error:
        _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `| head` does
        sys.exit(0)
    except OSError as error:
        sys.stdout = None  # or it fails again at the very end
        _fail(f"cannot write the result: {error.strerror or error}", _NOT_SEEN)
    sys.exit(code if isinstance(code, int) else 0)


def _program(argv0: str) -> str:
    return "kubectl lockstep" if Path(argv0).name.startswith("kubectl-") else "lockstep"


def _fail(message: str, code: int = _BAD_INPUT) -> None:
    complain(message)
    sys.exit(code)
