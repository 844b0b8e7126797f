"""One round of closed-loop load."""

import asyncio
import json
import time
from dataclasses import dataclass

import aiohttp

from benchmarks.servers import Server
from demo import models


@dataclass(frozen=True)
class Round:
    """Requests per second, server CPU seconds per request, and the 99th percentile in seconds."""

    rate: float
    cpu: float
    p99: float


async def measure(server: Server, requests: int, connections: int) -> Round:
    """Send that many requests over that many connections; every answer must be a 200."""
    data = json.dumps(models.requests()[0]).encode()
    seconds: list[float] = []
    left = iter(range(requests))
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, raise_for_status=True) as session:

        async def send() -> None:
            for _ in left:
                start = time.perf_counter()
                async with session.post(server.url, data=data) as answer:
                    await answer.read()
                seconds.append(time.perf_counter() - start)

        cpu, start = server.cpu_seconds(), time.perf_counter()
        await asyncio.gather(*(send() for _ in range(connections)))
        wall = time.perf_counter() - start
    seconds.sort()
    used = server.cpu_seconds() - cpu
    return Round(requests / wall, used / requests, seconds[int(0.99 * len(seconds))])
