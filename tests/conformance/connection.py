"""A plain HTTP connection to an API server, made from a kubeconfig."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

TIMEOUT = httpx.Timeout(30.0)

CONTENT_TYPES = {
    "json": "application/json",
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json-patch": "application/json-patch+json",
}
ACCEPT = {
    "json": "application/json",
    "any": "*/*",
    "table": "application/json;as=Table;v=v1;g=meta.k8s.io",
    "metadata": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "discovery": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
}


@dataclass(frozen=True)
class Reply:
    """An answer as it came; the text of a watch is the JSON list of its events."""

    status: int
    headers: httpx.Headers
    text: str


@dataclass
class Connection:
    """Sends requests as the kubeconfig's user, as nobody, or with another bearer token."""

    admin: httpx.Client
    bare: httpx.Client

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        content: str | None,
        user: str = "admin",
        events: int = 0,
    ) -> Reply:
        """Send one request; with `events`, read a watch until that many have come."""
        client = self.admin if user == "admin" else self.bare
        if user not in ("admin", "anonymous"):
            headers = {**headers, "Authorization": f"Bearer {user}"}
        request = client.build_request(method, url, headers=headers, content=content)
        reply = client.send(request, stream=True)
        try:
            text = _read_events(reply, events) if events else reply.read().decode()
        finally:
            reply.close()
        return Reply(reply.status_code, reply.headers, text)


@contextmanager
def connect(kubeconfig: Path) -> Iterator[Connection]:
    """Open a connection to the current context's cluster."""
    config = yaml.safe_load(kubeconfig.read_text("utf-8"))
    cluster, user = _current(config)
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    base = {"base_url": cluster["server"], "timeout": TIMEOUT, "trust_env": False}
    with (
        httpx.Client(verify=_tls(cluster, user), headers=headers, **base) as admin,
        httpx.Client(verify=_tls(cluster, {}), **base) as bare,
    ):
        yield Connection(admin, bare)


def _read_events(reply: httpx.Response, count: int) -> str:
    """Return a JSON list of at most `count` events, or the body when it is no watch."""
    if reply.status_code != httpx.codes.OK:
        return reply.read().decode()
    found: list[Any] = []
    for line in reply.iter_lines():
        if line.strip():
            found.append(json.loads(line))
        if len(found) >= count:
            break
    return json.dumps(found)


def _current(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    def named(kind: str, name: str) -> dict[str, Any]:
        body: dict[str, Any] = next(e for e in config[f"{kind}s"] if e["name"] == name)[kind]
        return body

    context = named("context", config["current-context"])
    return named("cluster", context["cluster"]), named("user", context["user"])


def _tls(cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext | bool:
    if not cluster["server"].startswith("https:"):
        return False
    context = ssl.create_default_context(cadata=_pem(cluster, "certificate-authority"))
    if "client-certificate-data" in user or "client-certificate" in user:
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder, "crt"), Path(folder, "key")
            certificate.write_text(_pem(user, "client-certificate"))
            key.write_text(_pem(user, "client-key"))
            context.load_cert_chain(certificate, key)
    return context


def _pem(entry: dict[str, Any], name: str) -> str:
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"]).decode()
    return Path(entry[name]).read_text("utf-8")
