"""An OCI registry on loopback: the pull and push parts of the distribution specification 1.1.

It breaks off, asks for credentials, and redirects to another server for blobs on demand.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD, TOKEN = "robot", "a-robots-word", "a-token-of-the-registry"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@dataclass
class RegistryState:
    """What is stored, and what goes wrong.

    `login`: "", "basic" or "token". `cut`: how many bytes of a blob come before the connection
    breaks, each time. `elsewhere`: blobs are redirected to this address.
    """

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    login: str = ""
    cut: int | None = None
    elsewhere: str = ""
    failing: int = 0
    host: str = ""
    asked: list[str] = field(default_factory=list)
    tokens: int = 0
    authorizations: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    state: RegistryState
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._read(body=False)

    def do_GET(self) -> None:
        self._read(body=True)

    def do_POST(self) -> None:
        self._drain()
        self._answer(202, location=f"{urlsplit(self.path).path}1")

    def do_PUT(self) -> None:
        data = self._drain()
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        if "/blobs/uploads/" in path:
            assert query["digest"] == [digest]
            self.state.blobs[digest] = data
        else:
            stored = (self.headers["content-type"], data)
            self.state.manifests |= {path.rpartition("/")[2]: stored, digest: stored}
        self._answer(201, location=path, **{"docker-content-digest": digest})

    def _read(self, *, body: bool) -> None:
        state, path = self.state, urlsplit(self.path).path
        state.asked.append(self.path)
        state.authorizations.append(self.headers["authorization"])
        if path == "/token":
            self._token()
        elif state.failing:
            state.failing -= 1
            self._answer(503)
        elif path.startswith("/blobs-elsewhere/"):
            self._blob(path, body=body)
        elif not self._may():
            self._challenge()
        elif "/manifests/" in path:
            media_type, data = state.manifests.get(path.rpartition("/")[2], ("", b""))
            self._answer(200 if data else 404, data, **{"content-type": media_type})
        elif state.elsewhere:
            self._answer(
                307, location=f"{state.elsewhere}/blobs-elsewhere/{path.rpartition('/')[2]}"
            )
        else:
            self._blob(path, body=body)

    def _may(self) -> bool:
        wanted = {"": None, "basic": BASIC, "token": f"Bearer {TOKEN}{self.state.tokens}"}
        return not self.state.login or self.headers["authorization"] == wanted[self.state.login]

    def _challenge(self) -> None:
        if self.state.login == "basic":
            self._answer(401, **{"www-authenticate": 'Basic realm="A registry"'})
            return
        realm = f'realm="http://{self.state.host}/token"'
        scope = 'service="registry",scope="repository:models/wine:pull"'
        self._answer(401, **{"www-authenticate": f"Bearer {realm},{scope}"})

    def _token(self) -> None:
        if self.headers["authorization"] != BASIC:
            self._answer(401)
            return
        self.state.tokens += 1
        self._answer(200, json.dumps({"token": f"{TOKEN}{self.state.tokens}"}).encode())

    def _blob(self, path: str, *, body: bool) -> None:
        data = self.state.blobs.get(path.rpartition("/")[2])
        if data is None:
            self._answer(404)
            return
        start, headers = 0, {}
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers["range"] or ""):
            start = int(asked[1])
            headers["content-range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        rest = data[start:]
        sent = rest[: self.state.cut] if self.state.cut else rest
        self._answer(206 if start else 200, sent if body else b"", len(rest), **headers)
        self.close_connection = len(sent) < len(rest)

    def _drain(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"] or 0))

    def _answer(
        self, status: int, data: bytes = b"", length: int | None = None, **headers: str
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def registry() -> Iterator[RegistryState]:
    """Serve until the end of the block; `host` is set."""
    state = RegistryState()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    state.host = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
