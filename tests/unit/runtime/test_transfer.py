"""Bringing many files: bounded, all or nothing, and told in the log."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Lock

import pytest

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.progress import Progress
from lockstep_runtime.storage.redaction import redact, scrub
from lockstep_runtime.storage.source import (
    SourceFile,
    SourceOptions,
    Stream,
    Transient,
    source_for,
)
from lockstep_runtime.storage.transfer import Transfer

LIMITS = TransferLimits(max_bytes=1000, max_files=20, attempts=2, backoff=0, connections=3)


class Origin:
    """Files in memory; counts how many are open at a time."""

    def __init__(self, **files: bytes) -> None:
        self.files = files
        self.open = self.most_open = 0
        self.meet: Barrier | None = None
        self.opened = 0
        self.broken = Event()
        self.lock = Lock()

    def all(self) -> list[SourceFile]:
        return [
            SourceFile(name, name, lambda offset, mark, name=name: self._open(name), len(data))
            for name, data in self.files.items()
        ]

    @contextmanager
    def _open(self, name: str) -> Iterator[Stream]:
        with self.lock:
            self.open += 1
            self.opened += 1
            self.most_open = max(self.most_open, self.open)
        yield Stream(self._chunks(name))
        with self.lock:
            self.open -= 1

    def _chunks(self, name: str) -> Iterator[bytes]:
        if self.meet:
            self.meet.wait(20)
        if name == "bad":
            self.broken.set()
            raise Transient("it breaks off")
        if "bad" in self.files:
            assert self.broken.wait(20)
        yield self.files[name]


def run(origin: Origin, root: Path, limits: TransferLimits = LIMITS) -> dict[str, str]:
    return Transfer(origin.all(), "the model", limits).run(root)


def test_files_come_at_the_same_time_but_not_too_many(tmp_path: Path) -> None:
    origin = Origin(**{f"f{number}": bytes([number]) for number in range(12)})
    origin.meet = Barrier(3)  # nobody goes on before three are there
    digests = run(origin, tmp_path)
    assert list(digests) == list(origin.files)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == origin.files
    assert origin.most_open == 3


def test_one_that_fails_ends_the_others(tmp_path: Path) -> None:
    origin = Origin(bad=b"x", **{f"f{number}": b"ab" for number in range(100)})
    limits = TransferLimits(attempts=1, connections=2)
    with pytest.raises(FetchFailure, match=r"cannot fetch bad: it breaks off \(tried 1 times\)"):
        run(origin, tmp_path, limits)
    assert origin.opened < len(origin.files)


@pytest.mark.parametrize(
    "name", ["../f", "/f", "a/../f", "a//f", "a/./f", "", "a/", "a\\f", "a\nf", "a\udcff"]
)
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(FetchFailure, match="the model: "):
        run(Origin(**{name: b"x", "other": b"y"}), tmp_path / "root")
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "root"])


def test_a_file_where_a_folder_must_be(tmp_path: Path) -> None:
    with pytest.raises(FetchFailure, match="cannot store"):
        run(Origin(**{"a": b"x", "a/b": b"y"}), tmp_path)


def test_limits(tmp_path: Path) -> None:
    with pytest.raises(FetchFailure, match="larger than the limit of 1000 bytes"):
        run(Origin(a=bytes(600), b=bytes(600)), tmp_path)
    assert not any(tmp_path.iterdir())  # the listing said so before
    with pytest.raises(FetchFailure, match="more than 20 files"):
        run(Origin(**{f"f{number}": b"" for number in range(21)}), tmp_path)
    with pytest.raises(FetchFailure, match="took over 0 s"):
        run(Origin(a=b"x"), tmp_path, TransferLimits(total_timeout=0))


def test_progress(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    progress = Progress("s3://models/wine", total=100, files=2, interval=0)
    progress.add(40)
    progress.file_done()
    progress.add(60)
    progress.file_done()
    progress.finish()
    told = [(record.getMessage(), vars(record)["fields"]) for record in caplog.records]
    assert [message for message, _ in told] == ["fetching", "fetching", "fetched"]
    first, last = told[0][1], told[-1][1]
    assert (first["what"], first["bytes"], first["total"]) == ("s3://models/wine", 40, 100)
    assert (last["bytes"], last["files"], last["files_total"]) == (100, 2, 2)
    assert last["bytes_per_second"] > 0


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("GET https://user:word@host/m?X-Sig=ab&y=1 failed", "GET https://host/m?… failed"),
        ("see http://host/m and http://host/n?a=b.", "see http://host/m and http://host/n?…"),
        ("header Authorization: Bearer abc.DEF-123456", "header Authorization: Bearer …"),
        ("which one? this=that", "which one? this=that"),
        (
            "oci://registry/m@sha256:12 and hf://o/r@main",
            "oci://registry/m@sha256:12 and hf://o/r@main",
        ),
    ],
)
def test_scrubbing(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed


def test_values_of_secret_variables_are_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "long-enough-a-value")
    monkeypatch.setenv("HF_TOKEN", "short")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token")
    text = "with long-enough-a-value: short is no secret, /var/run/secrets/token neither"
    assert scrub(text) == text.replace("long-enough-a-value", "…")


def test_redacting() -> None:
    assert redact("https://user:word@host/m?sig=1") == "https://host/m?…"
    assert redact("mlflow://wine@champion") == "mlflow://wine@champion"


@pytest.mark.parametrize(
    ("uri", "package", "extra"),
    [
        ("s3://bucket/m", "obstore", "cloud"),
        ("gs://bucket/m", "obstore", "cloud"),
        ("az://bucket/m", "obstore", "cloud"),
        ("hf://org/m", "huggingface_hub", "hf"),
        ("oci://registry/m:v1", "oras", "oci"),
        ("mlflow://m/1", "mlflow", "mlflow"),
    ],
)
def test_an_image_without_the_library(
    monkeypatch: pytest.MonkeyPatch, uri: str, package: str, extra: str
) -> None:
    for name in [name for name in sys.modules if name.startswith("lockstep_runtime.storage.")]:
        if name.rpartition(".")[2] in (
            "s3",
            "gs",
            "az",
            "hf",
            "oci",
            "mlflow",
            "objects",
            "registry",
        ):
            monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FetchFailure) as caught:
        source_for(uri, SourceOptions())
    assert f"install lockstep-serving[{extra}]" in str(caught.value)
