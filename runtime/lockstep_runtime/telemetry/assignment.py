"""How a request came here, and under which id its mirrored copy goes elsewhere."""

# The router says here why it chose this revision; see DIRECT for requests that it never saw.
ASSIGNMENT_HEADER = b"x-lockstep-assignment"
# The router's own id, the same on a request and on its mirrored copy, so that their answers can be
# compared; x-request-id is the client's, who may repeat it.
PAIRING_HEADER = b"x-lockstep-request-id"

DIRECT = "direct"
_ROUTED = {name.encode(): name for name in ("split", "match", "mirror")}


def assignment_of(value: bytes | None) -> str:
    """Return `split`, `match` or `mirror` as the router's header says, else `direct`."""
    return _ROUTED.get(value, DIRECT) if value is not None else DIRECT
