"""The inference paths as a raw ASGI application; see `fast_path` for what needs no ASGI."""

import asyncio
from collections.abc import Sequence

from lockstep_runtime.errors import RequestError
from lockstep_runtime.routes.asgi import Header, Receive, Scope, Send
from lockstep_runtime.routes.body import read_body
from lockstep_runtime.routes.call import READ, InferCall, Inference
from lockstep_runtime.routes.failures import CLIENT_GONE
from lockstep_runtime.routes.targets import Target

LENGTH = b"content-length"
ENCODING = b"content-encoding"
_READ = READ | {LENGTH, ENCODING}
_Answer = tuple[int, Sequence[Header], bytes]


class InferRoute:
    """Answers inference requests."""

    def __init__(self, shared: Inference) -> None:
        self._shared = shared

    async def __call__(self, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong becomes a status and an error field."""
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        answered: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        call = InferCall(
            self._shared,
            target,
            headers,
            lambda *answer: answered.set_result(answer),
        )
        try:
            # Before the body is read: it may be large.
            self._shared.state.require_model(target.model, target.version)
            check_method(scope, headers.get(ENCODING))
            self._shared.state.require_engine()
            max_bytes = self._shared.limits.max_bytes
            call.complete(await read_body(receive, headers.get(LENGTH), max_bytes))
            await asyncio.wait((answered,))
        except (Exception, asyncio.CancelledError) as error:
            call.fail(error)
        status, described, body = answered.result()
        if status != CLIENT_GONE:
            every = [*described, (LENGTH, b"%d" % len(body))]
            await send({"type": "http.response.start", "status": status, "headers": every})
            await send({"type": "http.response.body", "body": body})


def check_method(scope: Scope, encoding: bytes | None) -> None:
    """Refuse what is no POST of a plain body.

    Raises:
        RequestError: 405 or 415.
    """
    if scope["method"] != "POST":
        what = f"{scope['method']} {scope['path']}"
        raise RequestError(405, f"{what}: use POST", ((b"allow", b"POST"),))
    if encoding is not None and encoding.lower() != b"identity":
        raise RequestError(415, "compressed bodies are not supported: send it as it is")
