"""What a flag's text may be. Each raises ArgumentTypeError, which argparse tells in one line."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable

_REVISION = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,251}[A-Za-z0-9])?")


def model_name(text: str) -> str:
    """Return a model's name: whatever can be printed; in URLs it is quoted."""
    if not (text.isprintable() and text == text.strip() and 1 <= len(text) <= 253):
        raise ArgumentTypeError(f"{text!r} is no name: 1 to 253 printable characters")
    return text


def revision_name(text: str) -> str:
    """Return a version's name, which has to fit into a header."""
    if not _REVISION.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no name: letters, digits, '-', '.', '_'")
    return text


def sha256(text: str) -> str:
    """Return 64 hex digits, in lower case and without `sha256:`."""
    digits = text.lower().removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise ArgumentTypeError(f"{text!r} is not 64 hex digits")
    return digits


def port(text: str) -> int:
    """Return a port; 0 is one."""
    if not text.isdigit() or int(text) > 65535:
        raise ArgumentTypeError(f"{text!r} is no port (0 to 65535)")
    return int(text)


def positive(text: str) -> int:
    """Return an integer of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no integer of at least 1")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds, at most a day."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86400:
        raise ArgumentTypeError(f"{text!r} is no number of seconds (0 to 86400)")
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """Return a check for one of these words."""

    def check(text: str) -> str:
        if text not in words:
            raise ArgumentTypeError(f"{text!r} is none of {', '.join(words)}")
        return text

    return check
