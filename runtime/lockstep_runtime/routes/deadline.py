"""How long a request may wait for the model."""

from collections.abc import Mapping

from lockstep_runtime.errors import InvalidInput

# Seconds, as the client says; and milliseconds, as Envoy says what is left of its own timeout.
TIMEOUT = b"timeout"
ROUTER_TIMEOUT = b"x-envoy-expected-rq-timeout-ms"


def timeout_of(headers: Mapping[bytes, bytes], default: float | None) -> float | None:
    """Return the least of what client, router and `default` allow, in seconds; None: no limit.

    Raises:
        InvalidInput: the client's is no positive number.
    """
    limits = [default] if default else []
    if (value := headers.get(TIMEOUT)) is not None:
        seconds = _number(value)
        if seconds is None:
            raise InvalidInput("header Timeout must be a number of seconds above 0")
        limits.append(seconds)
    if (value := headers.get(ROUTER_TIMEOUT)) is not None:
        milliseconds = _number(value)
        if milliseconds is not None:
            limits.append(milliseconds / 1000)
    return min(limits) if limits else None


def _number(value: bytes) -> float | None:
    """Return a positive finite number, None when it is none."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None
