"""Compare a normalised answer with the recorded one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.cases import Rule


def differences(rule: Rule, recorded: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """Return what is wrong with the answer; an empty list when nothing is."""
    if rule == "status":
        recorded, answer = {"status": recorded["status"]}, {"status": answer["status"]}
    return list(_walk("", recorded, answer, exact=rule == "exact"))


def _walk(path: str, want: Any, got: Any, *, exact: bool) -> Iterator[str]:
    if isinstance(want, dict) and isinstance(got, dict):
        yield from _walk_map(path, want, got, exact=exact)
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"{path}: wanted {len(want)} elements {want!r}, got {len(got)}: {got!r}"
            return
        for i, (one, other) in enumerate(zip(want, got, strict=True)):
            yield from _walk(f"{path}/{i}", one, other, exact=exact)
    elif want != got or type(want) is not type(got):
        yield f"{path}: wanted {want!r}, got {got!r}"


def _walk_map(
    path: str, want: dict[str, Any], got: dict[str, Any], *, exact: bool
) -> Iterator[str]:
    for key, value in want.items():
        if key not in got:
            yield f"{path}/{key}: missing, wanted {value!r}"
        else:
            yield from _walk(f"{path}/{key}", value, got[key], exact=exact)
    if exact:
        yield from (f"{path}/{key}: {got[key]!r} is too much" for key in got if key not in want)
