"""The Hugging Face hub: a server on loopback with what its library asks for.

From the hub's API documents: `GET /api/models/{repository}/revision/{revision}?blobs=true` and
`GET /{repository}/resolve/{commit}/{path}`, which redirects for large files.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import huggingface_hub
import huggingface_hub.constants
import pytest

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.fetch import FetchRequest, fetch

LARGE = bytes(range(256)) * 4000
FILES = {
    ".gitattributes": b"* lfs",
    "model.skops": LARGE,
    "golden.json": b"[]",
    "onnx/model.onnx": b"onnx",
    "onnx/ä b.json": b"{}",
}
OLD, NEW = "1" * 40, "2" * 40
TOKEN = "hf_aSecretTokenOfTheHub"


class Hub(BaseHTTPRequestHandler):
    commits: dict[str, str]
    files: dict[str, bytes]
    private: bool
    failing: int
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        cls = type(self)
        cls.seen.append((path, self.headers["authorization"]))
        if cls.failing:
            cls.failing -= 1
            self._answer(503)
        elif path.startswith("/cdn/"):
            self._answer(200, cls.files[path.removeprefix("/cdn/")])
        elif cls.private and self.headers["authorization"] != f"Bearer {TOKEN}":
            self._answer(401, **{"X-Error-Code": "RepoNotFound"})
        elif path.startswith("/api/models/org/wine/revision/"):
            self._info(path.removeprefix("/api/models/org/wine/revision/"))
        elif path.startswith("/org/wine/resolve/"):
            self._file(path.removeprefix("/org/wine/resolve/"))
        else:
            self._answer(404, **{"X-Error-Code": "RepoNotFound"})

    def _info(self, revision: str) -> None:
        commit = type(self).commits.get(revision)
        if commit is None:
            self._answer(404, **{"X-Error-Code": "RevisionNotFound"})
            return
        siblings = [
            {"rfilename": name, "size": len(data), "blobId": "0", **self._lfs(data)}
            for name, data in type(self).files.items()
        ]
        info = {"id": "org/wine", "sha": commit, "siblings": siblings}
        self._answer(200, json.dumps(info).encode(), **{"content-type": "application/json"})

    @staticmethod
    def _lfs(data: bytes) -> dict[str, object]:
        if len(data) < 1000:
            return {}
        sha256 = hashlib.sha256(LARGE).hexdigest()
        return {"lfs": {"sha256": sha256, "size": len(data), "pointerSize": 130}}

    def _file(self, path: str) -> None:
        commit, _, name = path.partition("/")
        assert commit in type(self).commits.values()
        if len(type(self).files[name]) > 1000:
            port = self.server.server_address[1]
            self._answer(302, location=f"http://localhost:{port}/cdn/{name}")
        else:
            self._answer(200, type(self).files[name])

    def _answer(self, status: int, data: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    commits = {"main": OLD, OLD: OLD, "refs/pr/1": NEW, NEW: NEW}
    state = {"commits": commits, "files": dict(FILES), "private": False, "failing": 0, "seen": []}
    handler = type("FreshHub", (Hub,), state)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    # HF_ENDPOINT is read when the library is imported; this is what it is kept in.
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def reason(request: FetchRequest) -> str:
    with pytest.raises(FetchFailure) as caught:
        fetch(request)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def names(into: Path) -> list[str]:
    content = into / "content"
    return sorted(
        path.relative_to(content).as_posix() for path in content.rglob("*") if path.is_file()
    )


@pytest.mark.usefixtures("hub")
def test_a_repository(tmp_path: Path) -> None:
    manifest = fetch(FetchRequest(f"hf://org/wine@{OLD}", tmp_path))
    assert names(tmp_path) == ["golden.json", "model.skops", "onnx/model.onnx", "onnx/ä b.json"]
    assert (manifest.directory, manifest.version) == (True, OLD)
    assert (tmp_path / "content" / "model.skops").read_bytes() == LARGE


@pytest.mark.usefixtures("hub")
def test_a_file_and_a_folder(tmp_path: Path) -> None:
    manifest = fetch(FetchRequest(f"hf://org/wine@{OLD}/model.skops", tmp_path / "1"))
    assert manifest.digest == "sha256:" + hashlib.sha256(LARGE).hexdigest()
    assert (tmp_path / "1" / "golden.json").read_bytes() == b"[]"
    fetch(FetchRequest(f"hf://org/wine@{OLD}/onnx", tmp_path / "2"))
    assert names(tmp_path / "2") == ["model.onnx", "ä b.json"]
    fetch(FetchRequest(f"hf://org/wine@{OLD}/onnx/model.onnx", tmp_path / "3"))
    assert not (tmp_path / "3" / "golden.json").exists()
    assert "no such file or folder" in reason(
        FetchRequest(f"hf://org/wine@{OLD}/o", tmp_path / "4")
    )


def test_a_branch_moves_and_a_revision_does_not(hub: type[Hub], tmp_path: Path) -> None:
    for uri, words in (("hf://org/wine", "'main'"), ("hf://org/wine@v1", "'v1'")):
        assert f"the revision {words} may stand for" in reason(FetchRequest(uri, tmp_path / "0"))
    observed = tmp_path / "observed"
    uri = "hf://org/wine/model.skops"
    first = fetch(FetchRequest(uri, tmp_path / "1", allow_mutable=True))
    assert first.version == OLD
    hub.commits["main"] = NEW
    observed.mkdir()
    (observed / "digest").write_text(first.digest)
    (observed / "version").write_text(OLD)
    second = FetchRequest(uri, tmp_path / "2", allow_mutable=True, observed_dir=observed)
    assert fetch(second).version == OLD
    assert fetch(FetchRequest(uri, tmp_path / "3", allow_mutable=True)).version == NEW


@pytest.mark.usefixtures("hub")
def test_a_revision_with_a_slash(tmp_path: Path) -> None:
    request = FetchRequest("hf://org/wine@refs%2Fpr%2F1/onnx", tmp_path, allow_mutable=True)
    assert fetch(request).version == NEW


def test_a_token_goes_to_the_hub_only(
    hub: type[Hub],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    hub.private = True
    request = FetchRequest(f"hf://org/wine@{OLD}/model.skops", tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    assert "401" in reason(request)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch(request)
    (other,) = (sent for path, sent in hub.seen if path.startswith("/cdn/"))
    assert other is None
    assert TOKEN not in str([vars(record) for record in caplog.records])


def test_bytes_that_are_not_the_commits(hub: type[Hub], tmp_path: Path) -> None:
    hub.files["model.skops"] = bytes(len(LARGE))
    assert "came damaged" in reason(FetchRequest(f"hf://org/wine@{OLD}/model.skops", tmp_path))


def test_a_hub_that_fails_for_a_moment(hub: type[Hub], tmp_path: Path) -> None:
    hub.failing = 1
    fetch(FetchRequest(f"hf://org/wine@{OLD}/onnx", tmp_path))
    assert names(tmp_path) == ["model.onnx", "ä b.json"]


@pytest.mark.usefixtures("hub")
def test_what_is_not_there(tmp_path: Path) -> None:
    assert "404" in reason(FetchRequest(f"hf://org/none@{OLD}", tmp_path))
    assert "404" in reason(FetchRequest("hf://org/wine@none", tmp_path, allow_mutable=True))


@pytest.mark.parametrize("uri", ["hf://wine", "hf://org/wine?x=1", "hf://org/@main"])
def test_malformed(tmp_path: Path, uri: str) -> None:
    assert "it must be hf://ORG/REPOSITORY@REVISION" in reason(FetchRequest(uri, tmp_path))
