"""An object store on loopback: what clients of GCS (XML API) and of Azure Blob Storage read with.

Written from the public documents: "XML API: List Objects v2, GET and HEAD Object" of Google Cloud
Storage and "List Blobs, Get Blob, Get Blob Properties" of Azure. It breaks off and denies on
demand.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


@dataclass
class Objects:
    """The bucket `models`: its objects, and what goes wrong.

    `cuts`: how many bytes of an object come before the connection breaks, each time.
    `page`: how many objects a page of a listing has.
    """

    objects: dict[str, bytes]
    cuts: dict[str, int] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    failing: int = 0
    page: int = 2
    url: str = ""
    ranges: list[tuple[str | None, str | None]] = field(default_factory=list)
    authorizations: set[str | None] = field(default_factory=set)


class _Handler(BaseHTTPRequestHandler):
    state: Objects

    def do_HEAD(self) -> None:
        self._object(body=False)

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if "list-type" in query or query.get("comp") == "list":
            self._list(query)
        else:
            self._object(body=True)

    def _object(self, *, body: bool) -> None:
        state = self.state
        state.authorizations.add(self.headers["authorization"])
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        data = state.objects.get(key)
        if key in state.denied:
            self._answer(403)
        elif state.failing:
            state.failing -= 1
            self._answer(500)
        elif bucket != "models" or data is None:
            self._answer(404)
        else:
            self._send(key, data, body=body)

    def _send(self, key: str, data: bytes, *, body: bool) -> None:
        etag = f'"{hashlib.md5(data).hexdigest()}"'  # noqa: S324 - as the real ones do
        if self.headers["if-match"] not in (None, etag):
            self._answer(412)
            return
        headers = {"etag": etag, "last-modified": _DATE, "x-ms-blob-type": "BlockBlob"}
        range_ = self.headers["range"] or self.headers["x-ms-range"]
        if body:
            self.state.ranges.append((range_, self.headers["if-match"]))
        start = 0
        if asked := re.fullmatch(r"bytes=(\d+)-\d*", range_ or ""):
            start = int(asked[1])
            headers["content-range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        cut = self.state.cuts.get(key) if body else None
        sent = data[start : start + cut] if cut else data[start:]
        self._answer(206 if start else 200, sent if body else b"", len(data) - start, **headers)

    def _list(self, query: dict[str, str]) -> None:
        prefix = query.get("prefix", "")
        names = sorted(name for name in self.state.objects if name.startswith(prefix))
        after = query.get("continuation-token") or query.get("marker") or ""
        rest = [name for name in names if name > after]
        page, more = rest[: self.state.page], len(rest) > self.state.page
        following = page[-1] if more else ""
        xml = _azure_page if query.get("comp") == "list" else _google_page
        text = xml({name: len(self.state.objects[name]) for name in page}, following)
        self._answer(200, text.encode(), **{"content-type": "application/xml"})

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


def _google_page(sizes: dict[str, int], following: str) -> str:
    contents = "".join(
        f"<Contents><Key>{escape(name)}</Key><Size>{size}</Size><ETag>&quot;x&quot;</ETag>"
        "<LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
        for name, size in sizes.items()
    )
    more = f"<NextContinuationToken>{escape(following)}</NextContinuationToken>"
    return (
        f"<ListBucketResult><Name>models</Name><IsTruncated>{str(bool(following)).lower()}"
        f"</IsTruncated>{more if following else ''}{contents}</ListBucketResult>"
    )


def _azure_page(sizes: dict[str, int], following: str) -> str:
    blobs = "".join(
        f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{_DATE}</Last-Modified>"
        f"<Etag>x</Etag><Content-Length>{size}</Content-Length>"
        "<Content-Type>application/octet-stream</Content-Type></Properties></Blob>"
        for name, size in sizes.items()
    )
    return (
        '<EnumerationResults ServiceEndpoint="http://127.0.0.1/" ContainerName="models">'
        f"<Blobs>{blobs}</Blobs><NextMarker>{escape(following)}</NextMarker></EnumerationResults>"
    )


@contextmanager
def serving(objects: Objects) -> Iterator[Objects]:
    """Serve until the end of the block; `url` is set."""
    handler = type("Handler", (_Handler,), {"state": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    objects.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield objects
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
