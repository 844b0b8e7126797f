"""`lockstep-runtime`: fetch a model, serve it, or both.

Exit status: 0 done, 1 the model cannot be fetched or served (one line says why, on stderr and in
the termination log), 2 a bad flag. Imports are late: `fetch` must start fast and needs no numpy.
"""

import argparse
import gc
import json
import logging
import os
import sys
import tempfile
import threading
from pathlib import Path

from lockstep_runtime import logs
from lockstep_runtime.arguments import PROGRAM, parse
from lockstep_runtime.errors import RuntimeFailure
from lockstep_runtime.storage.cache import ModelCache
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.manifest import CONTENT

_TERMINATION_BYTES = 4096  # what a kubelet reads
_log = logging.getLogger(__name__)


def main() -> None:
    """Run the command line and exit."""
    status = run(sys.argv[1:])
    if threading.active_count() > 1:
        # The model's thread is still loading or predicting. Waiting for it, as Python does at
        # exit, would outlive the grace period.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    flags = parse(arguments)
    logs.configure(flags.log_level, flags.log_format)
    commands = {"fetch": _fetch, "serve": _serve, "laptop": _laptop}
    try:
        commands[flags.command](flags)
    except RuntimeFailure as failure:
        _log.debug("details", exc_info=failure)
        print(f"{PROGRAM}: {failure}", file=sys.stderr)
        _last_words(flags.termination_log, str(failure))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _fetch(flags: argparse.Namespace) -> None:
    manifest = fetch(_request(flags, flags.into))
    found = {"digest": manifest.digest}
    if manifest.version:
        found["version"] = manifest.version
    line = json.dumps(found, separators=(",", ":"))
    print(line)
    _last_words(flags.termination_log, line)


def _request(flags: argparse.Namespace, into: Path) -> FetchRequest:
    return FetchRequest(
        uri=flags.model_uri,
        into=into,
        sha256=flags.sha256,
        observed_dir=getattr(flags, "observed_dir", None),
        pvc_root=flags.pvc_root,
        max_bytes=flags.max_model_bytes,
        timeout=flags.fetch_timeout,
        connections=flags.fetch_connections,
        allow_mutable=flags.allow_mutable,
        cache=ModelCache(flags.cache_dir, flags.cache_max_bytes) if flags.cache_dir else None,
        plain_http=flags.oci_plain_http,
    )


def _serve(flags: argparse.Namespace) -> None:
    _serve_from(flags, flags.model_dir, flags.name, flags.revision)


def _laptop(flags: argparse.Namespace) -> None:
    if "://" not in flags.model_uri:  # a path as people type it
        flags.model_uri = Path(flags.model_uri).expanduser().resolve().as_uri()
    with tempfile.TemporaryDirectory(prefix="lockstep-") as folder:
        digest = fetch(_request(flags, Path(folder))).digest
        name = flags.name or _name_of(Path(folder, CONTENT))
        revision = flags.revision or f"{name}-{digest.removeprefix('sha256:')[:8]}"
        _serve_from(flags, Path(folder), name, revision)


def _name_of(content: Path) -> str:
    """Name a model after its file, in characters that URLs and flags take."""
    stem = next((path.stem for path in content.iterdir() if path.name != GOLDEN), "")
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in stem)
    return name.strip("-") or "model"


def _serve_from(flags: argparse.Namespace, model_dir: Path, name: str, revision: str) -> None:
    # Thread counts are read when numpy is imported, so they come first.
    from lockstep_runtime.cpu import limit_threads  # noqa: PLC0415

    limit_threads(flags.threads)
    gc.disable()  # until loaded: collecting in between costs a tenth of all those imports
    from lockstep_runtime.connection import ConnectionLimits  # noqa: PLC0415
    from lockstep_runtime.serve import serve  # noqa: PLC0415
    from lockstep_runtime.server import Tls  # noqa: PLC0415
    from lockstep_runtime.settings import ServeSettings  # noqa: PLC0415

    serve(
        ServeSettings(
            model_dir=model_dir,
            format=flags.format,
            trust_pickle=flags.trust != "none",
            name=name,
            revision=revision,
            host=flags.host,
            port=flags.port,
            telemetry_port=flags.telemetry_port or None,
            grpc_port=flags.grpc_port or None,
            drain_seconds=flags.drain_seconds,
            grace_seconds=flags.grace_seconds,
            max_request_bytes=flags.max_request_bytes,
            max_batch_rows=flags.max_batch_rows,
            max_batch_delay=flags.max_batch_delay,
            max_queue=flags.max_queue,
            request_timeout=flags.request_timeout or None,
            schema=flags.schema,
            connections=ConnectionLimits(
                flags.max_header_bytes, flags.receive_timeout, flags.max_connections
            ),
            tokens=flags.token_file,
            tls=Tls(flags.tls_cert, flags.tls_key, flags.tls_client_ca) if flags.tls_cert else None,
            access_log=flags.access_log,
        )
    )


def _last_words(path: Path | None, text: str) -> None:
    """Leave one line where Kubernetes looks for a container's reason."""
    if path is None:
        return
    try:
        path.write_text(text.encode()[:_TERMINATION_BYTES].decode(errors="ignore"))
    except OSError as error:
        print(f"{PROGRAM}: cannot write {path}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
