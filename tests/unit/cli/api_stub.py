"""The few URLs of an API server that the CLI uses, over plain HTTP, with faults on demand."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

Manifest = dict[str, Any]
GROUP_ROOT = "/apis/serving.lockstep.dev/v1alpha1/namespaces/shop"
LEASES = "/apis/coordination.k8s.io/v1/leases"
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
Answer = tuple[int, Manifest]


def failure(code: int, reason: str, message: str, name: str = "") -> Answer:
    """Return a Status answer as the API server gives it."""
    details = {"name": name} if name else {}
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason}
    return code, body | {"message": message, "details": details}


def merge(target: Manifest, patch: Manifest) -> None:
    """Apply a JSON merge patch (RFC 7386)."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


class ApiStub:
    """Objects by path. `faults`: called before each request; an answer from it is sent instead."""

    def __init__(self) -> None:
        self.objects: dict[str, Manifest] = {}
        self.leases: list[Manifest] | None = []
        self.user: str | None = "ada"
        self.patches: list[tuple[str, Manifest]] = []
        self.on_patch: Callable[[ApiStub], None] = lambda stub: None
        self.faults: Callable[[str, str], Answer | None] = lambda method, path: None

    def hold(self, parent: Manifest, children: list[Manifest]) -> None:
        """Serve a ModelDeployment and its revisions."""
        self.objects[f"{GROUP_ROOT}/modeldeployments/{parent['metadata']['name']}"] = parent
        for child in children:
            self.objects[f"{GROUP_ROOT}/modelrevisions/{child['metadata']['name']}"] = child

    def revision(self, name: str) -> Manifest:
        """Return a revision as it is now."""
        return self.objects[f"{GROUP_ROOT}/modelrevisions/{name}"]

    def parent(self, name: str = "churn") -> Manifest:
        """Return a ModelDeployment as it is now."""
        return self.objects[f"{GROUP_ROOT}/modeldeployments/{name}"]

    def answer(self, method: str, url: str, body: Manifest | None) -> Answer:
        """Answer one request."""
        path = urlsplit(url).path
        special = self.faults(method, path) or self._special(path)
        if special is not None:
            return special
        if path not in self.objects:
            name = path.rpartition("/")[2]
            return failure(404, "NotFound", f'modeldeployments "{name}" not found', name)
        if method == "PATCH":
            return self._patch(path, body or {})
        return 200, self.objects[path]

    def _special(self, path: str) -> Answer | None:
        if path == LEASES:
            denied = failure(403, "Forbidden", "leases is forbidden")
            return denied if self.leases is None else (200, {"items": self.leases})
        if path == REVIEW:
            status = {"userInfo": {"username": self.user}}
            return (201, {"status": status}) if self.user else failure(501, "", "no reviews")
        if path in (f"{GROUP_ROOT}/modelrevisions", f"{GROUP_ROOT}/modeldeployments"):
            items = [item for key, item in self.objects.items() if key.startswith(path + "/")]
            return 200, {"items": items}
        return None

    def _patch(self, path: str, body: Manifest) -> Answer:
        metadata = self.objects[path]["metadata"]
        if body["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            return failure(409, "Conflict", "the object has been modified")
        self.patches.append((path, body))
        merge(self.objects[path]["spec"], body["spec"])
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        self.on_patch(self)
        return 200, self.objects[path]


def _handler(stub: ApiStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            code, document = stub.answer(self.command, self.path, body)
            if code == 0:
                self.close_connection = True  # the answer is lost on the way
                return
            data = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_POST = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler


@contextmanager
def serving(stub: ApiStub, kubeconfig: Path) -> Iterator[None]:
    """Serve the stub and write a kubeconfig for it, whose context has the namespace `shop`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    write_kubeconfig(kubeconfig, f"http://127.0.0.1:{server.server_address[1]}")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write_kubeconfig(path: Path, server: str) -> None:
    """Write a kubeconfig for one server."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "kubeconfig-ada", "user": {"token": "x"}}],
        "contexts": [
            {
                "name": "here",
                "context": {"cluster": "here", "user": "kubeconfig-ada", "namespace": "shop"},
            }
        ],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
