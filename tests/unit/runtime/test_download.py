"""Downloads from a real HTTP server that misbehaves on demand."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.download import DownloadLimits, download
from lockstep_runtime.storage.source import HttpSource, parse_uri

DATA = bytes(range(256)) * 4096
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()
LIMITS = DownloadLimits(
    max_bytes=len(DATA), attempts=3, backoff=0.01, read_timeout=2, connect_timeout=2
)


class Store(BaseHTTPRequestHandler):
    """Answers by path; counts what it was asked."""

    asked: dict[str, int]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        count = self.asked[path] = self.asked.get(path, 0) + 1
        if path.startswith("/status/"):
            self._answer(int(path.rpartition("/")[2].partition(".")[0]))
        elif path == "/redirect":
            self._answer(302, location="/plain.skops")
        elif path == "/loop":
            self._answer(302, location="/loop")
        elif path == "/downgrade":
            self._answer(302, location="ftp://host/model.skops")
        elif path == "/second-try.skops" and count == 1:
            self._answer(503)
        elif (path == "/cut-once.skops" and count == 1) or path == "/always-cut.skops":
            self._cut()
        elif path == "/compressed.skops":
            self._answer(200, DATA, **{"content-encoding": "gzip"})
        elif path == "/no-length.skops":
            self._answer(200, DATA, length=False)
        else:
            self._answer(200, DATA)

    def _answer(
        self, status: int, data: bytes = b"", *, length: bool = True, **headers: str
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length:
            self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[:1000])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[str]:
    handler = type("FreshStore", (Store,), {"asked": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def get(url: str, target: Path, limits: DownloadLimits = LIMITS) -> str:
    source = parse_uri(url)
    assert isinstance(source, HttpSource)
    return download(source, target / "file", limits)


def reason(url: str, target: Path, limits: DownloadLimits = LIMITS) -> str:
    with pytest.raises(FetchFailure) as caught:
        get(url, target, limits)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    "path", ["plain.skops", "redirect", "second-try.skops", "cut-once.skops", "no-length.skops"]
)
def test_a_download(store: str, tmp_path: Path, path: str) -> None:
    assert get(f"{store}/{path}", tmp_path) == DIGEST
    assert (tmp_path / "file").read_bytes() == DATA


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("status/404.skops", "404 Not Found"),
        ("status/403.skops?token=secret", "403 Forbidden"),
        ("status/204.skops", "204 No Content"),
        ("status/500.skops", "500 Internal Server Error (tried 3 times)"),
        ("loop", "redirect"),
        ("downgrade", "ftp"),
        ("always-cut.skops", "(tried 3 times)"),
        ("compressed.skops", "comes compressed"),
    ],
)
def test_a_download_that_fails(store: str, tmp_path: Path, path: str, words: str) -> None:
    text = reason(f"{store}/{path}", tmp_path)
    assert words in text
    assert "secret" not in text


@pytest.mark.parametrize("path", ["plain.skops", "no-length.skops"])
def test_a_download_over_the_limit(store: str, tmp_path: Path, path: str) -> None:
    small = DownloadLimits(max_bytes=len(DATA) - 1)
    assert "larger than the limit" in reason(f"{store}/{path}", tmp_path, small)


def test_a_download_that_takes_too_long(store: str, tmp_path: Path) -> None:
    slow = DownloadLimits(max_bytes=len(DATA), total_timeout=0)
    assert "took over 0 s" in reason(f"{store}/plain.skops", tmp_path, slow)


def test_nobody_listens(tmp_path: Path) -> None:
    text = reason("http://127.0.0.1:9/model.skops", tmp_path)
    assert "http://127.0.0.1:9/model.skops" in text
    assert "(tried 3 times)" in text
