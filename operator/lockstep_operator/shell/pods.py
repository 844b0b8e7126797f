"""Talking to pods over HTTP: straight to the pod's address, or through the API server."""

from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from lockstep_operator.core.errors import ApiError, PodUnreachable
from lockstep_operator.shell.bodies import Allowance, BodyTooLong, in_words, read_body
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.store import Manifest

_DIRECT_SECONDS = 1.0
_PROXY_SECONDS = 2.0
LONGEST_BODY = 12 * 1024 * 1024  # a model server remembers answers of 8 MiB; parsed, it is far more


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
        self,
        pod: Manifest,
        port: int,
        path: str,
        body: Any,
        seconds: float,
        *,
        longest: int = LONGEST_BODY,
    ) -> PodAnswer:
        """POST JSON; return whatever it answers in `longest` bytes, else `PodUnreachable`."""

    async def close(self) -> None:
        """Close kept connections."""


class DirectPods:
    """For an operator inside the cluster."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._allowance = Allowance()

    async def get(self, pod: Manifest, port: int, path: str) -> bytes:
        """Return the body of a 200 answer; `PodUnreachable` when there is none in a second."""
        answer = await self.ask(pod, port, path, _DIRECT_SECONDS)
        if answer.status != 200:
            raise PodUnreachable(f"{_host(pod)}:{port}{path} answered {answer.status}")
        return answer.body

    async def ask(self, pod: Manifest, port: int, path: str, seconds: float) -> PodAnswer:
        """GET; return whatever it answers, `PodUnreachable` when it does not."""
        url = f"{_host(pod)}:{port}{path}"
        return await self._send("GET", url, None, seconds, longest=LONGEST_BODY)

    async def post(
        self,
        pod: Manifest,
        port: int,
        path: str,
        body: Any,
        seconds: float,
        *,
        longest: int = LONGEST_BODY,
    ) -> PodAnswer:
        """POST JSON; return whatever it answers in `longest` bytes, else `PodUnreachable`."""
        return await self._send(
            "POST", f"{_host(pod)}:{port}{path}", body, seconds, longest=longest
        )

    async def close(self) -> None:
        """Close kept connections."""
        if self._session is not None:
            await self._session.close()

    async def _send(
        self, verb: str, where: str, body: Any, seconds: float, *, longest: int
    ) -> PodAnswer:
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
                return PodAnswer(answer.status, await read_body(answer, longest, self._allowance))
        except TimeoutError as error:
            raise PodUnreachable(f"{where}: no complete answer within {seconds:g} s") from error
        except (aiohttp.ClientError, OSError, BodyTooLong) as error:
            raise PodUnreachable(f"{where}: {in_words(error)}") from error


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
        return await self._send("GET", pod, (port, path), None, seconds, longest=LONGEST_BODY)

    async def post(
        self,
        pod: Manifest,
        port: int,
        path: str,
        body: Any,
        seconds: float,
        *,
        longest: int = LONGEST_BODY,
    ) -> PodAnswer:
        """POST JSON; return whatever it answers in `longest` bytes, else `PodUnreachable`."""
        return await self._send("POST", pod, (port, path), body, seconds, longest=longest)

    async def close(self) -> None:
        """Do nothing: the connection is the API server's."""

    async def _send(
        self,
        verb: str,
        pod: Manifest,
        where: tuple[int, str],
        body: Any,
        seconds: float,
        *,
        longest: int,
    ) -> PodAnswer:
        port, path = where
        metadata = pod["metadata"]
        name = f"{metadata['name']}:{port}"
        try:
            status, answer = await self._client.call_pod(
                verb,
                metadata["namespace"],
                name,
                path,
                body=body,
                seconds=seconds,
                longest=longest,
            )
        except ApiError as error:
            raise PodUnreachable(str(error)) from error
        return PodAnswer(status, answer)


def _host(pod: Manifest) -> str:
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        raise PodUnreachable(f"pod {pod['metadata']['name']} has no address")
    return f"[{address}]" if ":" in address else str(address)
