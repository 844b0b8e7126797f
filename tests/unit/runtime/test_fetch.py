"""Fetching from a file system: verified, all or nothing, and not twice."""

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lockstep_runtime.errors import FetchFailure, LoadFailure
from lockstep_runtime.storage.fetch import FetchRequest
from lockstep_runtime.storage.fetch import fetch as fetch_model
from lockstep_runtime.storage.manifest import verify
from lockstep_runtime.storage.source import SourceOptions, source_for

DATA = b"a model"
HEX = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "model.skops"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


@pytest.fixture
def request_(source: Path, tmp_path: Path) -> FetchRequest:
    return FetchRequest(source.as_uri(), tmp_path / "into")


def fetch(request: FetchRequest) -> str:
    return fetch_model(request).digest


def reason(request: FetchRequest) -> str:
    with pytest.raises(FetchFailure) as caught:
        fetch(request)
    return str(caught.value)


def nothing_is_left(into: Path) -> bool:
    return not into.exists() or not any(into.iterdir())


def test_a_file(request_: FetchRequest) -> None:
    assert fetch(replace(request_, sha256=HEX)) == f"sha256:{HEX}"
    assert (request_.into / "content" / "model.skops").read_bytes() == DATA
    manifest = json.loads((request_.into / "manifest.json").read_text())
    assert manifest["digest"] == f"sha256:{HEX}"
    assert verify(request_.into).source == request_.uri
    assert sorted(path.name for path in request_.into.iterdir()) == ["content", "manifest.json"]


def test_a_directory_has_the_digest_that_coreutils_print(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    for name in ("b.txt", "a/z.bin", "a/ä space.bin", "B"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "empty").mkdir()
    command = (
        "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
    )
    printed = subprocess.run(
        ["bash", "-c", command], cwd=root, check=True, capture_output=True, text=True
    )
    request = FetchRequest(root.as_uri(), tmp_path / "into")
    assert fetch(request) == "sha256:" + printed.stdout.split()[0]
    assert (request.into / "content" / "a" / "z.bin").read_text() == "a/z.bin"
    assert verify(request.into).directory


def test_a_wrong_sha256_is_refused_and_never_loaded(request_: FetchRequest) -> None:
    text = reason(replace(request_, sha256="0" * 64))
    assert "digest mismatch" in text
    assert HEX in text
    assert "0" * 64 in text
    with pytest.raises(LoadFailure, match=r"manifest\.json is missing"):
        verify(request_.into)


def test_the_observed_digest_must_be_met(request_: FetchRequest, tmp_path: Path) -> None:
    observed = tmp_path / "observed"
    request = replace(request_, observed_dir=observed)
    fetch(request)  # the folder is optional
    observed.mkdir()
    fetch(request)  # and empty before the first pod has reported
    (observed / "digest").write_text(f"sha256:{HEX}\n")
    fetch(request)
    (observed / "digest").write_text("sha256:" + "1" * 64)
    assert "have changed" in reason(request)
    (observed / "digest").write_text("latest")
    assert "holds no digest" in reason(request)


def test_a_filled_directory_needs_no_source(request_: FetchRequest, source: Path) -> None:
    first = fetch(request_)
    source.unlink()
    assert fetch(request_) == first


def test_a_damaged_directory_is_fetched_again(request_: FetchRequest) -> None:
    fetch(request_)
    (request_.into / "content" / "model.skops").write_bytes(b"damaged")
    assert fetch(request_) == f"sha256:{HEX}"
    (request_.into / "manifest.json").write_text("{")
    assert fetch(request_) == f"sha256:{HEX}"
    assert verify(request_.into).digest == f"sha256:{HEX}"


def test_another_uri_is_another_model(request_: FetchRequest, source: Path) -> None:
    fetch(request_)
    other = source.with_name("other.skops")
    other.write_bytes(b"another model")
    assert fetch(replace(request_, uri=other.as_uri())) != f"sha256:{HEX}"
    names = [path.name for path in (request_.into / "content").iterdir()]
    assert names == ["other.skops"]


def test_an_interrupted_fetch_leaves_no_model(request_: FetchRequest) -> None:
    half = request_.into / ".incoming" / "half.skops"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    with pytest.raises(LoadFailure, match="missing"):
        verify(request_.into)
    fetch(request_)
    assert not half.exists()


def test_changed_bytes_are_noticed_before_loading(request_: FetchRequest) -> None:
    fetch(request_)
    (request_.into / "content" / "model.skops").write_bytes(b"changed")
    with pytest.raises(LoadFailure, match="was changed after it was fetched"):
        verify(request_.into)
    (request_.into / "content" / "more").touch()
    with pytest.raises(LoadFailure, match="must hold one file, it holds 2"):
        verify(request_.into)


def test_size_limits(request_: FetchRequest) -> None:
    fetch(replace(request_, max_bytes=len(DATA)))
    small = replace(request_, max_bytes=len(DATA) - 1, into=request_.into / "2")
    assert "larger than the limit of 6 bytes" in reason(small)
    assert nothing_is_left(small.into)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("model.skops", "no scheme"),
        ("ftp://host/model", "scheme 'ftp' is not supported"),
        ("file://models/model.skops", "three slashes"),
        ("file:model.skops", "three slashes"),
        ("file:///no/such/file", "no such file or directory"),
        ("file:///dev/null", "no regular file"),
        ("http:///model.skops", "names no host"),
        ("http://host", "no usable file name"),
        ("http://host/", "no usable file name"),
        ("http://host/%2e%2e", "no usable file name"),
        ("http://[host/model", "malformed"),
        ("pvc:///model.skops", "no name of a PersistentVolumeClaim"),
        ("pvc://claim/../other", "must not contain '..'"),
        ("pvc://claim/%2e%2e/other", "must not contain '..'"),
        ("pvc://claim/model.skops", "needs --pvc-root"),
    ],
)
def test_bad_uris(tmp_path: Path, uri: str, words: str) -> None:
    assert words in reason(FetchRequest(uri, tmp_path / "into"))
    assert nothing_is_left(tmp_path / "into")


