"""What every answer carries: the revision, the client's request id, the end of a connection."""

from lockstep_runtime.routes.asgi import Header, identifier
from lockstep_runtime.state import ServingState


class AnswerHeaders:
    """Makes the headers that do not depend on the answer."""

    def __init__(self, state: ServingState) -> None:
        self._state = state
        self._revision = (b"x-lockstep-revision", state.revision.encode())

    def of(self, request_id: bytes | None) -> list[Header]:
        """Return them; `request_id` is the client's X-Request-Id, sent back if it can be an id."""
        headers = [self._revision]
        if request_id is not None and identifier(request_id):
            headers.append((b"x-request-id", request_id))
        if self._state.draining:
            headers.append((b"connection", b"close"))
        return headers
