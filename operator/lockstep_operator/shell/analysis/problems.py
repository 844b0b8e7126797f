"""What keeps a gate from being computed."""

from lockstep_operator.core.errors import LockstepError


class Uncomputable(LockstepError):
    """What a gate needs cannot be had; the message is one sentence that says what to do."""
