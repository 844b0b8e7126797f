"""How to reach the API server: from an ordinary kubeconfig, or as a pod of the cluster."""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

from lockstep_operator.core.errors import LockstepError

_UNUSABLE = (
    kube_config.ConfigException,
    OSError,
    ValueError,
    yaml.YAMLError,
    *(AttributeError, TypeError),  # what the loader raises for YAML that is no kubeconfig at all
)
_HOST_VARIABLE = "KUBERNETES_SERVICE_HOST"
_TOKEN_CHECKED_EVERY = 60


class StartupError(LockstepError):
    """The operator cannot run; the message is for the person who started it."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM texts that TLS needs."""

    authority: str | None = None
    client: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Connection:
    """One way to the API server, shared by our own client and by kopf.

    `namespace`: the one that the pod or the kubeconfig's context is in, None when it says none.
    `trust_env`: whether proxy variables count for this server; as in kubectl, not on loopback.
    """

    api: ApiClient
    configuration: Configuration
    certificates: Certificates
    in_cluster: bool
    namespace: str | None
    trust_env: bool
    loader: Any = None

    async def credentials(self) -> tuple[str, str] | None:
        """Return scheme and token of the Authorization header, fresh; None with certificates."""
        header = await self.configuration.get_api_key_with_prefix("BearerToken")
        if not header:
            return None
        scheme, _, token = header.strip().partition(" ")
        return scheme.capitalize(), token

    async def keep_fresh(self) -> None:
        """Renew the tokens of a kubeconfig's credential plugin, until cancelled."""
        if self.loader is not None and "BearerToken" in self.configuration.api_key:
            await kube_config.refresh_token(
                self.loader, self.configuration, interval=_TOKEN_CHECKED_EVERY
            )
        await asyncio.Event().wait()


async def connect(
    kubeconfig: str | None,
    context: str | None,
    account: Path,
    environ: Mapping[str, str] = os.environ,
) -> Connection:
    """Return a connection; nothing is sent yet.

    An explicit kubeconfig or context comes first, then the pod's service account in the folder
    `account`, then the user's default kubeconfig.

    Raises:
        StartupError: no usable way to reach an API server.
    """
    named = kubeconfig or environ.get("KUBECONFIG")
    try:
        if named or context or not environ.get(_HOST_VARIABLE):
            return await _from_kubeconfig(named or "~/.kube/config", context)
        return _in_cluster(account, environ)
    except _UNUSABLE as error:
        reason = " ".join(str(error).split())
        raise StartupError(f"no usable connection to a cluster: {reason}") from error


async def _from_kubeconfig(paths: str, context: str | None) -> Connection:
    existing = _existing(paths)
    configuration = Configuration()
    with tempfile.TemporaryDirectory() as folder:
        loader = await kube_config.load_kube_config(
            existing, context, configuration, persist_config=False, temp_file_path=folder
        )
        if configuration.tls_server_name:
            raise StartupError("tls-server-name in a kubeconfig is not supported")
        namespace = loader.current_context["context"].get("namespace")
        connection = _connection(configuration, namespace, loader)
    # The loader remembers by content which files it wrote, and would not write them again.
    kube_config.kube_config._cleanup_temp_files()
    return connection


def _existing(paths: str) -> str:
    existing = [path for path in paths.split(os.pathsep) if Path(path).expanduser().is_file()]
    if not existing:
        raise StartupError(f"no kubeconfig at {paths} and not in a cluster: pass --kubeconfig")
    return os.pathsep.join(existing)


def _in_cluster(account: Path, environ: Mapping[str, str]) -> Connection:
    configuration = Configuration()
    InClusterConfigLoader(
        token_filename=str(account / "token"),
        cert_filename=str(account / "ca.crt"),
        environ=environ,
    ).load_and_set(configuration)
    namespace = account / "namespace"
    return _connection(
        configuration, namespace.read_text().strip() if namespace.is_file() else None, None
    )


def _connection(configuration: Configuration, namespace: str | None, loader: Any) -> Connection:
    trust_env = not _is_loopback(urlsplit(configuration.host).hostname or "")
    configuration.client_session_kwargs = {"trust_env": trust_env}
    api = ApiClient(configuration)
    api.user_agent = "lockstep-operator"
    return Connection(
        api=api,
        configuration=configuration,
        certificates=_certificates(configuration),
        in_cluster=loader is None,
        namespace=namespace,
        trust_env=trust_env,
        loader=loader,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _certificates(configuration: Configuration) -> Certificates:
    return Certificates(
        authority=_text(configuration.ssl_ca_cert),
        client=_text(configuration.cert_file),
        key=_text(configuration.key_file),
    )


def _text(path: str | None) -> str | None:
    return Path(path).read_text() if path else None
