"""How a request came here, and under which id its mirrored copy goes elsewhere."""

from lockstep_runtime.routes.asgi import Scope, header, identifier

# The router says here why it chose this revision; see DIRECT for requests that it never saw.
ASSIGNMENT_HEADER = b"x-lockstep-assignment"
# The router's own id, the same on a request and on its mirrored copy, so that their answers can be
# compared; x-request-id is the client's, who may repeat it.
PAIRING_HEADER = b"x-lockstep-request-id"

DIRECT = "direct"
_ROUTED = {name.encode(): name for name in ("split", "match", "mirror")}


def assignment_of(scope: Scope) -> str:
    """Return `split`, `match` or `mirror` as the router says, else `direct`."""
    return _ROUTED.get(header(scope, ASSIGNMENT_HEADER) or b"", DIRECT)


def pairing_id(scope: Scope) -> bytes | None:
    """Return the id that a request and its mirrored copy share; None: there is no usable one."""
    return identifier(scope, PAIRING_HEADER)
