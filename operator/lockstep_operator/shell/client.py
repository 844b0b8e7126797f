"""Requests to the API server: dict manifests in and out, each with a time limit, few repeated.

Uses the transport of `kubernetes.aio` (TLS, tokens, proxies) but not its typed models, which
refuse what they do not know, nor its dynamic client, whose discovery costs requests and rights.
"""

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from lockstep_operator.core.errors import Unavailable
from lockstep_operator.shell.answers import is_status, refusal, silence
from lockstep_operator.shell.bodies import Allowance, BodyTooLong, read_body
from lockstep_operator.shell.kinds import KINDS
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.store import Manifest

FIELD_MANAGER = "lockstep"
_MANAGED = {"fieldManager": FIELD_MANAGER}
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_PAGE = "500"
_LIST_SECONDS = 60.0
_PAUSES = (0.2, 0.8)
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class _Request:
    verb: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Manifest | None = None
    content_type: str = _JSON
    seconds: float | None = None
    longest: int | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"

    @property
    def url(self) -> str:
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


class Client:
    """The verbs the operator needs. All raise `core.errors.ApiError`s."""

    def __init__(
        self,
        api: ApiClient,
        metrics: Metrics,
        *,
        may_write: Callable[[], bool] = lambda: True,
        seconds: float = 10.0,
        pauses: tuple[float, ...] = _PAUSES,
    ) -> None:
        """Wait `seconds` for an answer; repeat what got none after each of `pauses` (seconds).

        `may_write` is asked before each write: a former leader must not write.
        """
        self._api = api
        self._metrics = metrics
        self._may_write = may_write
        self._seconds = seconds
        self._pauses = pauses
        self._allowance = Allowance()

    async def get(self, kind: str, namespace: str, name: str) -> Manifest:
        """Return one object."""
        return await self._send(_Request("GET", KINDS[kind].path(namespace, name)))

    async def list(self, kind: str) -> tuple[list[Manifest], int]:
        """Return all objects of a kind that the store should hold, and the list's version."""
        selector = KINDS[kind].selector
        query = {"limit": _PAGE} | ({"labelSelector": selector} if selector else {})
        path = KINDS[kind].path(None)
        items: list[Manifest] = []
        while True:
            page = await self._send(_Request("GET", path, dict(query), seconds=_LIST_SECONDS))
            items += page.get("items") or []
            if not page["metadata"].get("continue"):
                break
            query["continue"] = page["metadata"]["continue"]
        named = {"apiVersion": KINDS[kind].api_version, "kind": kind}
        return [named | item for item in items], int(page["metadata"]["resourceVersion"])

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object; `Conflict` when it exists (also when an answer got lost)."""
        path = KINDS[manifest["kind"]].path(manifest["metadata"]["namespace"])
        return await self._send(_Request("POST", path, _MANAGED, manifest))

    async def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply; fields that others set to something else become ours."""
        query = _MANAGED | {"force": "true"}
        return await self._send(_Request("PATCH", _path_of(manifest), query, manifest, _APPLY))

    async def patch(
        self, kind: str, namespace: str, name: str, body: Manifest, *, subresource: str = ""
    ) -> Manifest:
        """Merge-patch; `Conflict` when it changed since a metadata.resourceVersion in the body."""
        path = KINDS[kind].path(namespace, name, subresource)
        return await self._send(_Request("PATCH", path, _MANAGED, body, _MERGE))

    async def replace(self, manifest: Manifest) -> Manifest:
        """Replace an object; `Conflict` when it changed since its metadata.resourceVersion."""
        return await self._send(_Request("PUT", _path_of(manifest), _MANAGED, manifest))

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> Manifest:
        """Delete this very object; return what is left of it, {} when nothing is."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        path = KINDS[kind].path(namespace, name)
        left = await self._send(_Request("DELETE", path, body=options))
        return {} if left.get("kind") == "Status" else left

    async def call_pod(
        self,
        verb: str,
        namespace: str,
        pod: str,
        path: str,
        *,
        body: Any,
        seconds: float,
        longest: int,
    ) -> tuple[int, bytes]:
        """Return status and body of what a pod answers, by way of the API server; not repeated.

        `pod`: name:port. `longest`: bytes; a longer answer is none. Answers of the API server
        itself are raised as elsewhere.
        """
        proxied = KINDS["Pod"].path(namespace, pod, "proxy") + path
        request = _Request(verb, proxied, body=body, seconds=seconds, longest=longest)
        status, raw, headers = await self._exchange(request)
        if not 200 <= status < 300 and is_status(raw):
            raise refusal(str(request), status, raw, headers)
        return status, raw

    async def _send(self, request: _Request) -> Manifest:
        """Send until answered: every write is idempotent, or meets its own result as a 409."""
        for pause in (*self._pauses, None):
            if request.verb != "GET" and not self._may_write():
                raise Unavailable("this process does not hold the Lease and must not write")
            try:
                return _parsed(request, await self._once(request))
            except Unavailable as error:
                if pause is None or error.retry_after > _LONGEST_PAUSE:
                    raise
                jittered = pause * random.uniform(0.7, 1.3)  # noqa: S311 (spreads load)
                await asyncio.sleep(max(jittered, error.retry_after))
        raise AssertionError("unreachable: the last round returns or raises")

    async def _once(self, request: _Request) -> bytes:
        status, raw, headers = await self._exchange(request)
        if not 200 <= status < 300:
            raise refusal(str(request), status, raw, headers)
        return raw

    async def _exchange(self, request: _Request) -> tuple[int, bytes, Mapping[str, str]]:
        limit = aiohttp.ClientTimeout(total=request.seconds or self._seconds)
        headers = {"Accept": _JSON, "Content-Type": request.content_type}
        try:
            prepared = await self._api.param_serialize(
                request.verb,
                request.url,
                header_params=headers,
                body=request.body,
                auth_settings=["BearerToken"],
            )
            answer = await self._api.call_api(*prepared, _request_timeout=limit)
            raw = await self._body(answer.response, request.longest)
        except (aiohttp.ClientError, OSError, BodyTooLong) as error:
            self._metrics.api_requests.labels(request.verb, 0).inc()
            raise silence(str(request), error) from error
        self._metrics.api_requests.labels(request.verb, answer.status).inc()
        return answer.status, raw, answer.headers

    async def _body(self, answer: aiohttp.ClientResponse, longest: int | None) -> bytes:
        """Read it all: of a pod's no more than can be kept, of the API server's own whatever."""
        if longest is None:
            return await answer.read()
        async with answer:
            return await read_body(answer, longest, self._allowance)


def _path_of(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return KINDS[manifest["kind"]].path(metadata["namespace"], metadata["name"])


def _parsed(request: _Request, raw: bytes) -> Manifest:
    try:
        parsed: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise silence(str(request), error) from error
    if not isinstance(parsed, dict):
        raise silence(str(request), TypeError("the answer is no API object"))
    return parsed
