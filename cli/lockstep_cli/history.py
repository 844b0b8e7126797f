"""What `lockstep history` lists, as data: revisions in the order in which they were promoted."""

from collections.abc import Sequence
from typing import Any

from lockstep_cli.revision import Revision, parse_revision

Manifest = dict[str, Any]


def read_history(revisions: Sequence[Manifest]) -> list[Revision]:
    """Return the revisions, first promoted first; those never promoted come last."""
    parsed = [parse_revision(item) for item in revisions]
    return sorted(parsed, key=lambda item: (item.promoted_at or "~", item.promotion, item.name))


def machine(history: Sequence[Revision]) -> list[Manifest]:
    """Return the form for `-o json` and `-o yaml`: camelCase names that do not change."""
    return [
        {
            "revision": item.name,
            "role": item.role,
            "promotion": item.promotion or None,
            "promotedAt": item.promoted_at,
            "warmth": item.warmth,
            "quarantine": item.quarantine,
            "model": item.model_uri,
            "digest": item.digest,
        }
        for item in history
    ]
