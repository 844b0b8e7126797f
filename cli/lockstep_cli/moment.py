"""Points in time and spans of it, as the API writes them and as people read them."""

from datetime import UTC, datetime


def parse_time(text: str | None) -> datetime | None:
    """Return an RFC 3339 timestamp as an aware datetime; None for none, and for what is none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None  # written by hand
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def format_time(moment: datetime) -> str:
    """Return a timestamp for the API: UTC, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def whole_seconds(text: str | None) -> str:
    """Return a timestamp of the API for people, without its fraction; `-` for none."""
    moment = parse_time(text)
    return "-" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_span(seconds: float) -> str:
    """Return a span in its two largest units, as kubectl does: `45s`, `3m12s`, `2h5m`, `4d1h`."""
    left = max(0, round(seconds))
    units = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    parts: list[str] = []
    for size, unit in units:
        count, left = divmod(left, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count}{unit}")
    shown = [part for part in parts[:2] if not part.startswith("0")]
    return "".join(shown) or "0s"
