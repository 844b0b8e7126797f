"""What a client is told when a request goes wrong."""

import asyncio
import logging
from collections.abc import Sequence

from lockstep_runtime.errors import RequestError
from lockstep_runtime.logs import failure_fields
from lockstep_runtime.protocol.error import render_error
from lockstep_runtime.routes.asgi import Header
from lockstep_runtime.routes.body import ClientGone

CLIENT_GONE = 499  # as nginx counts it; never sent
_log = logging.getLogger(__name__)


def failure_of(
    error: BaseException, request_id: bytes | None
) -> tuple[int, Sequence[Header], bytes]:
    """Return status, headers and body; our own faults are logged, never told."""
    if isinstance(error, RequestError):
        return error.status, error.headers, render_error(str(error))
    if isinstance(error, ClientGone):
        return CLIENT_GONE, (), b""
    if isinstance(error, asyncio.CancelledError):  # better a word than a broken connection
        return 503, (), render_error("the server is shutting down")
    fields = {**failure_fields(error), "request_id": (request_id or b"").decode("latin-1")}
    _log.error("an inference request failed", extra={"fields": fields})
    return 500, (), render_error("the server failed to answer this request")
