"""Reading answers of others, of which nobody knows the length before."""

import aiohttp


class BodyTooLong(Exception):
    """More than is read of an answer."""


async def read_body(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the whole body.

    Raises:
        BodyTooLong: it has more than `limit` bytes.
    """
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > limit:
            raise BodyTooLong(f"the answer has more than {limit} bytes")
        parts.append(part)
    return b"".join(parts)
