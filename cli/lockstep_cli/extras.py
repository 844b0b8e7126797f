"""Which packages of an optional extra this installation lacks."""

import re
from importlib.metadata import PackageNotFoundError, distribution, requires
from typing import Final

_DISTRIBUTION: Final = "lockstep-serving"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def missing(extra: str) -> list[str]:
    """Return the packages of an extra that are not installed.

    Those with another condition, such as a platform, are left to it.
    """
    needed = [
        _NAME.match(requirement)
        for requirement in requires(_DISTRIBUTION) or []
        if re.search(rf";\s*extra\s*==\s*['\"]{extra}['\"]\s*$", requirement)
    ]
    return [found.group() for found in needed if found and not _installed(found.group())]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
