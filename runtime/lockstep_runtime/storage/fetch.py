"""Fetching a model into a directory: verified, all or nothing, and not twice.

A container that restarts finds the directory filled, verifies it and needs no network.
"""

import logging
import shutil
import traceback
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lockstep_runtime.errors import FetchFailure, LoadFailure
from lockstep_runtime.storage.bringing import Brought, bring, unpacked
from lockstep_runtime.storage.cache import ModelCache
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.manifest import (
    CONTENT,
    MANIFEST,
    Manifest,
    read_manifest,
    uri_sha256,
    verify,
    write_manifest,
)
from lockstep_runtime.storage.observed import Observed, read_observed
from lockstep_runtime.storage.redaction import redact, scrub
from lockstep_runtime.storage.source import Source, SourceOptions, source_for

_INCOMING = ".incoming"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to fetch, where to, and what it must be.

    Attributes:
        sha256: the hex digest the user pinned, None when he did not.
        observed_dir: holds a file `digest` once a pod of this revision has loaded the model, and
            perhaps a file `version`.
        pvc_root: claims are mounted at `pvc_root/CLAIM`.
        max_bytes, timeout, connections: see `TransferLimits`; the timeout in seconds.
        allow_mutable: the URI may be a reference that moves.
        cache: of the node; None when there is none.
        plain_http: registries (oci) may be spoken to without TLS.
    """

    uri: str
    into: Path
    sha256: str | None = None
    observed_dir: Path | None = None
    pvc_root: Path | None = None
    max_bytes: int = 10 << 30
    timeout: float = 600.0
    connections: int = 8
    allow_mutable: bool = False
    cache: ModelCache | None = None
    plain_http: bool = False


def fetch(request: FetchRequest) -> Manifest:
    """Make `into` hold the model and its manifest; return the manifest.

    Raises:
        FetchFailure: it cannot be fetched, or its digest is not the pinned or the observed one.
    """
    try:
        return _fetch(request)
    except FetchFailure as failure:
        # Messages of libraries may quote signed addresses: nothing of them gets out as it was.
        details = {"fields": {"traceback": scrub(traceback.format_exc())}}
        _log.debug("details", extra=details)
        raise FetchFailure(scrub(str(failure))) from None


def _fetch(request: FetchRequest) -> Manifest:
    observed = read_observed(request.observed_dir)
    manifest = _reusable(request)
    if manifest is None:
        return _fetch_anew(request, observed)
    try:
        _check(request, manifest.digest, observed)
    except FetchFailure:
        (request.into / MANIFEST).unlink()  # never loaded, and fetched anew at the next start
        raise
    return manifest


def _check(request: FetchRequest, digest: str, observed: Observed | None) -> None:
    shown = redact(request.uri)
    if request.sha256 and digest != f"sha256:{request.sha256}":
        raise FetchFailure(
            f"digest mismatch: {shown} is {digest}, but spec.model.sha256 asks for {request.sha256}"
        )
    if observed and digest != observed.digest:
        raise FetchFailure(
            f"the bytes behind {shown} have changed: this revision first loaded "
            f"{observed.digest}, now they are {digest}; give changed models a new URI"
        )


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


def _fetch_anew(request: FetchRequest, observed: Observed | None) -> Manifest:
    limits = TransferLimits(
        max_bytes=request.max_bytes,
        total_timeout=request.timeout,
        connections=request.connections,
    )
    options = SourceOptions(request.pvc_root, request.plain_http, limits)
    incoming = request.into / _INCOMING
    with closing(source_for(request.uri, options)) as source:
        _refuse_moving(request, source)
        try:
            brought = _bring(request, source, observed, incoming, limits)
            _check(request, brought.digest, observed)
            if request.cache:
                request.cache.put(
                    brought.digest, request.uri, incoming, directory=brought.directory
                )
            manifest = _manifest(request, source, unpacked(brought, incoming, limits))
            _commit(request.into, incoming, manifest)
        except OSError as error:
            raise FetchFailure(f"cannot write to {request.into}: {error}") from error
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
    return manifest


def _bring(
    request: FetchRequest,
    source: Source,
    observed: Observed | None,
    incoming: Path,
    limits: TransferLimits,
) -> Brought:
    """Fill `incoming` like a model directory: from the cache when it has what is asked for."""
    _empty(incoming)
    pinned = f"sha256:{request.sha256}" if request.sha256 else None
    version = observed.version if observed else None
    if request.cache and (expected := observed.digest if observed else pinned):
        directory = request.cache.take(expected, request.uri, incoming)
        if directory is not None:
            return Brought(expected, directory, version=version)
        _empty(incoming)
    if source.moving and version:
        # The reference may stand for something else by now; this revision stays with its bytes.
        source = source.at(version)
    return bring(source, incoming, limits)


def _empty(incoming: Path) -> None:
    shutil.rmtree(incoming, ignore_errors=True)
    (incoming / CONTENT).mkdir(parents=True)


def _refuse_moving(request: FetchRequest, source: Source) -> None:
    if source.moving and not request.allow_mutable and not request.sha256:
        raise FetchFailure(
            f"model URI {redact(request.uri)!r}: {source.moving} may stand for another model "
            "tomorrow; name a fixed version, pin spec.model.sha256, or set "
            "spec.model.allowMutable: true (--allow-mutable)"
        )


def _manifest(request: FetchRequest, source: Source, brought: Brought) -> Manifest:
    return Manifest(
        brought.digest,
        brought.directory,
        source.display,
        uri_sha256(request.uri),
        content_digest=brought.content_digest,
        version=brought.version,
    )


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
