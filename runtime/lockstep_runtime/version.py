"""The installed version."""

from functools import cache
from importlib.metadata import version as installed_version


@cache
def version() -> str:
    """Return the version of the installed distribution."""
    return installed_version("lockstep-serving")
