"""The operator's settings: flags, each also as LOCKSTEP_<FLAG> in the environment."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"  # where every cluster mounts it
_OF_THE_POD = ("pod_name", "pod_uid")


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set. `namespace` None: the one of the pod or of the kubeconfig's context."""

    namespace: str | None
    lease_name: str
    host: str
    port: int
    runtime_image: str
    router_image: str
    router_replicas: int
    log_format: str
    log_level: str
    kubeconfig: str | None
    context: str | None
    service_account_dir: Path
    pod_access: str
    resync: float
    workers: int
    prometheus_address: str | None
    pod_name: str | None
    pod_uid: str | None


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: {message}", file=sys.stderr)
        sys.exit(2)


def parse_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings; a bad one ends the process with status 2 and one line on stderr."""
    flags = vars(_parser().parse_args([*_from_environment(environ), *arguments]))
    flags["namespace"] = flags["namespace"] or environ.get("POD_NAMESPACE")
    flags |= {name: environ.get(name.upper()) or None for name in _OF_THE_POD}
    return Settings(**flags)


def _from_environment(environ: Mapping[str, str]) -> list[str]:
    """Return the flags that the environment sets; an empty variable sets none."""
    names = [field.name for field in fields(Settings) if field.name not in _OF_THE_POD]
    values = {name.replace("_", "-"): environ.get(f"LOCKSTEP_{name.upper()}") for name in names}
    return [f"--{flag}={value}" for flag, value in values.items() if value]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lockstep-operator",
        description="Serves the ModelDeployments of a cluster.",
        epilog="Each flag is also read from the environment, --log-level from LOCKSTEP_LOG_LEVEL.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_cluster_flags(parser)
    _add_serving_flags(parser)
    _add_process_flags(parser)
    return parser


def _add_cluster_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cluster")
    group.add_argument("--kubeconfig", help="file to connect with (also KUBECONFIG)")
    group.add_argument("--context", help="context of the kubeconfig")
    group.add_argument(
        "--service-account-dir",
        type=Path,
        default=_ACCOUNT_DIR,
        help="token, CA and namespace of a pod",
    )
    group.add_argument("--namespace", help="namespace of the Lease (also POD_NAMESPACE)")
    group.add_argument("--lease-name", default="lockstep-operator", help="name of the Lease")
    group.add_argument(
        "--pod-access",
        choices=("auto", "direct", "proxy"),
        default="auto",
        help="reach pods at their address or through the API server",
    )


def _add_serving_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("serving")
    group.add_argument(
        "--runtime-image", default="lockstep/runtime:0.1.0", help="model server of new revisions"
    )
    group.add_argument(
        "--router-image", default="envoyproxy/envoy:v1.40.0", help="Envoy of the routers"
    )
    group.add_argument(
        "--router-replicas", type=_whole(1, 100), default="2", help="pods of each router"
    )
    group.add_argument(
        "--prometheus-address",
        type=_base_url,
        help="where gates with a query ask that name no address, as http://prometheus:9090",
    )


def _add_process_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("process")
    group.add_argument("--host", default="127.0.0.1", help="address of /livez, /readyz, /metrics")
    group.add_argument("--port", type=_whole(0, 65535), default="8080", help="port; 0: any")
    group.add_argument("--workers", type=_whole(1, 64), default="4", help="reconciles at once")
    group.add_argument(
        "--resync", type=_seconds, default="300", help="seconds between complete resyncs"
    )
    group.add_argument("--log-format", choices=("json", "text"), default="json", help="of the logs")
    group.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="least level that is logged",
    )


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not least <= int(text) <= most:
            bounds = f"{least} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {bounds}")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds of 1 to 86400")
    return seconds


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        problem = "is no http:// or https:// address without user and password"
        raise argparse.ArgumentTypeError(f"{text!r} {problem}")
    return text
