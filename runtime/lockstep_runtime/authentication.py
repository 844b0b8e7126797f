"""Bearer tokens from a file, one a line (RFC 6750). Probes need none."""

import hmac
import logging
import time
from pathlib import Path

from lockstep_runtime.errors import RequestError, RuntimeFailure

_SCHEME = b"bearer "
_LOOK_SECONDS = 1.0
_log = logging.getLogger(__name__)


class BearerTokens:
    """The tokens that are accepted; the file is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            RuntimeFailure: it cannot be read, or holds no token.
        """
        self._path = path
        self._looked = time.monotonic()
        try:
            self._stamp = path.stat().st_mtime_ns
            self._tokens = _read(path)
        except OSError as error:
            raise RuntimeFailure(f"cannot read the tokens in {path}: {error.strerror}") from error
        if not self._tokens:
            raise RuntimeFailure(f"{path} holds no token: one a line")

    def check(self, authorization: bytes | None) -> None:
        """Let a request pass that carries one of the tokens.

        Raises:
            RequestError: 401, it does not.
        """
        self._look()
        given = authorization or b""
        token = given[len(_SCHEME) :].strip() if given.lower().startswith(_SCHEME) else b""
        # All are compared, so that the time tells nothing.
        if not sum(hmac.compare_digest(token, known) for known in self._tokens):
            what = "is not accepted" if token else "is missing: send Authorization: Bearer TOKEN"
            challenge = ((b"www-authenticate", b'Bearer realm="lockstep"'),)
            raise RequestError(401, f"the bearer token {what}", challenge)

    def _look(self) -> None:
        """Take over a file that was rotated; keep what is known while it cannot be read."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp == self._stamp:
                return
            tokens = _read(self._path)
        except OSError as error:
            _log.warning("tokens not read again", extra={"fields": {"reason": str(error)}})
            return
        self._stamp = stamp
        if tokens:
            self._tokens = tokens
        else:
            _log.warning("the file of tokens is empty: the old ones stay")


def _read(path: Path) -> list[bytes]:
    return [line.strip() for line in path.read_bytes().splitlines() if line.strip()]
