"""Models of an MLflow registry: `mlflow://NAME/VERSION` or `mlflow://NAME@ALIAS`.

MLflow's client resolves the name and lists the artifacts. Those that the tracking server hands out
itself come over http with its credentials; those in S3 or GCS come straight from there. It reads
MLFLOW_TRACKING_URI, MLFLOW_REGISTRY_URI, and its own variables for credentials.
"""

import base64
import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when the library is imported
# Its own many retries would take minutes, and ours come on top.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")

import mlflow
from mlflow.entities import FileInfo
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds

from lockstep_runtime.errors import FetchFailure, first_line
from lockstep_runtime.storage.redaction import redact
from lockstep_runtime.storage.source import (
    RETRY_STATUS,
    Found,
    Source,
    SourceOptions,
    Transient,
    source_for,
)
from lockstep_runtime.storage.web import WebReader

_URI = re.compile(r"mlflow://(?P<name>[^/@?#]+)(?:/(?P<version>[0-9]+)|@(?P<alias>[^/@?#]+))/?")
_TRACKING = "MLFLOW_TRACKING_URI"
_STORES = ("s3", "gs")


def parse(uri: str, options: SourceOptions) -> "MlflowSource":
    """Take an mlflow URI apart.

    Raises:
        FetchFailure: it is malformed, or no tracking server is named.
    """
    parts = _URI.fullmatch(uri)
    if parts is None:
        raise FetchFailure(
            f"model URI {redact(uri)!r}: it must be mlflow://NAME/VERSION or mlflow://NAME@ALIAS"
        )
    if not os.environ.get(_TRACKING):
        raise FetchFailure(f"model URI {uri!r}: the tracking server is missing: set {_TRACKING}")
    alias = unquote(parts["alias"]) if parts["alias"] else None
    return MlflowSource(options, unquote(parts["name"]), parts["version"], alias, uri)


@dataclass(frozen=True, slots=True)
class MlflowSource:
    """A version of a registered model, or what an alias stands for."""

    options: SourceOptions
    name: str
    version: str | None
    alias: str | None
    display: str
    opened: list[WebReader] = field(default_factory=list)

    @property
    def moving(self) -> str | None:
        """The alias, if it is one."""
        return f"the alias {self.alias!r}" if self.alias else None

    def at(self, version: str) -> "MlflowSource":
        """Return the same model in this version."""
        return replace(self, version=version, alias=None)

    def find(self) -> Found:
        """Resolve the name, and list the version's artifacts.

        Raises:
            Transient, FetchFailure: see `Source.find`.
        """
        with self._translated():
            client = MlflowClient()
            found = self._resolved(client)
            uri = client.get_model_version_download_uri(self.name, found.version)
            scheme = urlsplit(uri).scheme
            if scheme == "mlflow-artifacts":
                files = self._proxied(uri)
            elif scheme in _STORES or (scheme in ("", "file") and _is_local()):
                files = self._stored(uri if scheme else f"file://{uri}")
            else:
                raise FetchFailure(
                    f"{self.display}: its artifacts are in {redact(uri)}; they must be in the "
                    f"tracking server's own store, or in one of {', '.join(_STORES)}"
                )
        return replace(files, directory=True, golden=None, version=str(found.version))

    def close(self) -> None:
        """Close the connections for files; those of MLflow's own client are not ours."""
        for reader in self.opened:
            reader.close()

    def _resolved(self, client: MlflowClient) -> ModelVersion:
        if self.alias:
            found = client.get_model_version_by_alias(self.name, self.alias)
        else:
            found = client.get_model_version(self.name, self.version or "")
        if found.status != "READY":
            raise FetchFailure(f"{self.display}: version {found.version} is {found.status}")
        return found

    def _proxied(self, uri: str) -> Found:
        repository = get_artifact_repository(uri)
        root = repository.artifact_uri.rstrip("/")
        reader = _reader(root, self.options)
        self.opened.append(reader)
        files = []
        for file in _walk(repository.list_artifacts, None):
            files.append(reader.file(f"{root}/{quote(file.path)}", file.path, size=file.file_size))
            if len(files) > self.options.limits.max_files:
                raise FetchFailure(f"{self.display} has over {len(files) - 1} files")
        if not files:
            raise FetchFailure(f"{self.display}: its folder of artifacts, {uri}, is empty")
        return Found(tuple(files))

    def _stored(self, uri: str) -> Found:
        source: Source = source_for(uri, self.options)
        return source.find()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except MlflowException as error:
            status = error.get_http_status_code()
            if 400 <= status < 500 and status not in RETRY_STATUS:
                raise FetchFailure(f"cannot fetch {self.display}: {first_line(error)}") from error
            raise Transient(first_line(error)) from error


def _is_local() -> bool:
    """Tell whether there is no server, only files; a server must not name paths of this machine."""
    return urlsplit(mlflow.get_tracking_uri()).scheme in ("", "file")


def _reader(root: str, options: SourceOptions) -> WebReader:
    """Return a reader with the tracking server's credentials, which are for no other host."""
    tracking = mlflow.get_tracking_uri()
    if urlsplit(root).netloc.rpartition("@")[2] != urlsplit(tracking).netloc.rpartition("@")[2]:
        return WebReader(options.limits)
    credentials = get_default_host_creds(tracking)
    if credentials.aws_sigv4 or credentials.auth:
        raise FetchFailure(
            "MLFLOW_TRACKING_AWS_SIGV4 and MLFLOW_TRACKING_AUTH are not supported; use "
            "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    headers = {}
    if credentials.username and credentials.password:
        pair = f"{credentials.username}:{credentials.password}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif credentials.token:
        headers["authorization"] = f"Bearer {credentials.token}"
    return WebReader(options.limits, headers, verify=_trust(credentials))


def _trust(credentials: "mlflow.utils.rest_utils.MlflowHostCreds") -> ssl.SSLContext | bool:
    if credentials.ignore_tls_verification:
        return False
    if not credentials.server_cert_path and not credentials.client_cert_path:
        return True
    try:
        context = ssl.create_default_context(cafile=credentials.server_cert_path)
        if credentials.client_cert_path:
            context.load_cert_chain(credentials.client_cert_path)
    except OSError as error:
        raise FetchFailure(f"cannot read the certificates for MLflow: {error}") from error
    return context


def _walk(
    list_artifacts: Callable[[str | None], list[FileInfo]], folder: str | None
) -> Iterator[FileInfo]:
    for entry in list_artifacts(folder):
        if entry.is_dir:
            yield from _walk(list_artifacts, entry.path)
        else:
            yield entry
