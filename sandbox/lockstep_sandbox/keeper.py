"""The two supervisors of a sandbox: the outer one that `up` is, and the keeper below it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from lockstep_sandbox import network
from lockstep_sandbox.processes import Identity
from lockstep_sandbox.state import IDENTITY, State
from lockstep_sandbox.supervisor import Command, Supervisor, module

_LONGEST_PODS = 32  # characters of a path that leave enough of a unix socket's 107
_FILES = ("kubeconfig", "kubelet.kubeconfig", "controllers.kubeconfig", "kubelet.token")
_SHORT = Path("/tmp")  # noqa: S108 (an exclusive, random name in it)


@dataclass(frozen=True)
class Options:
    """What `up` was asked for; `arguments` are passed on as they are."""

    folder: Path
    images: Path | None = None
    pessimism: str = "default"
    seed: int = 0
    back_off: float = 10.0

    def arguments(self) -> list[str]:
        """Return these options as a command line."""
        images = ["--images", str(self.images)] if self.images else []
        numbers = ["--seed", str(self.seed), "--back-off", str(self.back_off)]
        return ["--dir", str(self.folder), "--pessimism", self.pessimism, *numbers, *images]


class AlreadyUpError(Exception):
    """There is a sandbox in that folder."""


def run_up(options: Options, parent: int | None) -> int:
    """Be the outer supervisor: print the KUBECONFIG line when ready; return an exit code.

    Raises:
        AlreadyUpError: there is one in the folder.
    """
    os.umask(0o077)
    options.folder.mkdir(parents=True, exist_ok=True)
    before = State.load(options.folder)
    if before is not None and before.alive():
        raise AlreadyUpError(f"a sandbox is up in {options.folder}; take it down first")
    if before is not None:
        before.forget(options.folder)
    identity = secrets.token_hex(8)
    supervisor = Supervisor({**os.environ, IDENTITY: identity}, parent)
    reading, writing = os.pipe()
    arguments = [*options.arguments(), "--identity", identity, "--ready-fd", str(writing)]
    command = module("lockstep_sandbox", "keep", *arguments)
    keeper = Command("the keeper", command, orphaned=signal.SIGTERM, patience=20)
    supervisor.start(keeper, [writing])
    os.close(writing)
    supervisor.on_readable(reading, lambda: _announce(options.folder, reading))
    reason = supervisor.wait()
    left = supervisor.stop()
    state = State.load(options.folder)
    if state is not None:
        state.forget(options.folder)
    if reason:
        print(f"the sandbox in {options.folder} stopped: {reason}", file=sys.stderr)
    return int(bool(left) or supervisor.failed())


def _announce(folder: Path, ready: int) -> None:
    if os.read(ready, 16):
        # One write, line end included: who waits for it may leave as soon as it has a byte.
        line = f"export KUBECONFIG={folder / 'kubeconfig'}\n"
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), line.encode())


def run_keeper(options: Options, identity: str, ready: int) -> int:
    """Run the API server and the node until one of them ends or SIGTERM comes."""
    range_, marker = network.claim()
    folder = options.folder
    for stale in _FILES:
        (folder / stale).unlink(missing_ok=True)
    for stale in ("pods", "logs"):
        shutil.rmtree(folder / stale, ignore_errors=True)
    (folder / "pods").mkdir()
    (folder / "logs").mkdir()
    pods = _short(folder / "pods")
    link = str(pods) if pods != folder / "pods" else None
    supervisor = Supervisor(dict(os.environ))
    processes = {"up": Identity.of(os.getppid()), "keeper": Identity.of(os.getpid())}
    known = {name: who for name, who in processes.items() if who is not None}
    for command in _commands(options, range_, pods, identity, ready):
        known[command.name] = supervisor.start(command, [ready])
        State(identity, range_.number, link, known).save(folder)
    os.close(ready)
    reason = supervisor.wait()
    left = supervisor.stop()
    State(identity, range_.number, link, known).forget(folder)
    marker.close()
    if reason:
        print(f"{reason}; see {folder / 'logs'}", file=sys.stderr)
    return int(bool(left or reason))


def _commands(
    options: Options, range_: network.Network, pods: Path, identity: str, ready: int
) -> list[Command]:
    logs = options.folder / "logs"
    server = ["--dir", str(options.folder), "--services", range_.services]
    server += ["--pessimism", options.pessimism, "--seed", str(options.seed)]
    node = [*options.arguments(), "--identity", identity, "--network", str(range_.number)]
    node += ["--pods", str(pods), "--ready-fd", str(ready)]
    return [
        Command("apiserver", module("lockstep_sandbox.apiserver", *server), logs / "apiserver.log"),
        Command("node", module("lockstep_sandbox", "node", *node), logs / "node.log"),
    ]


def _short(pods: Path) -> Path:
    """Return the folder itself, or a link to it where its path leaves no room for sockets."""
    if len(str(pods)) <= _LONGEST_PODS:
        return pods
    link = _SHORT / f"ls{secrets.token_hex(4)}"
    link.symlink_to(pods)
    return link
