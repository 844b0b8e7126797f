"""Digests of models: `sha256:<hex>`.

Of a file: the sha256 of its bytes. Of a directory: the sha256 of its canonical listing, one line
`<sha256 of the file, hex>  <path>` per file, paths relative with `/`, sorted by their UTF-8 bytes,
each line ended by a newline. That is what this prints in the directory (GNU coreutils):

    find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum

Neither times, nor modes, nor empty folders count.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from lockstep_runtime.errors import FetchFailure

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Tell whether the text is `sha256:` and 64 lowercase hex digits."""
    return _DIGEST.fullmatch(text) is not None


def file_digest(path: Path) -> str:
    """Return the digest of one file's bytes."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(files: Mapping[str, str]) -> str:
    """Return the digest of a directory from its files' digests by relative path.

    Raises:
        FetchFailure: a name that the listing cannot hold unambiguously.
    """
    listing = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.encode("utf-8", "surrogateescape")):
        if not path.isprintable() or "\\" in path:
            raise FetchFailure(
                f"file name {path!r} has a backslash, control or non-UTF-8 character"
            )
        listing.update(f"{files[path].removeprefix('sha256:')}  {path}\n".encode())
    return "sha256:" + listing.hexdigest()


def directory_digest(root: Path) -> str:
    """Return the digest of a directory that holds nothing but folders and plain files."""
    files = (path for path in root.rglob("*") if path.is_file())
    return tree_digest({path.relative_to(root).as_posix(): file_digest(path) for path in files})
