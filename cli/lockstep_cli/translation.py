"""The one place where what the kubernetes client raises becomes the CLI's own errors."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3.exceptions
import yaml
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException

from lockstep_cli.errors import (
    CliError,
    Conflict,
    Forbidden,
    Invalid,
    NoCluster,
    NotFound,
    Unavailable,
)

_BY_STATUS: dict[int, type[CliError]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: Unavailable,
}
_NO_CONNECTION = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.SSLError,
    urllib3.exceptions.LocationValueError,
)


@contextmanager
def translated(server: str = "") -> Iterator[None]:
    """Turn the client's exceptions into a CliError; `server` is named when nobody answers there."""
    try:
        yield
    except ApiException as error:
        if not error.status:  # the client's own, for a certificate that it does not accept
            why = _one_line(str(error.reason).removeprefix("SSLError"))
            raise NoCluster(f"cannot reach the cluster at {server}: {why}") from error
        raise from_api(error) from error
    except (ConfigException, yaml.YAMLError) as error:
        raise NoCluster(f"the kubeconfig is not usable: {_one_line(error)}") from error
    except _NO_CONNECTION as error:
        raise NoCluster(f"cannot reach the cluster at {server}: {_cause(error)}") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f"no answer from the cluster at {server}: {_cause(error)}") from error


def from_api(error: ApiException) -> CliError:
    """Return the CliError for an answer that is not 2xx, with the API server's own sentence."""
    status = _status_object(error)
    code = error.status or 0
    message = str(status.get("message") or error.reason or f"HTTP {code}")
    kind = _BY_STATUS.get(code, Unavailable if code >= 500 else Invalid)
    if code == 404 and not (status.get("details") or {}).get("name"):
        message = "this cluster does not know Lockstep: install its CRDs and its operator first"
    if code == 401:
        message = "the cluster does not accept the credentials of this kubeconfig"
    return kind(_one_line(message))


def _status_object(error: ApiException) -> dict[str, Any]:
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        return {}  # a proxy's page, or "404 page not found": the HTTP status says enough
    return body if isinstance(body, dict) else {}


def _cause(error: Exception) -> str:
    """Return the system's own reason, which urllib3 wraps: `…: [Errno 111] Connection refused`."""
    text = _one_line(error)
    return text.rpartition("] ")[2].rstrip(")'\"") if "[Errno" in text else text


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
