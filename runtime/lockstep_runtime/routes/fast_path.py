"""Inference requests answered on the connection itself, without ASGI in between.

ASGI costs a small request as much as everything else together. What is unusual in any way is left
to the application, which does the same with the same `InferCall`.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import unquote

from lockstep_runtime.access_log import log_access
from lockstep_runtime.authentication import BearerTokens
from lockstep_runtime.errors import RequestError
from lockstep_runtime.exchange import Reply
from lockstep_runtime.routes.asgi import Header
from lockstep_runtime.routes.call import READ, REQUEST_ID, InferCall, Inference
from lockstep_runtime.routes.targets import Target

_LENGTH = b"content-length"
_AUTHORIZATION = b"authorization"
# What makes a request one for the application.
_UNUSUAL = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade"})
_LOOKED_AT = READ | _UNUSUAL | {_LENGTH, _AUTHORIZATION}


class FastPath:
    """Takes the requests whose answer needs no application.

    Attributes:
        paths: of those requests.
    """

    def __init__(
        self,
        shared: Inference,
        targets: Mapping[bytes, Target],
        tokens: BearerTokens | None,
        *,
        access_log: bool,
    ) -> None:
        """Take requests for these paths; with a token, if there are any."""
        self._shared = shared
        self._targets = targets
        self.paths: Collection[bytes] = targets.keys()
        self._tokens = tokens
        self._access_log = access_log
        self._facts = {"model": shared.state.name, "revision": shared.state.revision}

    def open(self, path: bytes, headers: Sequence[Header], reply: Reply) -> InferCall | None:
        """Begin to answer a POST; names of headers in lower case. None: it is for the application.

        A call that is returned is given the whole body, or fails.
        """
        target = self._targets.get(path)
        if target is None or self._shared.state.engine is None:
            return None
        found = {name: value for name, value in headers if name in _LOOKED_AT}
        if not found.keys().isdisjoint(_UNUSUAL) or not self._short(found.get(_LENGTH)):
            return None
        if self._tokens is not None and not self._known(found.get(_AUTHORIZATION)):
            return None
        if self._access_log:
            reply = self._logged(reply, path, found)
        return InferCall(self._shared, target, found, reply)

    def _short(self, length: bytes | None) -> bool:
        limit = self._shared.limits.max_bytes
        return length is not None and length.isdigit() and int(length) <= limit

    def _known(self, authorization: bytes | None) -> bool:
        assert self._tokens is not None  # noqa: S101 - the caller looked
        try:
            self._tokens.check(authorization)
        except RequestError:  # which the application will tell
            return False
        return True

    def _logged(self, reply: Reply, path: bytes, headers: Mapping[bytes, bytes]) -> Reply:
        start = time.perf_counter()
        name = unquote(path.decode("latin-1"))
        request_id = headers.get(REQUEST_ID, b"").decode("latin-1")

        def replying(status: int, described: Sequence[Header], body: bytes) -> None:
            reply(status, described, body)
            log_access(self._facts, "POST", name, status, start=start, request_id=request_id)

        return replying
