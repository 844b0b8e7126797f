"""Fetching a model into a directory: verified, all or nothing, and not twice.

A container that restarts finds the directory filled, verifies it and needs no network.
"""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from lockstep_runtime.errors import FetchFailure, LoadFailure
from lockstep_runtime.storage.copy import copy_golden, copy_local
from lockstep_runtime.storage.digest import is_digest
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.manifest import (
    CONTENT,
    MANIFEST,
    Manifest,
    read_manifest,
    uri_sha256,
    verify,
    write_manifest,
)
from lockstep_runtime.storage.source import LocalSource, Source, parse_uri, redact

_INCOMING = ".incoming"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to fetch, where to, and what it must be.

    Attributes:
        sha256: the hex digest the user pinned, None when he did not.
        observed_dir: holds a file `digest` once a pod of this revision has loaded the model.
        pvc_root: claims are mounted at `pvc_root/CLAIM`.
        max_bytes, timeout: limits of size, and of a download in seconds.
    """

    uri: str
    into: Path
    sha256: str | None = None
    observed_dir: Path | None = None
    pvc_root: Path | None = None
    max_bytes: int = 10 << 30
    timeout: float = 600.0


def fetch(request: FetchRequest) -> str:
    """Make `into` hold the model and its manifest; return the digest.

    Raises:
        FetchFailure: it cannot be fetched, or its digest is not the pinned or the observed one.
    """
    observed = _observed_digest(request.observed_dir)
    manifest = _reusable(request) or _fetch_anew(request)
    try:
        _check(request, manifest.digest, observed)
    except FetchFailure:
        (request.into / MANIFEST).unlink()  # never loaded, and fetched anew at the next start
        raise
    return manifest.digest


def _check(request: FetchRequest, digest: str, observed: str | None) -> None:
    shown = redact(request.uri)
    if request.sha256 and digest != f"sha256:{request.sha256}":
        raise FetchFailure(
            f"digest mismatch: {shown} is {digest}, but spec.model.sha256 asks for {request.sha256}"
        )
    if observed and digest != observed:
        raise FetchFailure(
            f"the bytes behind {shown} have changed: this revision first loaded {observed}, now "
            f"they are {digest}; give changed models a new URI"
        )


def _observed_digest(folder: Path | None) -> str | None:
    """Return the digest that the first pod of the revision reported, None when none has yet."""
    if folder is None:
        return None
    path = folder / "digest"
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FetchFailure(f"cannot read the observed digest: {error}") from error
    if not is_digest(text):
        raise FetchFailure(f"{path} holds no digest: {text[:80]!r}")
    return text


def _reusable(request: FetchRequest) -> Manifest | None:
    """Return the manifest of an earlier fetch of the same URI whose bytes are still whole."""
    if not (request.into / MANIFEST).exists():
        return None
    try:
        if not read_manifest(request.into).is_of(request.uri):
            return None
        manifest = verify(request.into)
    except LoadFailure as error:
        _log.warning("fetching again", extra={"fields": {"reason": str(error)}})
        return None
    _log.info("model is here already", extra={"fields": {"digest": manifest.digest}})
    return manifest


def _fetch_anew(request: FetchRequest) -> Manifest:
    source = parse_uri(request.uri, request.pvc_root)
    incoming = request.into / _INCOMING
    try:
        shutil.rmtree(incoming, ignore_errors=True)
        (incoming / CONTENT).mkdir(parents=True)
        digest, directory = _bring(source, incoming, request)
        manifest = Manifest(digest, directory, source.display, uri_sha256(request.uri))
        _commit(request.into, incoming, manifest)
    except OSError as error:
        raise FetchFailure(f"cannot write to {request.into}: {error}") from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return manifest


def _bring(source: Source, incoming: Path, request: FetchRequest) -> tuple[str, bool]:
    """Fill `incoming` like a model directory; return (digest, is a directory)."""
    content = incoming / CONTENT
    if isinstance(source, LocalSource):
        digest, directory = copy_local(source, content, request.max_bytes)
        if not directory:
            copy_golden(source, incoming, request.max_bytes)
        return digest, directory
    # httpx takes 0.25 s to import: only those who download pay for it.
    from lockstep_runtime.storage.download import DownloadLimits, download  # noqa: PLC0415

    limits = DownloadLimits(request.max_bytes, request.timeout)
    return download(source, content / source.name, limits), False


def _commit(model_dir: Path, incoming: Path, manifest: Manifest) -> None:
    """Put the new bytes in place; the manifest goes first and comes back last."""
    (model_dir / MANIFEST).unlink(missing_ok=True)
    if (model_dir / CONTENT).exists():
        shutil.rmtree(model_dir / CONTENT)
    (model_dir / GOLDEN).unlink(missing_ok=True)
    (incoming / CONTENT).rename(model_dir / CONTENT)
    if (incoming / GOLDEN).exists():
        (incoming / GOLDEN).rename(model_dir / GOLDEN)
    write_manifest(model_dir, manifest)
