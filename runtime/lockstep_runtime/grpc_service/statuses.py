"""gRPC's status codes for the HTTP ones that errors and metrics have."""

from collections.abc import Mapping

from grpc import StatusCode

from lockstep_runtime.errors import RequestError

CLIENT_GONE = 499  # as nginx counts it
_CODES: Mapping[int, StatusCode] = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    413: StatusCode.RESOURCE_EXHAUSTED,
    429: StatusCode.RESOURCE_EXHAUSTED,
    CLIENT_GONE: StatusCode.CANCELLED,
    501: StatusCode.UNIMPLEMENTED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}


def code_of(status: int) -> StatusCode:
    """Return the code for an HTTP status of an error."""
    by_class = StatusCode.INVALID_ARGUMENT if 400 <= status < 500 else StatusCode.INTERNAL
    return _CODES.get(status, by_class)


def pushback(error: RequestError) -> tuple[tuple[str, str], ...]:
    """Return the trailing metadata for an error's Retry-After: when a client may retry, in ms
    (https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback).
    """
    seconds = dict(error.headers).get(b"retry-after")
    return () if seconds is None else (("grpc-retry-pushback-ms", str(int(seconds) * 1000)),)
