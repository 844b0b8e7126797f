"""The types of a raw ASGI application, and the answers it sends."""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]
_IDENTIFIER = re.compile(rb"[\x21-\x7e]{1,200}")
JSON = b"application/json"
OCTETS = b"application/octet-stream"


async def send_json(send: Send, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
    """Send a complete JSON answer."""
    await send_body(send, status, JSON, body, headers)


async def send_body(
    send: Send, status: int, content_type: bytes, body: bytes, headers: Iterable[Header] = ()
) -> None:
    """Send a complete answer."""
    length = (b"content-length", b"%d" % len(body))
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", content_type), length, *headers],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return a request header's value; `name` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def identifier(value: bytes | None) -> bytes | None:
    """Return a header's value if it can be an id: 1 to 200 printable ASCII characters."""
    return value if value is not None and _IDENTIFIER.fullmatch(value) else None
