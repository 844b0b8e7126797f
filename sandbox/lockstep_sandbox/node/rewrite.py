"""Paths and addresses of a container, put into terms of a machine without namespaces.

A pod's files lie below a folder of its own, so what it calls /etc/app is somewhere else; and it
has one loopback address instead of a network of its own, so 0.0.0.0 is that address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

_ANY = re.compile(r"(?<![\d.])0\.0\.0\.0(?!\d|\.\d|/\d)")


class Rewriter:
    """Replaces container paths and the any-address in text, in one pass each."""

    def __init__(self, paths: Mapping[str, str], address: str) -> None:
        self._paths = dict(paths)
        self._address = address
        ordered = sorted(map(re.escape, paths), key=len, reverse=True)
        # neither the tail of a longer path or word before it, nor the middle of a name after it
        self._pattern = (
            re.compile(rf"(?<![\w.~)}}-])({'|'.join(ordered)})(?![\w-]|\.\w)") if ordered else None
        )

    def __call__(self, text: str) -> str:
        """Return the text as the process needs it."""
        if self._pattern is not None:
            text = self._pattern.sub(lambda match: self._paths[match[1]], text)
        return _ANY.sub(self._address, text)


def mapping(
    root: Path, paths: Iterable[str], exists: frozenset[str] | None = None
) -> dict[str, str]:
    """Map container paths to places below `root`, with those ancestors that only a mount makes.

    `/mnt/a/b` makes `/mnt/a` exist in a container, so `/mnt/a` is mapped too; but not `/mnt`
    where this machine has one (`exists` replaces that check in tests).
    """
    found = {}
    for path in map(PurePosixPath, paths):
        found[str(path)] = f"{root}{path}"
        for above in path.parents:
            present = Path(above).exists() if exists is None else str(above) in exists
            if not present:
                found[str(above)] = f"{root}{above}"
    return found
