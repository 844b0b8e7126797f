"""The command line: `fetch`, `serve`, or neither for both on a laptop."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from lockstep_runtime.loaders import FORMATS

PROGRAM = "lockstep-runtime"
_NAME = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,251}[A-Za-z0-9])?")


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
    parser.add_argument("--name", type=_name, required=True, help="the model's name in URLs")
    parser.add_argument("--revision", type=_name, required=True, help="its version in URLs")
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
    parser.add_argument("--name", type=_name, help="the model's name in URLs (default: the file's)")
    parser.add_argument("--revision", type=_name, help="its version (default: NAME and the digest)")
    _serve_flags(parser, drain=0.0)
    _log_flags(parser, form="text")
    return parser


def _model_flags(parser: _Parser) -> None:
    parser.add_argument(
        "--model-uri",
        required=True,
        metavar="URI",
        help="file:///PATH, http(s)://…, or pvc://CLAIM/PATH; a file or (not http) a directory",
    )
    parser.add_argument("--sha256", type=_sha256, metavar="HEX", help="what its digest must be")
    parser.add_argument(
        "--pvc-root", type=Path, metavar="DIR", help="claims are mounted at DIR/CLAIM"
    )
    _tunable(parser, "--max-model-bytes", _positive, 10 << 30, "refuse larger models")
    _tunable(parser, "--fetch-timeout", _seconds, 600.0, "seconds a download may take")


def _serve_flags(parser: _Parser, *, drain: float) -> None:
    parser.add_argument("--format", choices=FORMATS, required=True, help="what wrote the model")
    parser.add_argument(
        "--trust",
        choices=("none", "pickle"),
        default="none",
        help="pickle: load formats that can run any code; only for files you trust",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=_port, default=8080, help="0 takes a free one (default 8080)"
    )
    # No variable: Kubernetes injects LOCKSTEP_TELEMETRY_PORT for a Service lockstep-telemetry.
    parser.add_argument(
        "--telemetry-port",
        type=_port,
        default=0,
        metavar="PORT",
        help="a second port for the operator's eyes: /metrics (then no longer on --port), "
        "/telemetry, /golden; 0, the default, for none",
    )
    parser.add_argument(
        "--drain-seconds",
        type=_seconds,
        default=drain,
        help=f"after SIGTERM, how long new connections are accepted (default {drain:g})",
    )
    parser.add_argument(
        "--grace-seconds",
        type=_seconds,
        default=30.0,
        help="after SIGTERM, when the process must be gone (default 30)",
    )
    _tunable(parser, "--max-request-bytes", _positive, 32 << 20, "larger requests get 413")
    _tunable(
        parser, "--max-batch-rows", _positive, 64, "most rows that waiting requests are joined to"
    )
    _tunable(
        parser, "--max-batch-delay", _seconds, 0, "seconds a request may wait for others to join"
    )
    _tunable(parser, "--max-queue", _positive, 1000, "requests that may wait; more get 429")
    _tunable(parser, "--request-timeout", _seconds, 0, "seconds a request may wait; 0 for no limit")
    _tunable(parser, "--threads", _positive, 1, "threads of the numeric libraries")
    parser.add_argument(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        default=os.environ.get("LOCKSTEP_ACCESS_LOG", "").lower() in ("1", "true", "yes"),
        help="log a line per request (env LOCKSTEP_ACCESS_LOG)",
    )


def _log_flags(parser: _Parser, *, form: str) -> None:
    parser.add_argument(
        "--termination-log", type=Path, metavar="FILE", help="where the pod's last words go"
    )
    _tunable(parser, "--log-format", _one_of("json", "text"), form, "json or text")
    levels = ("debug", "info", "warning", "error")
    _tunable(parser, "--log-level", _one_of(*levels), "info", "least level that is logged")


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


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: letters, digits, '-', '.', '_'")
    return text


def _sha256(text: str) -> str:
    digits = text.lower().removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise argparse.ArgumentTypeError(f"{text!r} is not 64 hex digits")
    return digits


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port (0 to 65535)")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no integer of at least 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds (0 to 86400)")
    return value


def _one_of(*words: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(words)}")
        return text

    return check
