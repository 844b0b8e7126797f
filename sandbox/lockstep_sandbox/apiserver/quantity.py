"""Kubernetes quantities (`500m`, `1Gi`): parsing, and the canonical form that a server stores."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from lockstep_sandbox.apiserver.schema import ANY, QUANTITY, Schema, child

Json = Any

_TEXT = re.compile(r"([+-]?[0-9.]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)")
_BINARY = {f"{s}i": Decimal(1024) ** (i + 1) for i, s in enumerate("KMGTPE")}
_DECIMAL = {s: Decimal(1000) ** (i - 3) for i, s in enumerate(["n", "u", "m", "", *"kMGTPE"])}


def parse(value: Json) -> Decimal:
    """Return a quantity as a number; raises ValueError."""
    match = _TEXT.fullmatch(str(value))
    if not match or match[1].count(".") > 1:
        raise ValueError(
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    number = Decimal(match[1] + (match[2] or ""))
    suffix = match[3] or ""
    return number * (_BINARY.get(suffix) or _DECIMAL[suffix])


def canonical(value: Json) -> str:
    """Return a quantity with the largest suffix that keeps it whole; raises ValueError."""
    number = parse(value)
    scales = _BINARY if str(value).endswith("i") and abs(number) >= 1024 else _DECIMAL
    for suffix, scale in reversed(scales.items()):
        if number and number % scale == 0:
            return f"{int(number / scale)}{suffix}"
    return str(int(number)) if number == int(number) else f"{-int(-number / _DECIMAL['n'] // 1)}n"


def canonicalise(value: Json, schema: Schema) -> None:
    """Rewrite all quantities of an object in place; one that is none is left for validation."""
    if isinstance(value, dict):
        for name, inner in value.items():
            found = child(schema, name) or ANY
            if found is QUANTITY:
                value[name] = _or_same(inner)
            else:
                canonicalise(inner, found)
    elif isinstance(value, list):
        for item in value:
            canonicalise(item, schema.get("items", ANY))


def _or_same(value: Json) -> Json:
    try:
        return canonical(value)
    except ValueError:
        return value
