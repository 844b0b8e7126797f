"""Reading pods over HTTP: straight from the pod's address, or through the API server."""

import aiohttp

from lockstep_operator.core.errors import ApiError, PodUnreachable
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.store import Manifest

_DIRECT_SECONDS = 1.0
_PROXY_SECONDS = 2.0


class DirectPods:
    """For an operator inside the cluster."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def get(self, pod: Manifest, port: int, path: str) -> bytes:
        """Return the body of a 200 answer; `PodUnreachable` when there is none in a second."""
        address = (pod.get("status") or {}).get("podIP")
        if not address:
            raise PodUnreachable(f"pod {pod['metadata']['name']} has no address")
        host = f"[{address}]" if ":" in address else address
        try:
            url = f"http://{host}:{port}{path}"
            async with self._http().get(url, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise PodUnreachable(f"{host}:{port}{path} answered {answer.status}")
                return await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise PodUnreachable(f"{host}:{port}{path}: {reason}") from error

    async def close(self) -> None:
        """Close kept connections."""
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=_DIRECT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout)
        return self._session


class ProxiedPods:
    """For an operator outside of the cluster's network."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def get(self, pod: Manifest, port: int, path: str) -> bytes:
        """Return the body of a 200 answer; `PodUnreachable` when there is none in two seconds."""
        metadata = pod["metadata"]
        try:
            return await self._client.read_pod(
                metadata["namespace"], metadata["name"], port, path, seconds=_PROXY_SECONDS
            )
        except ApiError as error:
            raise PodUnreachable(str(error)) from error

    async def close(self) -> None:
        """Do nothing: the connection is the API server's."""
