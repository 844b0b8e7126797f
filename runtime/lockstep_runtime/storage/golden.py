"""Golden requests: a file beside the model with requests and the answers they must get.

In a directory it is one of its files, at the top, and part of its digest. Beside a single file it
is brought along and is no part of the model's digest. The runtime only hands it on; whoever asks
the requests reads it.
"""

from dataclasses import dataclass
from pathlib import Path

from lockstep_runtime.storage.manifest import CONTENT

GOLDEN = "golden.json"
MAX_GOLDEN_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class GoldenFile:
    """The file's bytes; None: there is none, or it cannot be used, as `problem` tells."""

    body: bytes | None = None
    problem: str = ""


def read_golden(model_dir: Path) -> GoldenFile:
    """Read the golden requests of a fetched model; a model without them is as good."""
    for path in (model_dir / CONTENT / GOLDEN, model_dir / GOLDEN):
        if path.is_file():
            return _read(path)
    return GoldenFile()


def _read(path: Path) -> GoldenFile:
    try:
        size = path.stat().st_size
        if size > MAX_GOLDEN_BYTES:
            problem = f"{GOLDEN} has {size} bytes, the limit is {MAX_GOLDEN_BYTES}"
            return GoldenFile(problem=problem)
        return GoldenFile(path.read_bytes(), "")
    except OSError as error:
        return GoldenFile(problem=f"cannot read {GOLDEN}: {error.strerror}")
