"""Where a gate's query goes and with which credentials: read when it is asked, kept nowhere."""

import base64
import binascii
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lockstep_operator.api.gates import PrometheusQuery
from lockstep_operator.core.errors import ApiError, Forbidden, NotFound
from lockstep_operator.shell.analysis.problems import Uncomputable
from lockstep_operator.shell.client import Client


@dataclass(frozen=True, slots=True)
class Access:
    """How to ask a Prometheus.

    `address`: base URL without a slash at its end. `where` is for people to read; unless `told`,
    they must not learn the address, nor an error that has it.
    """

    address: str = field(repr=False)
    where: str
    told: bool = True
    authorization: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


async def access_for(
    client: Client, namespace: str, query: PrometheusQuery, default_address: str | None
) -> Access:
    """Return how to ask: the gate's own address, the Secret's, or the operator's.

    Raises:
        Uncomputable: there is no address, or the Secret cannot be used.
    """
    name = query.secret_name
    secret = await _secret(client, namespace, name) if name else {}
    address = query.address or secret.get("address") or default_address
    if not address:
        raise Uncomputable(
            "no Prometheus to ask: set prometheus.address in the gate, `address` in its Secret, "
            "or the operator's --prometheus-address"
        )
    told = query.address or (None if secret.get("address") else default_address)
    where = f"Prometheus at {told}" if told else f"Prometheus at the address in Secret {name}"
    if "@" in _host(address):
        raise Uncomputable(
            "the address of Prometheus must be http:// or https:// and a host, without a query and "
            "without user and password: these belong into `username` and `password` of the gate's "
            "Secret"
        )
    tls = _tls(secret, name)
    return Access(address.rstrip("/"), where, told is not None, _authorization(secret), tls)


def _host(address: str) -> str:
    """Return host and port, "@" for what is no usable address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "@"
    usable = parts.scheme in ("http", "https") and parts.hostname
    return parts.netloc if usable and not (parts.query or parts.fragment) else "@"


async def _secret(client: Client, namespace: str, name: str) -> dict[str, str]:
    try:
        manifest = await client.get("Secret", namespace, name)
    except Forbidden as error:
        raise Uncomputable(
            f"the operator may not read Secret {name}: install its chart with "
            "gates.readSecrets=true, or give its account `get` on that Secret"
        ) from error
    except NotFound as error:
        raise Uncomputable(f"Secret {name} does not exist in {namespace}: create it") from error
    except ApiError as error:
        raise Uncomputable(f"Secret {name} could not be read: {error}") from error
    return {key: _text(name, key, value) for key, value in (manifest.get("data") or {}).items()}


def _text(secret: str, key: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        raise Uncomputable(f"`{key}` in Secret {secret} must be text in UTF-8") from None


def _authorization(secret: dict[str, str]) -> str | None:
    if secret.get("token"):
        return f"Bearer {secret['token']}"
    if secret.get("username"):
        pair = f"{secret['username']}:{secret.get('password', '')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return None


def _tls(secret: dict[str, str], name: str | None) -> ssl.SSLContext | None:
    authority = secret.get("ca.crt")
    if not authority:
        return None
    try:
        return ssl.create_default_context(cadata=authority)
    except ssl.SSLError:
        raise Uncomputable(f"`ca.crt` in Secret {name} is no PEM certificate") from None
