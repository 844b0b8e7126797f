"""kopf, for what it does well: login, watching, reconnecting. It never writes to the cluster."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.shell.connection import Connection
from lockstep_operator.shell.intake import Intake
from lockstep_operator.shell.kinds import WATCHED

_LOGIN_MINUTES = 10
_RETRIES = (0.5, *[1.0] * 60)  # by then the Lease is lost anyway


class WatchesEnded(LockstepError):
    """kopf stopped watching, which it never does while all is well."""


async def watch(connection: Connection, intake: Intake, on_started: Callable[[], None]) -> None:
    """Feed all events into `intake` until cancelled; calls `on_started` once kopf is set up.

    Raises:
        WatchesEnded: kopf gave up.
    """
    roots = await kopf.spawn_tasks(
        registry=_registry(connection, intake),
        settings=_settings(),
        clusterwide=True,
        standalone=True,
    )
    on_started()
    try:
        ended, _ = await asyncio.wait(roots, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in roots:
            task.cancel()
        await asyncio.wait(roots, timeout=3.0)
    errors = [task.exception() for task in ended if not task.cancelled()]
    error = next((one for one in errors if one is not None), None)
    raise WatchesEnded(f"watching ended: {error or 'kopf stopped'}") from error


def _registry(connection: Connection, intake: Intake) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await _login(connection)

    async def take(event: kopf.RawEvent, **_: Any) -> None:
        intake.take(event["type"], dict(event["object"]))

    kopf.on.login(registry=registry)(login)
    for kind in WATCHED:
        kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)(take)
    return registry


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    for kind in WATCHED:
        if kind.selector is not None:
            key = (kind.group, kind.version, kind.plural)
            settings.watching.label_selectors[key] = kind.selector
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = None
    settings.networking.connect_timeout = 10.0
    settings.networking.request_timeout = 60.0
    settings.networking.enforce_retry_after = True
    settings.networking.error_backoffs = _RETRIES
    settings.queueing.exit_timeout = 0.5
    return settings


async def _login(connection: Connection) -> kopf.ConnectionInfo:
    """Give kopf the same way in as our own client; tokens are read again after some minutes."""
    configuration, certificates = connection.configuration, connection.certificates
    scheme, token = await connection.credentials() or (None, None)
    expiration = datetime.now(UTC) + timedelta(minutes=_LOGIN_MINUTES) if token else None
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_data=certificates.authority,
        certificate_data=certificates.client,
        private_key_data=certificates.key,
        insecure=not configuration.verify_ssl,
        scheme=scheme,
        token=token,
        proxy_url=configuration.proxy,
        trust_env=connection.trust_env,
        expiration=expiration,
    )
