"""Durations in Envoy's JSON form: seconds with a trailing `s`."""


def to_text(seconds: float) -> str:
    """Return `15s`, `0.25s`; milliseconds are the finest step."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def from_text(text: str) -> float:
    """Return the seconds of `15s`.

    Raises:
        ValueError: not such a text.
    """
    if not text.endswith("s"):
        raise ValueError(f"{text!r} is no duration")
    return float(text[:-1])
