"""The JSONPath of printer columns, scale paths and selectable fields."""

from __future__ import annotations

import re
from typing import Any

Json = Any

_PART = re.compile(
    r"\.(?P<name>[\w-]+(?:\\\.[\w-]+)*)"
    r"|\[(?P<index>-?\d+)\]"
    r"|\[(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\]"
    r"|(?P<all>\[\*\]|\.\*)"
    r"|\[\?\(@(?P<path>[\w.\\/-]+)\s*==\s*(?P<value>[^)]+)\)\]"
)


def find(obj: Json, path: str) -> list[Json]:
    """Return everything at a path; an empty list when there is nothing or no such path."""
    values, rest = [obj], path
    while rest:
        match = _PART.match(rest)
        if not match:
            return []
        values = [found for value in values for found in _step(value, match)]
        rest = rest[match.end() :]
    return values


def first(obj: Json, path: str) -> Json | None:
    """Return the first value at a path, or None."""
    return next(iter(find(obj, path)), None)


def _step(value: Json, match: re.Match[str]) -> list[Json]:
    if match["all"]:
        inner = value.values() if isinstance(value, dict) else value
        return list(inner) if isinstance(value, (dict, list)) else []
    if match["path"]:
        wanted = match["value"].strip().strip("'\"")
        items = value if isinstance(value, list) else []
        return [i for i in items if _equals(first(i, match["path"]), wanted)]
    if match["index"]:
        index = int(match["index"])
        there = isinstance(value, list) and -len(value) <= index < len(value)
        return [value[index]] if there else []
    name = (match["name"] or match["quoted"]).replace("\\.", ".")
    return [value[name]] if isinstance(value, dict) and name in value else []


def _equals(value: Json, wanted: str) -> bool:
    return (str(value).lower() if isinstance(value, bool) else str(value)) == wanted
