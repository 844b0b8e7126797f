"""What the model server costs over bare uvicorn: `python -m benchmarks [--rounds N]`.

Two servers answer in turn, A B A B …: uvicorn with an ASGI app that returns fixed bytes, and
`lockstep-runtime` with the wine model. Requests per second and server CPU time per request, as
medians over the rounds, and their ratios. The load comes from the same machine: read the ratios.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.servers import Server, baseline, lockstep
from benchmarks.throughput import Round, measure
from demo.models import train

CONNECTIONS = 16


async def run(rounds: int, requests: int) -> list[tuple[str, list[Round]]]:
    """Measure both servers in turn; returns the rounds by server."""
    with tempfile.TemporaryDirectory(prefix="bench", dir=Path(__file__).parent) as folder:
        await train(Path(folder))
        servers: list[Server] = [await baseline(), await lockstep(Path(folder) / "v1")]
        found: list[tuple[str, list[Round]]] = [(server.name, []) for server in servers]
        try:
            for server in servers:
                await measure(server, requests // 4, CONNECTIONS)
            for _ in range(rounds):
                for server, (_, results) in zip(servers, found, strict=True):
                    results.append(await measure(server, requests, CONNECTIONS))
        finally:
            for server in servers:
                await server.stop()
    return found


def report(found: list[tuple[str, list[Round]]]) -> None:
    """Print medians with their range, and each server's ratio to the first."""
    table = Table(title=f"{CONNECTIONS} connections, one row, medians (min to max)")
    for column in ("server", "requests/s", "ratio", "CPU µs/request", "p99 ms"):
        table.add_column(column, justify="left" if column == "server" else "right")
    base = statistics.median(one.rate for one in found[0][1])
    for name, rounds in found:
        rates = sorted(one.rate for one in rounds)
        rate = statistics.median(rates)
        cpu = statistics.median(one.cpu for one in rounds) * 1e6
        p99 = statistics.median(one.p99 for one in rounds) * 1e3
        spread = f"{rate:,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})"
        table.add_row(name, spread, f"{rate / base:.2f}", f"{cpu:,.0f}", f"{p99:.1f}")
    Console().print(table)


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each server")
    parser.add_argument("--requests", type=int, default=3000, help="requests of a round")
    arguments = parser.parse_args()
    report(asyncio.run(run(arguments.rounds, arguments.requests)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
