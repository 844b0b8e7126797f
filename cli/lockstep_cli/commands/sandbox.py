"""`lockstep sandbox`: a small Kubernetes on this machine, whose images are this installation."""

import shlex
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group

from lockstep_cli.errors import CliError, Refused
from lockstep_cli.extras import missing
from lockstep_cli.operator_chart import CHART, check_chart, install_operator
from lockstep_cli.output import Format, emit, tell
from lockstep_cli.sandbox_images import write_images

if TYPE_CHECKING:
    from types import ModuleType

    from lockstep_sandbox.lifecycle import Sandbox

app = typer.Typer(help="Run a small Kubernetes on this machine, for trying things out.")

Folder = Annotated[Path, typer.Option("--dir", help="Folder of the sandbox.")]
_DEFAULT = Path(".sandbox")


class Pessimism(StrEnum):
    """How much of a real cluster's bad luck the sandbox plays."""

    DEFAULT = "default"
    OFF = "off"


@app.command()
def up(
    folder: Folder = _DEFAULT,
    operator: Annotated[
        bool, typer.Option("--operator/--bare", help="Install the operator too, or nothing.")
    ] = False,
    chart: Annotated[Path, typer.Option(help="The chart to install the operator from.")] = CHART,
    foreground: Annotated[
        bool, typer.Option("--foreground/--detach", help="Stay until Ctrl-C, or return when up.")
    ] = False,
    pessimism: Annotated[
        Pessimism, typer.Option(help="Delays and failures of a real cluster.")
    ] = Pessimism.DEFAULT,
    seed: Annotated[int, typer.Option(help="Of the pessimism's dice.")] = 0,
) -> None:
    """Start a sandbox, or find the one that is up, and print its KUBECONFIG line."""
    if operator:
        check_chart(chart)
    lifecycle = _lifecycle()
    running: Sandbox | None = lifecycle.status(folder)
    if running is None:
        running = _start(lifecycle, folder, pessimism, seed)
    if operator:
        tell("installing the operator …")
        install_operator(running.kubeconfig, chart, folder / "helm")
    sys.stdout.write(f"export KUBECONFIG={shlex.quote(str(running.kubeconfig))}\n")
    sys.stdout.flush()
    if foreground:
        _stay(lifecycle, folder)


@app.command()
def down(folder: Folder = _DEFAULT) -> None:
    """Stop a sandbox and everything that runs in it."""
    lifecycle = _lifecycle()
    try:
        stopped = lifecycle.down(folder)
    except lifecycle.SandboxError as error:
        raise CliError(str(error)) from error
    sys.stdout.write("the sandbox is down\n" if stopped else f"no sandbox is up in {folder}\n")


@app.command()
def status(
    folder: Folder = _DEFAULT,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="Form of the result.")
    ] = Format.TABLE,
) -> None:
    """Tell whether a sandbox is up, and with which kubeconfig."""
    running: Sandbox | None = _lifecycle().status(folder)
    if running is None:
        raise Refused(f"no sandbox is up in {folder}")
    processes = {name: who.pid for name, who in running.state.processes.items()}
    lines = [f"export KUBECONFIG={shlex.quote(str(running.kubeconfig))}"]
    lines += [f"{name}: pid {pid}" for name, pid in processes.items()]
    machine = {"kubeconfig": str(running.kubeconfig), "processes": processes}
    emit(machine, Group(*lines), output)


def _lifecycle() -> "ModuleType":
    """Return the sandbox's entry points; most installations of this command do without.

    Raises:
        Refused: this one does.
    """
    try:
        from lockstep_sandbox import lifecycle  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _not_installed(str(error.name)) from error
    lacking = missing("sandbox")
    if lacking:
        raise _not_installed(", ".join(lacking))
    return lifecycle


def _not_installed(what: str) -> Refused:
    return Refused(
        f"the extra 'sandbox' is not installed ({what} is missing): "
        "pip install 'lockstep-serving[operator,runtime,sklearn,sandbox]'"
    )


def _start(lifecycle: "ModuleType", folder: Path, pessimism: Pessimism, seed: int) -> "Sandbox":
    folder.mkdir(parents=True, exist_ok=True)
    images = write_images(folder)
    try:
        started: Sandbox = lifecycle.up(folder, images, pessimism=pessimism.value, seed=seed)
    except lifecycle.SandboxError as error:
        raise CliError(f"the sandbox did not start: {error}") from error
    return started


def _stay(lifecycle: "ModuleType", folder: Path) -> None:
    """Wait for Ctrl-C, then stop the sandbox.

    Raises:
        CliError: it ended by itself.
    """
    try:
        while lifecycle.status(folder) is not None:
            time.sleep(1)
        raise CliError(f"the sandbox in {folder} has ended; its logs are in {folder / 'logs'}")
    finally:
        lifecycle.down(folder)
