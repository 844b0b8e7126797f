"""What a source of models is, and which module knows which scheme.

A source says which files there are and opens them; `storage.transfer` does the rest for all of
them: limits, retries, going on where it broke off, hashing, progress. One module per source in
`storage.sources`, imported only when used.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.redaction import redact

_SOURCES = "lockstep_runtime.storage.sources"
_MODULES = {
    "file": "local",
    "pvc": "local",
    "http": "http",
    "https": "http",
    "s3": "s3",
    "gs": "gs",
    "az": "az",
    "hf": "hf",
    "oci": "oci",
    "mlflow": "mlflow",
}
SCHEMES = tuple(_MODULES)
RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers of a server that may be others in a moment."""

_EXTRAS = {"obstore": "cloud", "huggingface_hub": "hf", "oras": "oci", "mlflow": "mlflow"}


class Transient(Exception):
    """This attempt failed in a way that the next one may not."""


class Changed(Transient):
    """What is here of a file cannot be continued: the next attempt must begin anew."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A file being read.

    Attributes:
        chunks: its bytes from `offset` on; raises Transient when they break off.
        offset: where they begin: what was asked for, or 0 when it cannot be continued there.
        size: of the whole file; None when the source does not say.
        mark: names these very bytes, so that a later `open` goes on only in them; None when a
            file cannot be continued safely.
    """

    chunks: Iterator[bytes]
    offset: int = 0
    size: int | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that can be brought here.

    Attributes:
        path: relative, with `/`; checked before it is used.
        display: its name for people, without credentials.
        open: takes the offset to begin at and the mark of the earlier stream.
            Raises Transient, or FetchFailure when trying again is of no use.
        size: in bytes, where the listing says so.
        digest: `sha256:<hex>` that the source promises, if it does.
    """

    path: str
    display: str
    open: Callable[[int, str | None], AbstractContextManager[Stream]]
    size: int | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What is behind a URI.

    Attributes:
        files: of the model; exactly one unless it is a directory.
        directory: the model is a tree, even when there is only one file in it.
        version: what a moving reference stands for now, at most 256 characters.
        golden: the golden requests beside a single file.
        packed: paths of `files` that are archives of a part of the tree.
        root: the folder in the unpacked tree that is the model, where it is one folder.
    """

    files: tuple[SourceFile, ...]
    directory: bool = False
    version: str | None = None
    golden: SourceFile | None = None
    packed: frozenset[str] = frozenset()
    root: str | None = None


class Source(Protocol):
    """A parsed model URI."""

    @property
    def display(self) -> str:
        """The URI without credentials, for people."""

    @property
    def moving(self) -> str | None:
        """What in the URI may stand for other bytes tomorrow, in words; None: nothing."""

    def at(self, version: str) -> "Source":
        """Return the source of this very version, as `Found.version` gave it."""

    def find(self) -> Found:
        """Look at what is there.

        Raises:
            Transient: try again.
            FetchFailure: there is nothing, or nothing that is a model.
        """

    def close(self) -> None:
        """Let connections go."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What sources need to know besides the URI.

    Attributes:
        pvc_root: claims are mounted at `pvc_root/CLAIM`.
        plain_http: registries (oci) may be spoken to without TLS.
    """

    pvc_root: Path | None = None
    plain_http: bool = False
    limits: TransferLimits = field(default_factory=TransferLimits)


def source_for(uri: str, options: SourceOptions) -> Source:
    """Take a model URI apart and return its source.

    Raises:
        FetchFailure: it is malformed, no source of ours, or this image lacks the library.
    """
    try:
        scheme = urlsplit(uri).scheme
    except ValueError as error:
        raise FetchFailure(f"model URI is malformed: {error}") from error
    if scheme not in _MODULES:
        what = f"scheme {scheme!r} is not supported" if scheme else "it has no scheme"
        known = ", ".join(f"{known}://" for known in SCHEMES)
        raise FetchFailure(f"model URI {redact(uri)!r}: {what}; use one of {known}")
    try:
        module = import_module(f"{_SOURCES}.{_MODULES[scheme]}")
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise FetchFailure(
            f"model URI {redact(uri)!r}: this image cannot fetch from {scheme}://: Python package "
            f"{error.name!r} is missing; install lockstep-serving[{extra}]"
        ) from error
    source: Source = module.parse(uri, options)
    return source
