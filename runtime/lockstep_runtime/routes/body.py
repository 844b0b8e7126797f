"""Reading the body of a request, up to a limit."""

from lockstep_runtime.errors import RequestError
from lockstep_runtime.routes.asgi import Receive


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(receive: Receive, length: bytes | None, max_bytes: int) -> bytes:
    """Return the whole body; `length` is its Content-Length, if it has one.

    What is left of a body that is too large, uvicorn reads and drops.

    Raises:
        RequestError: 413, it is over `max_bytes`.
        ClientGone: nobody is there any more.
    """
    if length is not None and length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(413, f"the body is over the limit of {max_bytes} bytes")
