"""Requests to an OCI registry, with its ways of authentication.

oras does the token dance and reads Docker's configuration. Its own requests wait without a limit
and try again for minutes, so those are ours.
"""

import base64
import binascii
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

import oras.auth
import oras.container
import oras.logger
import oras.provider
import requests
from requests.adapters import HTTPAdapter

from lockstep_runtime.errors import FetchFailure, first_line
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.source import RETRY_STATUS, Changed, Transient

# It writes to stderr by itself, in colours; what went wrong is in our error.
oras.logger.logger.set_level(logging.CRITICAL)

_USER, _PASSWORD = "OCI_USERNAME", "OCI_PASSWORD"
# The content of a Docker configuration: as a variable of one's own, or the key of a Secret of
# type kubernetes.io/dockerconfigjson.
_DOCKER_CONFIGS = ("DOCKER_AUTH_CONFIG", ".dockerconfigjson")


def is_local(host: str) -> bool:
    """Tell whether a registry is on this machine, where TLS has no use."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name in ("localhost", "[::1]") or name.startswith("127.")


class Registry:
    """One registry; its token is shared by all requests."""

    def __init__(self, host: str, limits: TransferLimits, *, insecure: bool) -> None:
        self._address = f"{'http' if insecure else 'https'}://{host}/v2/"
        self._provider = oras.provider.Registry(host, insecure=insecure)
        self._session: requests.Session = self._provider.session
        adapter = _Bounded((limits.connect_timeout, limits.read_timeout))
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._header: str | None = None
        self._lock = Lock()
        self._basic = _credentials(host)
        if self._basic:
            self._provider.auth.set_basic_auth(*self._basic)
        else:
            self._provider.auth.load_configs(oras.container.Container(f"{host}/any"))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    @contextmanager
    def get(
        self, path: str, display: str, headers: Mapping[str, str]
    ) -> Iterator[requests.Response]:
        """GET a path below `/v2/`; the answer is a 200 or a 206.

        Raises:
            Transient, FetchFailure: any other answer, or none; also while it is read.
        """
        try:
            with self._answer(path, headers) as response:
                _check(response, display)
                yield response
        except requests.exceptions.SSLError as error:
            raise FetchFailure(f"cannot fetch {display}: {first_line(error)}") from error
        except (requests.ConnectionError, requests.Timeout, _Broken) as error:
            raise Transient(first_line(error)) from error
        except requests.RequestException as error:
            raise FetchFailure(f"cannot fetch {display}: {first_line(error)}") from error

    def _answer(self, path: str, headers: Mapping[str, str]) -> requests.Response:
        header = self._header
        response = self._ask(path, headers, header)
        if response.status_code == 401:
            response.close()
            response = self._ask(path, headers, self._authorized(response, header))
        return response

    def _ask(
        self, path: str, headers: Mapping[str, str], authorization: str | None
    ) -> requests.Response:
        # identity: digests are of the blobs as they are.
        sent = {"accept-encoding": "identity", **headers}
        if authorization:
            sent["authorization"] = authorization
        return self._session.get(self._address + path, headers=sent, stream=True)

    def _authorized(self, refusal: requests.Response, used: str | None) -> str | None:
        """Return the header that the registry's challenge asks for, None when there is none."""
        with self._lock:
            if self._header == used:  # else another thread has got a new one already
                self._header = self._respond(refusal)
            return self._header

    def _respond(self, refusal: requests.Response) -> str | None:
        auth = self._provider.auth
        if refusal.headers.get("www-authenticate", "").lower().startswith("basic"):
            basic = getattr(auth, "_basic_auth", None)
            return f"Basic {basic}" if basic else None
        headers, changed = auth.authenticate_request(refusal, {}, refresh=True)
        header: str | None = headers.get("Authorization") if changed else None
        return header


_Broken = requests.exceptions.ChunkedEncodingError


class _Bounded(HTTPAdapter):
    """Connections that do not wait for ever; also those to a token server."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        super().__init__(pool_maxsize=32)
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send with a limit on the time."""
        return super().send(request, **{**options, "timeout": self._timeout})


def _check(response: requests.Response, display: str) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    text = f"the registry answered {status} {response.reason}".strip()
    if status == 416:
        raise Changed(text)
    if status in RETRY_STATUS:
        raise Transient(text)
    if status in (401, 403):
        text += f"; credentials come from {_USER} and {_PASSWORD}, or {_DOCKER_CONFIGS[0]}"
    raise FetchFailure(f"cannot fetch {display}: {text}")


def _credentials(host: str) -> tuple[str, str] | None:
    user, password = os.environ.get(_USER), os.environ.get(_PASSWORD)
    if user and password:
        return user, password
    for name in _DOCKER_CONFIGS:
        if text := os.environ.get(name):
            return _from_docker_config(name, text, host)
    return None


def _from_docker_config(name: str, text: str, host: str) -> tuple[str, str] | None:
    try:
        for key, entry in json.loads(text)["auths"].items():
            server = key.partition("://")[2] or key
            if server.partition("/")[0] == host:
                if "auth" in entry:
                    user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
                    return user, password
                return entry["username"], entry["password"]
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        # The text is a secret, and errors of JSON quote it.
        raise FetchFailure(f"{name} is no Docker configuration with `auths`") from error
    return None
