"""Reading answers of others, of which nobody knows the length before."""

import aiohttp

_FREE = 1024 * 1024
_MOST_TOGETHER = 64 * 1024 * 1024
_LONGEST_WORDS = 300


class BodyTooLong(Exception):
    """More than is read of an answer."""


class Allowance:
    """Memory that all answers in transit may take together.

    The first MiB of each is not counted, so that long answers, or slow ones, of some pods keep
    nobody from reading the short ones of routers and other pods.
    """

    def __init__(self, most: int = _MOST_TOGETHER) -> None:
        """Allow `most` bytes."""
        self._most = most
        self._taken = 0

    def change(self, before: int, after: int) -> None:
        """Count that an answer has grown to `after` bytes, or was let go (0).

        Raises:
            BodyTooLong: there is no room for it now.
        """
        more = max(0, after - _FREE) - max(0, before - _FREE)
        if more > 0 and self._taken + more > self._most:
            raise BodyTooLong("too many long answers are being read at the moment")
        self._taken += more


async def read_body(
    answer: aiohttp.ClientResponse, limit: int, allowance: Allowance | None = None
) -> bytes:
    """Return the whole body.

    Raises:
        BodyTooLong: it has more than `limit` bytes, or more than the allowance has left.
    """
    allowed = allowance or Allowance(limit + _FREE)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in answer.content.iter_any():
            if size + len(part) > limit:
                raise BodyTooLong(f"the answer has more than {limit} bytes")
            allowed.change(size, size + len(part))
            size += len(part)
            parts.append(part)
        return b"".join(parts)
    finally:
        allowed.change(size, 0)


def in_words(error: Exception) -> str:
    """Return what went wrong with a request in one short line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _LONGEST_WORDS else f"{words[: _LONGEST_WORDS - 1]}…"
