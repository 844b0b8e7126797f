"""A model URI, taken apart and checked."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from lockstep_runtime.errors import FetchFailure

_CLAIM = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A file or a directory on a mounted file system.

    `boundary`: a symbolic link must not lead out of this folder (None: links may lead anywhere).
    """

    path: Path
    display: str
    boundary: Path | None = None


@dataclass(frozen=True, slots=True)
class HttpSource:
    """One file behind http or https; `display` has neither credentials nor the query."""

    url: str
    display: str
    name: str


Source = LocalSource | HttpSource


def parse_uri(uri: str, pvc_root: Path | None = None) -> Source:
    """Take a model URI apart.

    Raises:
        FetchFailure: it is malformed, or pvc:// without a `pvc_root` to find the claim in.
    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError as error:
        raise FetchFailure(f"model URI is malformed: {error}") from error
    if parts.scheme in ("http", "https"):
        if not host:
            raise FetchFailure(f"model URI {uri!r} names no host")
        return HttpSource(uri, redact(uri), _last_segment(parts.path, host))
    if parts.scheme == "file":
        return _file_source(uri, parts.netloc, unquote(parts.path))
    if parts.scheme == "pvc":
        return _pvc_source(uri, parts.netloc, unquote(parts.path), pvc_root)
    scheme = f"scheme {parts.scheme!r} is not supported" if parts.scheme else "it has no scheme"
    raise FetchFailure(
        f"model URI {redact(uri)!r}: {scheme}; use file://, http://, https:// or pvc://"
    )


def redact(uri: str) -> str:
    """Return the URI without user, password and query, which may be credentials."""
    parts = urlsplit(uri)
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}"


def _last_segment(path: str, host: str) -> str:
    name = PurePosixPath(unquote(path)).name
    if not name or name.startswith(".") or not name.isprintable():
        raise FetchFailure(f"model URI on {host} ends with no usable file name: {path!r}")
    return name


def _file_source(uri: str, host: str, path: str) -> LocalSource:
    if host not in ("", "localhost") or not path.startswith("/"):
        raise FetchFailure(
            f"model URI {uri!r}: a file URI has three slashes and an absolute path, "
            "like file:///models/model.skops"
        )
    return LocalSource(Path(path), uri)


def _pvc_source(uri: str, claim: str, path: str, root: Path | None) -> LocalSource:
    if not _CLAIM.fullmatch(claim):
        raise FetchFailure(f"model URI {uri!r}: {claim!r} is no name of a PersistentVolumeClaim")
    if ".." in PurePosixPath(path).parts:
        raise FetchFailure(f"model URI {uri!r}: the path must not contain '..'")
    if root is None:
        raise FetchFailure(f"model URI {uri!r}: pvc:// needs --pvc-root, where claims are mounted")
    mount = root / claim
    if not mount.is_dir():
        raise FetchFailure(f"model URI {uri!r}: claim {claim!r} is not mounted at {mount}")
    return LocalSource(mount / path.lstrip("/"), uri, boundary=mount)
