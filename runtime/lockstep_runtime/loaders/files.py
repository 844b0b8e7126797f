"""Finding the model among the fetched files."""

from collections.abc import Sequence
from pathlib import Path

from lockstep_runtime.errors import LoadFailure
from lockstep_runtime.storage.golden import GOLDEN

_SHOWN = 5


def model_file(content: Path, suffixes: Sequence[str], kind: str) -> Path:
    """Return the one file below `content` that has one of the suffixes.

    Golden requests are never the model. `kind` is how messages call it.

    Raises:
        LoadFailure: there is none, or there are several.
    """
    files = sorted(path for path in content.rglob("*") if path.is_file() and path.name != GOLDEN)
    models = [path for path in files if path.suffix in suffixes]
    if len(models) == 1:
        return models[0]
    found = ", ".join(path.relative_to(content).as_posix() for path in (models or files)[:_SHOWN])
    if models:
        raise LoadFailure(f"there must be one {kind} model file, there are several: {found}")
    raise LoadFailure(
        f"no {kind} model file found: expected {', '.join(suffixes)}; there is {found or 'none'}"
    )
