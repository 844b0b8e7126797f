"""The command line: `fetch`, `serve`, or neither for both on a laptop."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from lockstep_runtime.argument_types import (
    model_name,
    one_of,
    port,
    positive,
    revision_name,
    seconds,
    sha256,
)
from lockstep_runtime.loaders import FORMATS

PROGRAM = "lockstep-runtime"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exit 2 with one line; argparse would print its usage first."""
        sys.stderr.write(f"{self.prog}: {message} (see {self.prog} --help)\n")
        sys.exit(2)


class _Version(argparse.Action):
    """Looks the version up only when asked: that costs every start 30 ms otherwise."""

    def __call__(self, *_: object, **__: object) -> NoReturn:
        from lockstep_runtime.version import version  # noqa: PLC0415

        sys.stdout.write(f"{PROGRAM} {version()}\n")
        sys.exit(0)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the checked flags; `command` is fetch, serve or laptop. Exits 2 on a bad flag."""
    if arguments[:1] == ["fetch"]:
        return _fetch_parser().parse_args(arguments[1:])
    if arguments[:1] == ["serve"]:
        return _served(_serve_parser(), arguments[1:])
    parser = _laptop_parser()
    if arguments and not arguments[0].startswith("-"):
        parser.error(f"unknown command {arguments[0]!r}: it is fetch, serve, or none")
    return _served(parser, arguments)


def _served(parser: _Parser, arguments: list[str]) -> argparse.Namespace:
    flags = parser.parse_args(arguments)
    if bool(flags.tls_cert) != bool(flags.tls_key) or (flags.tls_client_ca and not flags.tls_cert):
        parser.error("--tls-cert and --tls-key go together, and --tls-client-ca with them")
    if flags.drain_seconds >= flags.grace_seconds:
        parser.error(
            f"--drain-seconds {flags.drain_seconds:g} must be below "
            f"--grace-seconds {flags.grace_seconds:g}"
        )
    return flags


def _fetch_parser() -> _Parser:
    parser = _Parser(
        prog=f"{PROGRAM} fetch",
        description="Bring a model into a directory, verified. Prints and reports its digest.",
    )
    parser.set_defaults(command="fetch")
    _model_flags(parser)
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="where to")
    parser.add_argument(
        "--observed-dir",
        type=Path,
        metavar="DIR",
        help="if DIR/digest exists, the model must have that digest",
    )
    _log_flags(parser, form="json")
    return parser


def _serve_parser() -> _Parser:
    parser = _Parser(
        prog=f"{PROGRAM} serve",
        description="Serve a model that `fetch` has put into a directory.",
    )
    parser.set_defaults(command="serve")
    parser.add_argument("--model-dir", type=Path, required=True, metavar="DIR", help="as fetched")
    parser.add_argument("--name", type=model_name, required=True, help="the model's name in URLs")
    parser.add_argument("--revision", type=revision_name, required=True, help="its version in URLs")
    _serve_flags(parser, drain=5.0)
    _log_flags(parser, form="json")
    return parser


def _laptop_parser() -> _Parser:
    parser = _Parser(
        prog=PROGRAM,
        description="Serve one machine-learning model over the Open Inference Protocol.",
        epilog=f"In a pod, two steps: `{PROGRAM} fetch --help` and `{PROGRAM} serve --help`.",
    )
    parser.set_defaults(command="laptop")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    _model_flags(parser)
    parser.add_argument(
        "--name", type=model_name, help="the model's name in URLs (default: the file's)"
    )
    parser.add_argument(
        "--revision", type=revision_name, help="its version (default: NAME and the digest)"
    )
    _serve_flags(parser, drain=0.0)
    _log_flags(parser, form="text")
    return parser


def _model_flags(parser: _Parser) -> None:
    parser.add_argument(
        "--model-uri",
        required=True,
        metavar="URI",
        help="file:///PATH, pvc://CLAIM/PATH, http(s)://…, s3://, gs:// or az://BUCKET/PATH, "
        "hf://ORG/REPO@REVISION[/PATH], oci://REGISTRY/REPO:TAG or …@sha256:…, "
        "mlflow://NAME/VERSION or …@ALIAS; a file, an archive or (not http) a directory",
    )
    parser.add_argument("--sha256", type=sha256, metavar="HEX", help="what its digest must be")
    parser.add_argument(
        "--pvc-root", type=Path, metavar="DIR", help="claims are mounted at DIR/CLAIM"
    )
    _tunable(parser, "--max-model-bytes", positive, 10 << 30, "refuse larger models")
    _tunable(parser, "--fetch-timeout", seconds, 600.0, "seconds a download may take")
    _tunable(parser, "--fetch-connections", positive, 8, "files fetched at the same time")
    parser.add_argument(
        "--allow-mutable",
        action="store_true",
        help="accept a URI that may stand for another model tomorrow: a branch, tag or alias",
    )
    parser.add_argument(
        "--cache-dir",
        type=Path,
        default=os.environ.get("LOCKSTEP_CACHE_DIR") or None,
        metavar="DIR",
        help="a cache of models, by digest, for all pods of a node (env LOCKSTEP_CACHE_DIR)",
    )
    _tunable(parser, "--cache-max-bytes", positive, 20 << 30, "how large the cache may grow")
    parser.add_argument(
        "--oci-plain-http",
        action=argparse.BooleanOptionalAction,
        default=_is_on("LOCKSTEP_OCI_PLAIN_HTTP"),
        help="speak to registries without TLS, as to localhost (env LOCKSTEP_OCI_PLAIN_HTTP)",
    )


def _serve_flags(parser: _Parser, *, drain: float) -> None:
    parser.add_argument("--format", choices=FORMATS, required=True, help="what wrote the model")
    parser.add_argument(
        "--trust",
        choices=("none", "pickle", "code"),
        default="none",
        help="pickle or code: load what can run any code (pickles, format python); only for files "
        "you trust",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)"
    )
    parser.add_argument("--port", type=port, default=8080, help="0 takes a free one (default 8080)")
    # No variable: Kubernetes injects LOCKSTEP_TELEMETRY_PORT for a Service lockstep-telemetry.
    parser.add_argument(
        "--telemetry-port",
        type=port,
        default=0,
        metavar="PORT",
        help="a second port for the operator's eyes: /metrics (then no longer on --port), "
        "/telemetry, /golden; 0, the default, for none",
    )
    # Nor here: Kubernetes injects LOCKSTEP_GRPC_PORT for a Service lockstep-grpc.
    parser.add_argument(
        "--grpc-port",
        type=port,
        default=0,
        metavar="PORT",
        help="a port for the Open Inference Protocol over gRPC; 0, the default, for none",
    )
    parser.add_argument(
        "--drain-seconds",
        type=seconds,
        default=drain,
        help=f"after SIGTERM, how long new connections are accepted (default {drain:g})",
    )
    parser.add_argument(
        "--grace-seconds",
        type=seconds,
        default=30.0,
        help="after SIGTERM, when the process must be gone (default 30)",
    )
    _tunable(parser, "--max-request-bytes", positive, 32 << 20, "larger requests get 413")
    _tunable(
        parser, "--max-batch-rows", positive, 64, "most rows that waiting requests are joined to"
    )
    _tunable(
        parser, "--max-batch-delay", seconds, 0, "seconds a request may wait for others to join"
    )
    _tunable(parser, "--max-header-bytes", positive, 32 << 10, "larger headers get 431")
    _tunable(parser, "--max-connections", positive, 4096, "one more gets 503")
    _tunable(
        parser, "--receive-timeout", seconds, 60, "seconds a request may take to arrive, else 408"
    )
    parser.add_argument(
        "--schema",
        metavar="JSON",
        help="what values the features may have: a JSON object, or @FILE that holds it",
    )
    _security_flags(parser)
    _tunable(parser, "--max-queue", positive, 1000, "requests that may wait; more get 429")
    _tunable(parser, "--request-timeout", seconds, 0, "seconds a request may wait; 0 for no limit")
    _tunable(parser, "--threads", positive, 1, "threads of the numeric libraries")
    parser.add_argument(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        default=_is_on("LOCKSTEP_ACCESS_LOG"),
        help="log a line per request (env LOCKSTEP_ACCESS_LOG)",
    )


def _security_flags(parser: _Parser) -> None:
    parser.add_argument(
        "--token-file",
        type=Path,
        default=os.environ.get("LOCKSTEP_TOKEN_FILE"),
        metavar="FILE",
        help="bearer tokens, one a line; all requests but probes must carry one "
        "(env LOCKSTEP_TOKEN_FILE)",
    )
    for flag, text in (
        ("--tls-cert", "certificate chain, PEM: serve HTTPS; for clients without a router between"),
        ("--tls-key", "its key, PEM"),
        ("--tls-client-ca", "clients must have a certificate of this authority, PEM"),
    ):
        parser.add_argument(flag, type=Path, metavar="FILE", help=text)


def _log_flags(parser: _Parser, *, form: str) -> None:
    parser.add_argument(
        "--termination-log", type=Path, metavar="FILE", help="where the pod's last words go"
    )
    _tunable(parser, "--log-format", one_of("json", "text"), form, "json or text")
    levels = ("debug", "info", "warning", "error")
    _tunable(parser, "--log-level", one_of(*levels), "info", "least level that is logged")


def _tunable(
    parser: _Parser, flag: str, convert: Callable[[str], Any], default: object, text: str
) -> None:
    """Add a flag that a ModelDeployment's `runtime.env` can set too.

    Only such flags have a variable: Kubernetes itself injects LOCKSTEP_PORT and the like when a
    Service is called lockstep.
    """
    variable = "LOCKSTEP_" + flag.removeprefix("--").replace("-", "_").upper()
    parser.add_argument(
        flag,
        type=convert,
        default=os.environ.get(variable, str(default)),
        help=f"{text} (default {default}, env {variable})",
    )


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true", "yes")
