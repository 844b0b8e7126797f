"""Run an API server by itself: `python -m lockstep_sandbox.apiserver --dir DIR`."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from lockstep_sandbox.apiserver.pessimism import NONE, Pessimism
from lockstep_sandbox.apiserver.server import ServerConfig, run


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="gets the kubeconfigs")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--services", default="127.16.128.0/17", help="range of ClusterIPs")
    parser.add_argument("--pessimism", choices=["default", "off"], default="default")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    pessimism = NONE if arguments.pessimism == "off" else Pessimism(seed=arguments.seed)
    config = ServerConfig(
        directory=arguments.dir,
        port=arguments.port,
        services=arguments.services,
        pessimism=pessimism,
    )
    asyncio.run(_until_signal(config))


async def _until_signal(config: ServerConfig) -> None:
    task = asyncio.create_task(run(config))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await task


if __name__ == "__main__":
    main()
