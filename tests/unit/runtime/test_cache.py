"""The cache of a node: by digest, verified, whole or not at all, within its size."""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.cache import ModelCache
from lockstep_runtime.storage.fetch import FetchRequest, fetch

DATA = b"a model"
HEX = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "tree" / "sub").mkdir(parents=True)
    (folder / "model.skops").write_bytes(DATA)
    (folder / "golden.json").write_text("[]")
    (folder / "tree" / "a.bin").write_bytes(b"a")
    (folder / "tree" / "sub" / "b.bin").write_bytes(b"b")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> ModelCache:
    return ModelCache(tmp_path / "cache", 1000)


@pytest.fixture
def request_(source: Path, tmp_path: Path, cache: ModelCache) -> FetchRequest:
    uri = (source / "model.skops").as_uri()
    return FetchRequest(uri, tmp_path / "1", sha256=HEX, cache=cache)


def again(request: FetchRequest, number: int) -> FetchRequest:
    """The same request by another pod."""
    return replace(request, into=request.into.with_name(str(number)))


def entries(cache: ModelCache) -> list[Path]:
    return sorted(cache.root.iterdir())


def test_a_pinned_file_comes_from_the_cache(request_: FetchRequest, source: Path) -> None:
    fetch(request_)
    shutil.rmtree(source)
    second = again(request_, 2)
    assert fetch(second).digest == f"sha256:{HEX}"
    assert (second.into / "content" / "model.skops").read_bytes() == DATA
    assert (second.into / "golden.json").read_text() == "[]"
    assert not (second.into / ".incoming").exists()


def test_an_observed_tree_comes_from_the_cache(
    source: Path, tmp_path: Path, cache: ModelCache
) -> None:
    observed = tmp_path / "observed"
    request = FetchRequest(
        (source / "tree").as_uri(), tmp_path / "1", observed_dir=observed, cache=cache
    )
    digest = fetch(request).digest
    observed.mkdir()
    (observed / "digest").write_text(digest)
    shutil.rmtree(source)
    # A tree is its digest, whatever it was called.
    second = replace(again(request, 2), uri="file:///elsewhere")
    assert fetch(second).digest == digest
    assert (second.into / "content" / "sub" / "b.bin").read_bytes() == b"b"


def test_an_archive_is_kept_as_it_came(source: Path, tmp_path: Path, cache: ModelCache) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "model"), "zip", source / "tree"))
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    request = FetchRequest(archive.as_uri(), tmp_path / "1", sha256=sha256, cache=cache)
    first = fetch(request)
    archive.unlink()
    second = again(request, 2)
    assert fetch(second) == first
    assert (second.into / "content" / "sub" / "b.bin").read_bytes() == b"b"


def test_without_a_known_digest_the_source_is_asked(request_: FetchRequest, source: Path) -> None:
    request = replace(request_, sha256=None)
    fetch(request)
    (source / "model.skops").write_bytes(b"another model")
    assert fetch(again(request, 2)).digest != f"sha256:{HEX}"


def test_a_file_of_another_uri_is_not_taken(request_: FetchRequest, source: Path) -> None:
    # Its name decides how it is loaded, and other golden requests may lie beside it.
    fetch(request_)
    other = source / "other" / "model.pkl"
    other.parent.mkdir()
    other.write_bytes(DATA)
    second = replace(again(request_, 2), uri=other.as_uri())
    fetch(second)
    assert [path.name for path in (second.into / "content").iterdir()] == ["model.pkl"]
    assert not (second.into / "golden.json").exists()


