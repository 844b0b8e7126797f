"""What the first pod of a revision reported, as the operator mounts it for the others."""

from dataclasses import dataclass
from pathlib import Path

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.digest import is_digest


@dataclass(frozen=True, slots=True)
class Observed:
    """The digest that every pod must find, and what a moving reference stood for then."""

    digest: str
    version: str | None = None


def read_observed(folder: Path | None) -> Observed | None:
    """Return what the first pod of the revision reported, None when none has yet.

    Raises:
        FetchFailure: it cannot be read, or is no digest.
    """
    if folder is None or (digest := _read(folder / "digest")) is None:
        return None
    if not is_digest(digest):
        raise FetchFailure(f"{folder / 'digest'} holds no digest: {digest[:80]!r}")
    return Observed(digest, _read(folder / "version") or None)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FetchFailure(f"cannot read the observed {path.name}: {error}") from error
