"""A small client of a Kubernetes API server, as much as the node and the controllers need."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

from lockstep_sandbox.objects import Obj, key_of

RESOURCES = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "Event": ("/api/v1", "events"),
    "Namespace": ("/api/v1", "namespaces"),
    "Node": ("/api/v1", "nodes"),
    "PersistentVolume": ("/api/v1", "persistentvolumes"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Pod": ("/api/v1", "pods"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
}
MERGE = "application/merge-patch+json"
TIMEOUT = aiohttp.ClientTimeout(total=30)
WATCH_SECONDS = 300
_BUSY = (429, 503)
_TRIES = 6


class ApiError(Exception):
    """The API server refused, or could not be reached (status 0)."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Access:
    """Where an API server is and who asks."""

    server: str
    ca: str  # PEM
    token: str

    @classmethod
    def parse(cls, kubeconfig: str) -> Self:
        """Read the current context of a kubeconfig with a bearer token."""
        config = yaml.safe_load(kubeconfig)
        named = {
            kind: {entry["name"]: entry[kind] for entry in config[f"{kind}s"]}
            for kind in ("cluster", "user", "context")
        }
        context = named["context"][config["current-context"]]
        cluster = named["cluster"][context["cluster"]]
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cls(cluster["server"].rstrip("/"), ca, named["user"][context["user"]]["token"])


def path_of(kind: str, namespace: str = "", name: str = "", sub: str = "") -> str:
    """Return the URL path of a collection, an object or its subresource."""
    root, plural = RESOURCES[kind]
    parts = [root, *(["namespaces", namespace] if namespace else []), plural, name, sub]
    return "/".join(part for part in parts if part)


class Client:
    """Sends requests as one user; use as an async context manager."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        context = ssl.create_default_context(cadata=self.access.ca)
        self._session = aiohttp.ClientSession(
            base_url=self.access.server,
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            headers={"Authorization": f"Bearer {self.access.token}"},
            timeout=TIMEOUT,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Close it."""
        await self._session.close()

    async def request(
        self, method: str, path: str, body: Obj | None = None, content_type: str = ""
    ) -> Obj:
        """Send one request; a server that is busy is asked again.

        Raises:
            ApiError: refused or unreachable.
        """
        headers = {"Content-Type": content_type or "application/json"}
        data = None if body is None else json.dumps(body)
        for attempt in range(_TRIES):
            try:
                async with self._session.request(method, path, data=data, headers=headers) as reply:
                    if reply.status not in _BUSY or attempt == _TRIES - 1:
                        return _unpack(reply.status, await reply.text())
                    pause = float(reply.headers.get("Retry-After", "0.2"))
            except (aiohttp.ClientError, TimeoutError) as error:
                raise ApiError(0, "Unreachable", f"{method} {path}: {error!r}") from error
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def get(self, kind: str, namespace: str, name: str) -> Obj:
        """Read one object."""
        return await self.request("GET", path_of(kind, namespace, name))

    async def create(self, kind: str, obj: Obj, name: str = "", sub: str = "") -> Obj:
        """Create an object, or post to a subresource of the object `name`."""
        namespace, _ = key_of({"metadata": {"name": "", **obj["metadata"]}})
        return await self.request("POST", path_of(kind, namespace, name, sub), obj)

    async def patch(self, kind: str, obj: Obj, change: Obj, sub: str = "") -> Obj:
        """Merge-patch this very object: another one of the same name answers 409."""
        meta = {"uid": obj["metadata"]["uid"], **change.get("metadata", {})}
        path = path_of(kind, *key_of(obj), sub)
        return await self.request("PATCH", path, {**change, "metadata": meta}, MERGE)

    async def delete(self, kind: str, obj: Obj, grace: int | None = None) -> None:
        """Delete this very object; one that is gone already is no error."""
        options: Obj = {"apiVersion": "v1", "kind": "DeleteOptions"}
        options["preconditions"] = {"uid": obj["metadata"]["uid"]}
        options["propagationPolicy"] = "Background"
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            await self.request("DELETE", path_of(kind, *key_of(obj)), options)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def list(self, kind: str) -> tuple[list[Obj], str]:
        """Return all objects of a kind, and the resourceVersion to watch from."""
        body = await self.request("GET", path_of(kind))
        return body.get("items") or [], body["metadata"]["resourceVersion"]

    @asynccontextmanager
    async def watch(self, kind: str, version: str) -> AsyncIterator[AsyncIterator[Obj]]:
        """Open a watch; the events come one by one until the server closes it."""
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        timeout = aiohttp.ClientTimeout(sock_connect=10, sock_read=WATCH_SECONDS + 30)
        async with self._session.get(path_of(kind), params=params, timeout=timeout) as reply:
            if reply.status != 200:
                _unpack(reply.status, await reply.text())
            yield _lines(reply.content)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[Obj]:
    """Split by hand: an event may be far longer than a StreamReader's line limit."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _unpack(status: int, text: str) -> Obj:
    try:
        body: Any = json.loads(text)
    except ValueError:
        body = {"message": text}
    if status >= 400:
        raise ApiError(status, body.get("reason", "Unknown"), body.get("message", ""))
    found: Obj = body
    return found
