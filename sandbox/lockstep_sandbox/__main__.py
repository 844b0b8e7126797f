"""Command line of the sandbox: up, down, status (and, for itself, keep and node)."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from lockstep_sandbox import images
from lockstep_sandbox.keeper import AlreadyUpError, Options, run_keeper, run_up
from lockstep_sandbox.lifecycle import SandboxError, down, status, up
from lockstep_sandbox.network import Network, NoRangeError
from lockstep_sandbox.settings import NodeSettings


def main() -> int:
    """Run one command; return its exit code."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments))
    except (SandboxError, AlreadyUpError, NoRangeError, images.CatalogueError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lockstep_sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="up|down|status")
    for name, run in (("up", _up), ("keep", _keep), ("node", _node)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--dir", type=Path, required=True, help="folder of the sandbox")
        command.add_argument("--images", type=Path, help="image catalogue (YAML)")
        command.add_argument("--pessimism", choices=("default", "off"), default="default")
        command.add_argument("--seed", type=int, default=0, help="of the pessimism's dice")
        command.add_argument("--back-off", type=float, default=10.0, metavar="SECONDS")
        if name == "up":
            command.add_argument("--detach", action="store_true", help="return when ready")
            command.add_argument("--parent-pid", type=int, help="end with this process, 0: none")
            continue
        command.add_argument("--identity", required=True)
        command.add_argument("--ready-fd", type=int, required=True)
        command.add_argument("--network", type=int)
        command.add_argument("--pods", type=Path)
    for name, run in (("down", _down), ("status", _status)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--dir", type=Path, required=True, help="folder of the sandbox")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        folder=arguments.dir.absolute(),
        images=arguments.images.absolute() if arguments.images else None,
        pessimism=arguments.pessimism,
        seed=arguments.seed,
        back_off=arguments.back_off,
    )


def _up(arguments: argparse.Namespace) -> int:
    options = _options(arguments)
    images.load(options.images)  # a mistake in it is better told before anything starts
    if arguments.detach:
        sandbox = up(
            options.folder,
            options.images,
            pessimism=arguments.pessimism,
            seed=options.seed,
            back_off=options.back_off,
        )
        print(f"export KUBECONFIG={sandbox.kubeconfig}")
        return 0
    parent = os.getppid() if arguments.parent_pid is None else arguments.parent_pid
    return run_up(options, parent or None)


def _keep(arguments: argparse.Namespace) -> int:
    return run_keeper(_options(arguments), arguments.identity, arguments.ready_fd)


def _node(arguments: argparse.Namespace) -> int:
    # only the node needs these, and they take half a second to import
    from lockstep_sandbox.node.main import NodeFiles, run  # noqa: PLC0415

    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", level=logging.INFO)
    folder = arguments.dir
    settings = NodeSettings(
        folder=folder,
        pods=arguments.pods,
        network=Network(arguments.network),
        identity=arguments.identity,
        back_off=arguments.back_off,
    )
    files = NodeFiles(
        kubelet=folder / "kubelet.kubeconfig",
        controllers=folder / "controllers.kubeconfig",
        token=folder / "kubelet.token",
        images=arguments.images,
    )
    if arguments.pessimism == "off":
        settings = settings.optimistic()
    run(settings, files, arguments.ready_fd)
    return 0


def _down(arguments: argparse.Namespace) -> int:
    print("down" if down(arguments.dir) else f"no sandbox in {arguments.dir}")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    sandbox = status(arguments.dir)
    if sandbox is None:
        print(f"no sandbox is up in {arguments.dir}")
        return 1
    print(f"export KUBECONFIG={sandbox.kubeconfig}")
    for name, who in sandbox.state.processes.items():
        print(f"{name}: pid {who.pid}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
