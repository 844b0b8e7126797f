"""Models in an object store: an object, or all objects below a prefix. For S3, GCS and Azure.

The library's own retries are few: those of `storage.transfer` go on where a file broke off.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar, Union
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)

from lockstep_runtime.errors import FetchFailure, first_line
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.redaction import redact
from lockstep_runtime.storage.source import (
    RETRY_STATUS,
    Changed,
    Found,
    SourceFile,
    Stream,
    Transient,
)

if TYPE_CHECKING:  # the library has these types for checkers only
    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

ObjectStore = Union["S3Store", "GCSStore", "AzureStore"]
_CHUNK = 1 << 20
_METADATA_SERVICE = ("169.254.169.254", "metadata.google.internal", "metadata:")
_DENIED = (PermissionDeniedError, UnauthenticatedError)
_STATUS = re.compile(r"status code: (\d{3})")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Address:
    """An object's or a prefix's place: `scheme://bucket/path`."""

    bucket: str
    path: str
    display: str


def parse_address(uri: str) -> Address:
    """Take the URI of an object or a prefix apart.

    Raises:
        FetchFailure: it names no bucket, or has a query.
    """
    parts = urlsplit(uri)
    if not parts.netloc or "@" in parts.netloc:
        raise FetchFailure(f"model URI {redact(uri)!r}: it must be {parts.scheme}://BUCKET/PATH")
    if parts.query or parts.fragment:
        raise FetchFailure(
            f"model URI {redact(uri)!r}: write ? and # in an object's name as %3F and %23"
        )
    return Address(parts.netloc, unquote(parts.path).strip("/"), uri)


def client_options(
    limits: TransferLimits, environment: Mapping[str, str], endpoints: Iterable[str]
) -> "ClientConfig":
    """Return how to speak to a store; without TLS only where an endpoint variable says so."""
    plain = any(environment.get(name, "").startswith("http://") for name in endpoints)
    return {
        "connect_timeout": timedelta(seconds=limits.connect_timeout),
        "read_timeout": timedelta(seconds=limits.read_timeout),
        # It is of the whole body, too; the transfer has a limit of its own.
        "timeout": timedelta(seconds=limits.total_timeout + 1),
        **({"allow_http": True} if plain else {}),
    }


def retry_config(limits: TransferLimits) -> "RetryConfig":
    """Return the library's own retries of a request."""
    return {
        "max_retries": 1,
        "backoff": {"init_backoff": timedelta(seconds=limits.backoff)},
        "retry_timeout": timedelta(seconds=limits.connect_timeout + limits.read_timeout),
    }


def opened(display: str, make: Callable[[], _Result]) -> _Result:
    """Make a store; what it says about its settings becomes our error.

    Raises:
        FetchFailure: a setting or a credential is missing or malformed.
    """
    try:
        return make()
    except (BaseError, UnknownConfigurationKeyError, ValueError, OSError) as error:
        raise FetchFailure(f"cannot use {display}: {_reason(error)}") from error


class ObjectSource:
    """An object, or all objects below a prefix, in one bucket."""

    moving = None

    def __init__(self, address: Address, store: ObjectStore, limits: TransferLimits) -> None:
        self.display = address.display
        self._path = address.path
        self._store = store
        self._limits = limits

    def at(self, version: str) -> "ObjectSource":
        """Return itself: an object's name is its identity."""
        del version
        return self

    def find(self) -> Found:
        """Look for the object, else for objects below.

        Raises:
            Transient, FetchFailure: see `Source.find`.
        """
        with self._translated(self.display):
            if self._path and not self.display.endswith("/"):
                try:
                    return self._single(obstore.head(self._store, self._path)["size"])
                except FileNotFoundError:
                    pass  # a prefix, perhaps
            return self._tree()

    def close(self) -> None:
        """The library closes its connections by itself."""

    def _single(self, size: int) -> Found:
        path = PurePosixPath(self._path)
        file = self._file(path.name, self._path, size)
        return Found((file,), golden=self._golden(path))

    def _golden(self, beside: PurePosixPath) -> SourceFile | None:
        path = beside.with_name(GOLDEN)
        if path == beside:
            return None
        try:
            size = obstore.head(self._store, str(path))["size"]
        except FileNotFoundError:
            return None
        except _DENIED:  # S3 says so of what is not there to those who may not list the bucket
            return None
        return self._file(GOLDEN, str(path), size)

    def _tree(self) -> Found:
        sizes: dict[str, int] = {}
        for objects in obstore.list(self._store, prefix=self._path or None):
            sizes |= {meta["path"]: meta["size"] for meta in objects}
            if len(sizes) > self._limits.max_files:
                raise FetchFailure(f"{self.display} has over {self._limits.max_files} objects")
        start = len(self._path) + 1 if self._path else 0
        files = tuple(
            self._file(path[start:], path, size)
            for path, size in sorted(sizes.items())
            if not (size == 0 and self._is_folder(path))
        )
        if not files:
            raise FetchFailure(f"{self.display}: there is no such object, and none below it")
        return Found(files, directory=True)

    def _is_folder(self, path: str) -> bool:
        """Tell whether it is an object `folder/`, as consoles make them; listed without its `/`."""
        try:
            obstore.head(self._store, path)
        except FileNotFoundError:
            return True
        return path == self._path

    def _file(self, path: str, key: str, size: int) -> SourceFile:
        display = self.display if key == self._path else f"{path} of {self.display}"
        return SourceFile(path, display, partial(self._open, display, key), size)

    @contextmanager
    def _open(self, display: str, key: str, offset: int, mark: str | None) -> Iterator[Stream]:
        with self._translated(display):
            if offset and mark:
                result = obstore.get(
                    self._store, key, options={"range": {"offset": offset}, "if_match": mark}
                )
            else:
                offset = 0
                result = obstore.get(self._store, key)
            chunks = (bytes(chunk) for chunk in result.stream(min_chunk_size=_CHUNK))
            yield Stream(chunks, offset, result.meta["size"], result.meta["e_tag"])

    @contextmanager
    def _translated(self, display: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise FetchFailure(f"{display}: there is no such object or bucket") from error
        except PreconditionError as error:
            raise Changed("it changed in the meantime") from error
        except _DENIED as error:
            raise FetchFailure(f"{display}: access denied: {_reason(error)}") from error
        except InvalidPathError as error:
            raise FetchFailure(f"cannot fetch {display}: {_reason(error)}") from error
        except BaseError as error:
            status = _STATUS.search(str(error))
            if status and status[1].startswith("4") and int(status[1]) not in RETRY_STATUS:
                raise FetchFailure(f"cannot fetch {display}: {_reason(error)}") from error
            raise Transient(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """Return what the library says without its inner details, and what would help."""
    text = first_line(Exception(str(error).partition("Debug source:")[0]))
    if any(service in text for service in _METADATA_SERVICE):
        return f"no credentials in the environment, and none from the pod's identity ({text})"
    return text
