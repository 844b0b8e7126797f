"""Startup, readiness and liveness probes with kubelet's thresholds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp

from lockstep_sandbox.node.environment import Rewrite
from lockstep_sandbox.node.process import Launch, StartError, execute
from lockstep_sandbox.objects import Obj

_LONGEST_BODY = 256
_HEADERS = {"User-Agent": "kube-probe/1.37", "Accept": "*/*"}
_LATEST_FIRST = 1.0


class Target:
    """The container a probe asks: its address, its ports' names, what its process started from."""

    def __init__(self, address: str, spec: Obj, launch: Launch, rewrite: Rewrite) -> None:
        self.address = address
        self._rewrite = rewrite
        self._ports = {port.get("name"): port["containerPort"] for port in spec.get("ports") or ()}
        self._launch = launch

    def port(self, port: int | str) -> int:
        """Return the number of a port."""
        return port if isinstance(port, int) else int(self._ports.get(port) or port)

    async def ask(self, action: Obj, patience: float) -> str | None:
        """Do what a probe or hook says; return why it failed, None when it did not."""
        try:
            async with asyncio.timeout(patience):
                return await self._do(action, patience)
        except TimeoutError:
            return f"timeout: not done within {patience:g}s"
        except (OSError, ValueError, aiohttp.ClientError, StartError) as error:
            return str(error) or repr(error)

    async def _do(self, action: Obj, patience: float) -> str | None:
        if "httpGet" in action:
            return await self._get(action["httpGet"])
        if "tcpSocket" in action:
            port = self.port(action["tcpSocket"]["port"])
            host = action["tcpSocket"].get("host") or self.address
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return None
        if "exec" in action:
            command = [self._rewrite(each) for each in action["exec"].get("command") or ()]
            code, output = await execute(replace(self._launch, command=command), patience)
            return None if code == 0 else f"command exited with {code}: {output}"
        if "sleep" in action:
            await asyncio.sleep(action["sleep"]["seconds"])
            return None
        return f"probes and hooks of kind {', '.join(action)} are not in the sandbox"

    async def _get(self, action: Obj) -> str | None:
        scheme = (action.get("scheme") or "HTTP").lower()
        host = action.get("host") or self.address
        path = action.get("path") or "/"
        url = f"{scheme}://{host}:{self.port(action['port'])}/{path.removeprefix('/')}"
        headers = {each["name"]: each["value"] for each in action.get("httpHeaders") or ()}
        connector = aiohttp.TCPConnector(ssl=False, force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector, headers=_HEADERS) as session,
            session.get(url, headers=headers) as reply,
        ):
            if reply.status < 400:
                return None
            body = (await reply.content.read(_LONGEST_BODY)).decode(errors="replace").strip()
        return f"HTTP probe failed with statuscode: {reply.status} {body}".rstrip()


async def probe(
    kind: str,
    spec: Obj,
    target: Target,
    settled: Callable[[bool], bool],
    tell: Callable[[str], Any],
) -> None:
    """Probe until `settled` says that the answer needs no further probing.

    `settled` gets True or False each time the success or failure threshold is reached; `tell`
    gets each failure's message.
    """
    period = spec.get("periodSeconds") or 10
    limits = {True: spec.get("successThreshold") or 1, False: spec.get("failureThreshold") or 3}
    await asyncio.sleep(spec.get("initialDelaySeconds") or 0)
    # a node's probe ticks are not aligned to a container's start
    await asyncio.sleep(random.uniform(0, min(period, _LATEST_FIRST)))  # noqa: S311
    actions: Obj = {
        name: spec[name] for name in ("httpGet", "tcpSocket", "exec", "grpc") if name in spec
    }
    last, count = None, 0
    while True:
        failure = await target.ask(actions, spec.get("timeoutSeconds") or 1)
        result = failure is None
        count = count + 1 if result == last else 1
        last = result
        if failure is not None:
            tell(f"{kind} probe failed: {failure}")
        if count >= limits[result] and settled(result):
            return
        await asyncio.sleep(period)
