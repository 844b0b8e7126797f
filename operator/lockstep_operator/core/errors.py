"""The operator's exceptions, one tree.

LockstepError
├── ApiError            the API server said no, or did not answer
│   ├── Conflict        409: the object changed since it was read; plan again
│   ├── NotFound        404
│   ├── Forbidden       401, 403
│   ├── Invalid         400, 422: refused by schema, CEL or admission
│   └── Unavailable     429, 5xx, timeouts, broken connections; worth another try
├── NameConflict        an object has a name we need and is not ours
├── InvalidSpec         a manifest that the schema lets pass cannot be carried out
└── PodUnreachable      a pod gave no 200 answer in time
"""


class LockstepError(Exception):
    """Base of all of the operator's own exceptions."""


class ApiError(LockstepError):
    """The API server refused a request or did not answer; `status` 0 means no answer."""

    def __init__(self, message: str, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Conflict(ApiError):
    """The object changed since it was read."""


class NotFound(ApiError):
    """The object does not exist."""


class Forbidden(ApiError):
    """The operator's account may not do this."""


class Invalid(ApiError):
    """The API server refuses the object as it is."""


class Unavailable(ApiError):
    """No usable answer now; worth another try, after `retry_after` seconds where it was said."""

    retry_after: float = 0.0


class NameConflict(LockstepError):
    """An object of this kind and name exists and is not ours."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} exists and is not managed by Lockstep")
        self.kind = kind
        self.name = name


class InvalidSpec(LockstepError, ValueError):
    """A manifest that the schema lets pass cannot be carried out; the message says which part."""


class PodUnreachable(LockstepError):
    """A pod gave no 200 answer in time."""
