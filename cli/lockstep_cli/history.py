"""What `lockstep history` lists, as data: revisions in the order in which they were promoted."""

from collections.abc import Sequence
from typing import Any

from lockstep_cli.order import signed
from lockstep_cli.revision import Revision, parse_revisions

Manifest = dict[str, Any]


def read_history(revisions: Sequence[Manifest]) -> list[Revision]:
    """Return the revisions, first promoted first; those never promoted come last."""
    parsed = parse_revisions(revisions)
    return sorted(parsed, key=lambda item: (item.promoted_at or "~", item.promotion, item.name))


def machine(history: Sequence[Revision]) -> list[Manifest]:
    """Return the form for `-o json` and `-o yaml`: camelCase names that do not change."""
    return [
        {
            "revision": item.name,
            "role": item.role,
            "promotion": item.promotion or None,
            "promotedAt": item.promoted_at,
            "promotions": list(item.promotions),
            "warmth": item.warmth,
            "quarantine": item.quarantine,
            "released": item.released,
            "orders": item.orders or None,
            "restore": item.restore,
            "model": item.model_uri,
            "digest": item.digest,
            "message": item.message,
            "evaluations": list(item.evaluations),
        }
        for item in history
    ]


def why_promoted(revision: Revision) -> str:
    """Return who promoted it last and why, as far as that was more than its steps."""
    last = revision.last_promotion or {}
    parts = [signed(last).strip()]
    if last.get("rollbackOf"):
        parts.append(f"took over from {', '.join(last['rollbackOf'])}")
    return "; ".join(filter(None, parts))
