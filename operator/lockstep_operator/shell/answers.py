"""What the API server's refusals and silences mean: the one place that maps them to our errors."""

import json
from collections.abc import Mapping

from lockstep_operator.core.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)
from lockstep_operator.shell.bodies import in_words

_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    410: Unavailable,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Unavailable,
}
_LONGEST_MESSAGE = 1000
_UID = "metadata.uid"


def refusal(what: str, status: int, body: bytes, headers: Mapping[str, str]) -> ApiError:
    """Return the error for an answer that is not 2xx; `what` names the request."""
    message, reason, fields = _sentence(body)
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else ApiError)
    if kind is Invalid and _UID in fields:
        kind = Conflict  # a patch for an object that was replaced by another of its name
    error = kind(f"{what}: {message or status}", status, reason)
    if isinstance(error, Unavailable):
        error.retry_after = _seconds(headers.get("Retry-After", ""))
    return error


def is_status(body: bytes) -> bool:
    """Return whether an answer is the API server's own refusal, not that of a proxied pod."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and (found.get("kind"), found.get("apiVersion")) == (
        "Status",
        "v1",
    )


def silence(what: str, error: Exception) -> Unavailable:
    """Return the error for a request that got no usable answer."""
    return Unavailable(f"{what}: {in_words(error)}")


def _sentence(body: bytes) -> tuple[str, str, list[str]]:
    """Return message, reason and fields at fault of a Status object, or the text that came."""
    text = body.decode(errors="replace")
    try:
        status = json.loads(text)
        message, reason = str(status["message"]), str(status.get("reason", ""))
        causes = (status.get("details") or {}).get("causes") or []
        fields = [str(cause.get("field")) for cause in causes]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message, reason, fields = text, "", []
    return " ".join(message.split())[:_LONGEST_MESSAGE], reason, fields


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdecimal() else 0.0
