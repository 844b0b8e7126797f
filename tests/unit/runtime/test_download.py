"""Downloads from a real HTTP server that misbehaves on demand."""

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.bringing import bring
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.source import SourceOptions, source_for

DATA = bytes(range(256)) * 4096
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()
LIMITS = TransferLimits(
    max_bytes=len(DATA), attempts=3, backoff=0.01, read_timeout=2, connect_timeout=2
)
CUT = 300_000  # bytes that come before a connection breaks
WRITTEN = "Mon, 01 Jan 2024 00:00:00 GMT"
SOON, LATER = "Mon, 01 Jan 2024 00:00:30 GMT", "Mon, 01 Jan 2024 00:01:00 GMT"

REDIRECTS = {
    "/redirect": "/plain.skops",
    "/loop": "/loop",
    "/downgrade": "ftp://host/model.skops",
}


class Store(BaseHTTPRequestHandler):
    """Answers by path; keeps what it was asked."""

    asked: dict[str, int]
    ranges: list[tuple[str | None, str | None]]
    hang: Event

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        count = self.asked[path] = self.asked.get(path, 0) + 1
        self.ranges.append((self.headers["range"], self.headers["if-range"]))
        if path.startswith("/status/"):
            self._answer(int(path.rpartition("/")[2].partition(".")[0]))
        elif path in REDIRECTS:
            self._answer(302, location=REDIRECTS[path])
        elif path == "/second-try.skops" and count == 1:
            self._answer(503)
        elif (path == "/cut-once.skops" and count == 1) or path == "/always-cut.skops":
            self._cut()
        elif path == "/compressed.skops":
            self._answer(200, DATA, **{"content-encoding": "gzip"})
        elif path == "/no-length.skops":
            self._answer(200, DATA, length=False)
        elif path == "/hangs-once.skops" and count == 1:
            self._cut(etag='"v1"')
            self.hang.wait(20)
        elif path.startswith("/resume-"):
            self._resumable(path.removeprefix("/resume-").removesuffix(".skops"))
        else:
            self._answer(200, DATA)

    def _resumable(self, how: str) -> None:
        headers = {
            "date": {"date": LATER, "last-modified": WRITTEN},
            "fresh-date": {"date": SOON, "last-modified": WRITTEN},
            "weak": {"etag": 'W/"v1"'},
        }.get(how, {"etag": '"v1"'})
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["range"] or "")
        start = int(asked[1]) if asked else 0
        if start and how == "changed":
            self._answer(200, DATA, etag='"v2"')
        elif start and how == "other-range":
            self._part(start + 1, headers)
        elif start and how == "unsatisfiable":
            self._answer(416)
        elif start and how == "other-tag":
            self._part(start, {"etag": '"v2"'})
        else:
            self._part(start, headers, CUT if len(DATA) - start > CUT else None)

    def _part(self, start: int, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response_only(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        if start:
            self.send_header("content-range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        self.send_header("content-length", str(len(DATA) - start))
        self.end_headers()
        self.wfile.write(DATA[start : start + cut] if cut else DATA[start:])

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

    def _cut(self, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[:1000])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def handler() -> type[Store]:
    return type("FreshStore", (Store,), {"asked": {}, "ranges": [], "hang": Event()})


@pytest.fixture
def store(handler: type[Store]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    handler.hang.set()
    server.shutdown()
    server.server_close()
    thread.join()


def get(url: str, target: Path, limits: TransferLimits = LIMITS) -> str:
    source = source_for(url, SourceOptions(limits=limits))
    try:
        return bring(source, target, limits).digest
    finally:
        source.close()


def content(target: Path) -> bytes:
    (file,) = (target / "content").iterdir()
    return file.read_bytes()


def reason(url: str, target: Path, limits: TransferLimits = LIMITS) -> str:
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
    assert content(tmp_path) == DATA


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
    small = TransferLimits(max_bytes=len(DATA) - 1)
    assert "larger than the limit" in reason(f"{store}/{path}", tmp_path, small)


def test_a_download_that_takes_too_long(store: str, tmp_path: Path) -> None:
    slow = TransferLimits(max_bytes=len(DATA), total_timeout=0)
    assert "took over 0 s" in reason(f"{store}/plain.skops", tmp_path, slow)


def test_nobody_listens(tmp_path: Path) -> None:
    text = reason("http://127.0.0.1:9/model.skops", tmp_path)
    assert "http://127.0.0.1:9/model.skops" in text
    assert "(tried 3 times)" in text


@pytest.mark.parametrize(("how", "mark"), [("etag", '"v1"'), ("date", WRITTEN)])
def test_it_goes_on_where_it_broke_off(
    store: str, handler: type[Store], tmp_path: Path, how: str, mark: str
) -> None:
    limits = replace(LIMITS, attempts=2)  # each attempt gets further, so none of them counts
    assert get(f"{store}/resume-{how}.skops", tmp_path, limits) == DIGEST
    assert content(tmp_path) == DATA
    rest = [(f"bytes={start}-", mark) for start in range(CUT, len(DATA), CUT)]
    assert handler.ranges == [(None, None), *rest]


@pytest.mark.parametrize("how", ["weak", "fresh-date"])
def test_it_begins_anew_where_the_bytes_may_be_others(
    store: str, handler: type[Store], tmp_path: Path, how: str
) -> None:
    assert f"received {CUT} bytes" in reason(f"{store}/resume-{how}.skops", tmp_path)
    assert handler.ranges == [(None, None)] * LIMITS.attempts


@pytest.mark.parametrize("how", ["changed", "other-range", "other-tag", "unsatisfiable"])
def test_parts_of_two_files_are_never_joined(store: str, tmp_path: Path, how: str) -> None:
    url = f"{store}/resume-{how}.skops"
    if how == "changed":
        assert get(url, tmp_path) == DIGEST
        assert content(tmp_path) == DATA
    else:
        assert "(tried 3 times)" in reason(url, tmp_path)


def test_a_server_that_falls_silent(store: str, tmp_path: Path) -> None:
    limits = replace(LIMITS, read_timeout=0.2)
    assert get(f"{store}/hangs-once.skops", tmp_path, limits) == DIGEST


def test_credentials_in_the_address_are_in_no_message(
    store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "lockstep_runtime")
    address = store.replace("http://", "http://user:hidden-word@")
    request = FetchRequest(f"{address}/status/403.skops?sig=hidden-sign", tmp_path / "into")
    with pytest.raises(FetchFailure, match="403 Forbidden") as caught:
        fetch(request)
    assert caught.value.__cause__ is None
    told = "".join(str(vars(record)) for record in caplog.records)
    assert "Traceback" in told
    assert "hidden" not in f"{caught.value}{told}"
