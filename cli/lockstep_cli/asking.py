"""What a manifest asks for, compared with what a revision is made of."""

from collections.abc import Sequence
from typing import Any, Final

from lockstep_cli.diff import differences

Manifest = dict[str, Any]

_NAMED: Final = 4  # paths in a sentence; an overlay of pods may differ in dozens


def differing(spec: Manifest, revision: Manifest) -> tuple[str, ...]:
    """Return the paths of the content in which a ModelDeployment's spec differs from a revision.

    Both are normalised by the operator's own rules: `1` and `1000m` of CPU do not differ, nor do a
    default and nothing.
    """
    wanted = {"model": spec.get("model") or {}, "runtime": spec.get("runtime") or {}}
    return tuple(row["path"] for row in differences(_normal(wanted), _normal(revision)))


def _normal(content: Manifest) -> Manifest:
    # Takes as long to import as all the rest; --help and most looks do without.
    from lockstep_operator.core.content import normalise  # noqa: PLC0415

    try:
        return normalise(content)
    except (ValueError, KeyError):
        return content  # of an operator that is newer than this command


def in_words(paths: Sequence[str]) -> str:
    """Return paths for a sentence: `model.uri, runtime.image and 3 more`."""
    more = len(paths) - _NAMED
    named = ", ".join(paths[:_NAMED])
    return f"{named} and {more} more" if more > 0 else named
