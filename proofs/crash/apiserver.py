"""The sandbox's API server without its sockets: requests in, answers out, in one call."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from integration.support.cluster import ROOT
from lockstep_sandbox.apiserver.auth import ADMIN, Tokens
from lockstep_sandbox.apiserver.call import Call, User
from lockstep_sandbox.apiserver.cluster import Addresses
from lockstep_sandbox.apiserver.errors import ApiError
from lockstep_sandbox.apiserver.garbage import Garbage
from lockstep_sandbox.apiserver.handlers import authorise_call, perform
from lockstep_sandbox.apiserver.namespaces import Namespaces
from lockstep_sandbox.apiserver.present import encode
from lockstep_sandbox.apiserver.routes import parse
from lockstep_sandbox.apiserver.server import bootstrap, empty_cluster

Json = Any
NAMESPACES = ("prod", "lockstep-system")
MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class Answer:
    """What came back, with the interface of the client's own answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def response(self) -> "Answer":
        """Return what the body is read from."""
        return self

    async def read(self) -> bytes:
        """Return the body."""
        return self.body


class ApiServer:
    """One cluster's API server, with the CRDs applied, and the controllers inside of it.

    `faults`: requests that it, or what listens to it, broke at.
    """

    def __init__(self) -> None:
        self.cluster = empty_cluster(Addresses("127.16.128.0/17"))
        self.faults: list[str] = []
        self._tokens = Tokens()
        self._workers: list[Garbage | Namespaces] = [
            Garbage(self.cluster),
            Namespaces(self.cluster),
        ]
        bootstrap(self.cluster, "127.0.0.1", 6443)

    async def start(self) -> list[asyncio.Task[None]]:
        """Start the controllers and apply what the operator finds installed."""
        tasks = [asyncio.create_task(worker.run()) for worker in self._workers]
        for crd in _crds():
            self.created(crd, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        for name in NAMESPACES:
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.created(space, "/api/v1/namespaces")
        return tasks

    def ask(
        self, verb: str, url: str, body: Json = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Answer one request of an administrator."""
        raw = b"" if body is None else json.dumps(body).encode()
        try:
            return self._answer(verb, url, raw, headers or {"Content-Type": "application/json"})
        except ApiError as error:
            return Answer(error.code, error.headers, json.dumps(error.status()).encode())
        except Exception as error:
            # The operator would only try again: a fault of the proof must not look like that.
            self.faults.append(f"{verb} {url}: {error!r}")
            raise

    def created(self, manifest: Json, path: str) -> Json:
        """Create an object as a person does."""
        return self._done(self.ask("POST", path, manifest))

    def patched(self, path: str, patch: Json) -> Json:
        """Merge-patch an object as a person does."""
        return self._done(self.ask("PATCH", path, patch, {"Content-Type": MERGE}))

    def deleted(self, path: str) -> Json:
        """Delete an object as a person does."""
        return self._done(self.ask("DELETE", path))

    def _done(self, answer: Answer) -> Json:
        assert answer.status < 300, answer.body.decode()
        return json.loads(answer.body)

    def _answer(self, verb: str, url: str, raw: bytes, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(url)
        route = parse(verb, parts.path, watching=False)
        assert route is not None, url
        resource = self.cluster.registry.find(route.group, route.version, route.resource)
        assert resource is not None, url
        call = Call(
            resource=resource,
            verb=route.verb,
            namespace=route.namespace if resource.namespaced else "",
            name=route.name,
            sub=route.sub,
            query=dict(parse_qsl(parts.query)),
            headers=headers,
            user=_USER,
            body=raw,
        )
        authorise_call(self.cluster, call)
        found = perform(self.cluster, self._tokens, call)
        return Answer(found.code, found.headers, json.dumps(encode(found.body, call)).encode())


@cache
def _crds() -> list[Json]:
    """Read once for all the clusters of a process; the server keeps copies."""
    found = sorted((ROOT / "crds").glob("*.yaml"))
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in found]


_USER: User = ADMIN