def test_a_claim(tmp_path: Path) -> None:
    mount = tmp_path / "pvc" / "models"
    (mount / "wine").mkdir(parents=True)
    (mount / "wine" / "model.skops").write_bytes(DATA)
    request = FetchRequest(
        "pvc://models/wine/model.skops", tmp_path / "into", pvc_root=tmp_path / "pvc"
    )
    assert fetch(request) == f"sha256:{HEX}"
    assert fetch(replace(request, uri="pvc://models/wine")).startswith("sha256:")
    assert fetch(replace(request, uri="pvc://models")).startswith("sha256:")
    assert "not mounted" in reason(replace(request, uri="pvc://others/wine"))


def test_a_link_may_not_leave_the_claim(tmp_path: Path) -> None:
    mount = tmp_path / "pvc" / "models"
    mount.mkdir(parents=True)
    (tmp_path / "secret.skops").write_bytes(b"secret")
    (mount / "model.skops").symlink_to(tmp_path / "secret.skops")
    for uri in ("pvc://models/model.skops", "pvc://models"):
        request = FetchRequest(uri, tmp_path / "into", pvc_root=tmp_path / "pvc")
        assert "leaves the claim" in reason(request)
    (mount / "inside.skops").write_bytes(DATA)
    (mount / "model.skops").unlink()
    (mount / "model.skops").symlink_to(mount / "inside.skops")
    request = replace(request, uri="pvc://models/model.skops")
    assert fetch(request) == f"sha256:{HEX}"


def test_directories_that_are_no_model(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    request = FetchRequest(root.as_uri(), tmp_path / "into")
    assert "holds no file" in reason(request)
    (root / "model.skops").write_bytes(DATA)
    (root / "loop").symlink_to(root)
    assert "link to a folder" in reason(request)
    (root / "loop").unlink()
    (root / "gone").symlink_to(root / "nowhere")
    assert "gone" in reason(request)
    (root / "gone").unlink()
    (root / "new\nline").touch()
    assert "control" in reason(request)


def test_kubernetes_own_links_do_not_count(tmp_path: Path) -> None:
    root = tmp_path / "projected"
    (root / "..2026").mkdir(parents=True)
    (root / "..2026" / "model.skops").write_bytes(DATA)
    (root / "..data").symlink_to(root / "..2026")
    (root / "model.skops").symlink_to(root / "..data" / "model.skops")
    request = FetchRequest(root.as_uri(), tmp_path / "into")
    fetch(request)
    assert [path.name for path in (request.into / "content").rglob("*")] == ["model.skops"]


def test_credentials_are_not_shown() -> None:
    source = source_for("https://user:word@host:8443/m/model.skops?token=secret", SourceOptions())
    assert source.display == "https://host:8443/m/model.skops?…"
