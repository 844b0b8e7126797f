"""Talking to pods over HTTP: straight to the pod's address, or through the API server."""

from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from lockstep_operator.core.errors import ApiError, PodUnreachable
from lockstep_operator.shell.bodies import BodyTooLong, read_body
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.store import Manifest

_DIRECT_SECONDS = 1.0
_PROXY_SECONDS = 2.0
LONGEST_BODY = 32 * 1024 * 1024  # a thousand answers of a thousand numbers, as JSON


@dataclass(frozen=True, slots=True)
class PodAnswer:
    """What a pod answered, whatever its status."""

    status: int
    body: bytes


class Pods(Protocol):
    """HTTP with pods; `traffic.interface.PodReader` and more."""

    async def get(self, pod: Manifest, port: int, path: str) -> bytes:
        """Return the body of a 200 answer; `PodUnreachable` when there is none in time."""

    async def ask(self, pod: Manifest, port: int, path: str, seconds: float) -> PodAnswer:
        """GET; return whatever it answers, `PodUnreachable` when it does not."""

    async def post(
        self, pod: Manifest, port: int, path: str, body: Any, seconds: float
    ) -> PodAnswer:
        """POST JSON; return whatever it answers, `PodUnreachable` when it does not."""

    async def close(self) -> None:
        """Close kept connections."""


class DirectPods:
    """For an operator inside the cluster."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def get(self, pod: Manifest, port: int, path: str) -> bytes:
        """Return the body of a 200 answer; `PodUnreachable` when there is none in a second."""
        answer = await self.ask(pod, port, path, _DIRECT_SECONDS)
        if answer.status != 200:
            raise PodUnreachable(f"{_host(pod)}:{port}{path} answered {answer.status}")
        return answer.body

    async def ask(self, pod: Manifest, port: int, path: str, seconds: float) -> PodAnswer:
        """GET; return whatever it answers, `PodUnreachable` when it does not."""
        return await self._send("GET", f"{_host(pod)}:{port}{path}", None, seconds)

    async def post(
        self, pod: Manifest, port: int, path: str, body: Any, seconds: float
    ) -> PodAnswer:
        """POST JSON; return whatever it answers, `PodUnreachable` when it does not."""
        return await self._send("POST", f"{_host(pod)}:{port}{path}", body, seconds)

    async def close(self) -> None:
        """Close kept connections."""
        if self._session is not None:
            await self._session.close()

    async def _send(self, verb: str, where: str, body: Any, seconds: float) -> PodAnswer:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        limit = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.request(
                verb,
                f"http://{where}",
                json=body,
                allow_redirects=False,
                timeout=limit,
            ) as answer:
                return PodAnswer(answer.status, await read_body(answer, LONGEST_BODY))
        except (aiohttp.ClientError, OSError, BodyTooLong) as error:
            raise PodUnreachable(f"{where}: {str(error) or type(error).__name__}") from error


class ProxiedPods:
    """For an operator outside of the cluster's network."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def get(self, pod: Manifest, port: int, path: str) -> bytes:
        """Return the body of a 200 answer; `PodUnreachable` when there is none in two seconds."""
        answer = await self.ask(pod, port, path, _PROXY_SECONDS)
        if answer.status != 200:
            name = pod["metadata"]["name"]
            raise PodUnreachable(f"{name}:{port}{path} answered {answer.status}")
        return answer.body

    async def ask(self, pod: Manifest, port: int, path: str, seconds: float) -> PodAnswer:
        """GET; return whatever it answers, `PodUnreachable` when it does not."""
        return await self._send("GET", pod, (port, path), None, seconds)

    async def post(
        self, pod: Manifest, port: int, path: str, body: Any, seconds: float
    ) -> PodAnswer:
        """POST JSON; return whatever it answers, `PodUnreachable` when it does not."""
        return await self._send("POST", pod, (port, path), body, seconds)

    async def close(self) -> None:
        """Do nothing: the connection is the API server's."""

    async def _send(
        self, verb: str, pod: Manifest, where: tuple[int, str], body: Any, seconds: float
    ) -> PodAnswer:
        port, path = where
        metadata = pod["metadata"]
        name = f"{metadata['name']}:{port}"
        try:
            status, answer = await self._client.call_pod(
                verb, metadata["namespace"], name, path, body=body, seconds=seconds
            )
        except ApiError as error:
            raise PodUnreachable(str(error)) from error
        return PodAnswer(status, answer)


def _host(pod: Manifest) -> str:
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        raise PodUnreachable(f"pod {pod['metadata']['name']} has no address")
    return f"[{address}]" if ":" in address else str(address)