def test_a_damaged_entry_is_fetched_anew(
    request_: FetchRequest, cache: ModelCache, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(request_)
    shutil.rmtree(request_.into)
    (entry,) = entries(cache)
    file = entry / "content" / "model.skops"
    file.unlink()
    file.write_bytes(b"damage!")
    (entry / "golden.json").unlink()
    (entry / "golden.json").write_text("damage")
    second = again(request_, 2)
    assert fetch(second).digest == f"sha256:{HEX}"
    assert (second.into / "golden.json").read_text() == "[]"
    assert "was damaged and is gone" in str([vars(record) for record in caplog.records])
    assert file.read_bytes() == DATA
    file.parent.rename(entry / "elsewhere")
    assert fetch(again(request_, 3)).digest == f"sha256:{HEX}"


def test_links_in_an_entry_are_not_followed(
    request_: FetchRequest, cache: ModelCache, tmp_path: Path
) -> None:
    fetch(request_)
    (entry,) = entries(cache)
    (tmp_path / "secret").write_bytes(b"secret")
    (entry / "content" / "link").symlink_to(tmp_path / "secret")
    second = again(request_, 2)
    fetch(second)
    assert [path.name for path in (second.into / "content").iterdir()] == ["model.skops"]


def test_bytes_that_are_refused_are_not_kept(request_: FetchRequest, cache: ModelCache) -> None:
    with pytest.raises(FetchFailure, match="digest mismatch"):
        fetch(replace(request_, sha256="0" * 64))
    assert not cache.root.exists()


def test_the_longest_unused_goes_first(source: Path, tmp_path: Path, cache: ModelCache) -> None:
    requests = []
    for number in range(3):
        path = source / f"{number}" / "model.skops"
        path.parent.mkdir()
        path.write_bytes(bytes([number]) * 400)
        requests.append(
            FetchRequest(
                path.as_uri(),
                tmp_path / f"into{number}",
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                cache=cache,
            )
        )
    fetch(requests[0])
    fetch(requests[1])
    now = time.time()
    for age, request in ((20, requests[0]), (10, requests[1])):
        (entry,) = (path for path in entries(cache) if path.name.startswith(str(request.sha256)))
        os.utime(entry, (now - age, now - age))
    fetch(replace(requests[0], into=tmp_path / "used"))  # now the second is the older one
    fetch(requests[2])
    kept = {path.name[:64] for path in entries(cache)}
    assert kept == {requests[0].sha256, requests[2].sha256}


def test_a_model_larger_than_the_cache(request_: FetchRequest, cache: ModelCache) -> None:
    fetch(replace(request_, cache=replace(cache, max_bytes=len(DATA) - 1)))
    assert entries(cache) == []


def test_a_cache_that_cannot_be_written_fails_nothing(
    request_: FetchRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    request = replace(request_, cache=ModelCache(tmp_path / "file" / "cache", 1000))
    assert fetch(request).digest == f"sha256:{HEX}"
    assert "the cache is of no use for this" in caplog.text


def test_what_killed_pods_left_is_removed(request_: FetchRequest, cache: ModelCache) -> None:
    old, young, going = (cache.root / name for name in (".coming-1", ".coming-2", ".going-1"))
    for path in (old, young, going):
        path.mkdir(parents=True)
    os.utime(old, (0, 0))
    fetch(request_)
    assert [path.name for path in entries(cache) if path.name.startswith(".")] == [young.name]


def test_many_pods_at_once(source: Path, tmp_path: Path) -> None:
    """Room for one of two models only: they throw each other's out while others read it."""
    code = (
        "import sys; from pathlib import Path; import shutil\n"
        "from lockstep_runtime.storage.fetch import FetchRequest, fetch\n"
        "from lockstep_runtime.storage.cache import ModelCache\n"
        "cache = ModelCache(Path(sys.argv[1]), 3_000_000)\n"
        "for turn in range(12):\n"
        "    uri, sha256 = sys.argv[3 + turn % 2].split('#')\n"
        "    into = Path(sys.argv[2], str(turn))\n"
        "    assert fetch(FetchRequest(uri, into, sha256=sha256, cache=cache))\n"
        "    shutil.rmtree(into)\n"
    )
    models = []
    for number in range(2):
        path = source / f"{number}.skops"
        path.write_bytes(bytes([number]) * 2_000_000)
        models.append(f"{path.as_uri()}#{hashlib.sha256(path.read_bytes()).hexdigest()}")
    pods = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path / "cache", tmp_path / f"pod{number}", *models],
            stderr=subprocess.PIPE,
        )
        for number in range(3)
    ]
    for pod in pods:
        _, errors = pod.communicate(timeout=60)
        assert pod.returncode == 0, errors.decode()
    left = [path.name for path in (tmp_path / "cache").iterdir()]
    assert all(not name.startswith(".") for name in left)
    assert 1 <= len(left) <= 2


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
