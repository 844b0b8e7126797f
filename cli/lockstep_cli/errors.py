"""The CLI's errors, one tree. Each is said in one line; the exit code is 2, but for one.

CliError
├── Refused           a bad input, or the command itself says no; nothing was changed
├── NotFound          no such object, or the cluster does not know its kind
├── Forbidden         401, 403
├── Conflict          409: the object changed since it was read
├── Invalid           400, 422: refused by schema or CEL
├── Unavailable       429, 5xx, a connection that broke in mid-request: worth another try
├── NoCluster         no usable kubeconfig, or nobody answers at its address
└── Unconfirmed       something was, or may have been, written: exit code 1
"""


class CliError(Exception):
    """Something the user must hear in one line; `str()` is that line."""


class Refused(CliError):
    """A bad input, or the command itself says no; nothing was changed."""


class NotFound(CliError):
    """No such object, or the cluster does not know its kind."""


class Forbidden(CliError):
    """The user's account may not do this."""


class Conflict(CliError):
    """The object changed since it was read."""


class Invalid(CliError):
    """The API server refuses the object as it is."""


class Unavailable(CliError):
    """No usable answer now; worth another try."""


class NoCluster(CliError):
    """No usable kubeconfig, or nobody answers at its address."""


class Unconfirmed(CliError):
    """Something was, or may have been, written, and more cannot be said."""
