"""A declared schema: features with types, ranges, categories; read from JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from lockstep_runtime.errors import LoadFailure

Mode = Literal["enforce", "warn", "off"]
FeatureType = Literal["number", "integer", "string", "boolean"]
_FIELDS = frozenset({"name", "type", "min", "max", "categories", "nullable"})


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Attributes:
        minimum, maximum: both included; None: no bound. Of numbers and integers only.
        categories: the values there are; empty: any.
        nullable: a number may be missing (null in JSON, NaN).
    """

    name: str
    type: FeatureType = "number"
    minimum: float | None = None
    maximum: float | None = None
    categories: frozenset[Any] = frozenset()
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """Features in the order of a table's columns, and what happens to a request that breaks it."""

    mode: Mode
    features: tuple[Feature, ...]


def read_schema(text: str) -> Schema:
    """Return the schema in `text`: JSON, or @ and the path of a file that holds it.

    Raises:
        LoadFailure: it is no schema; the message names the field.
    """
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise LoadFailure(f"cannot read the schema: {error}") from error
    try:
        document = json.loads(text)
    except ValueError as error:
        raise LoadFailure(f"the schema is not valid JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("features"), list):
        raise LoadFailure("the schema must be an object with a list 'features'")
    mode = document.get("mode", "enforce")
    if mode not in get_args(Mode):
        raise LoadFailure(f"schema field 'mode' is {mode!r}, it must be enforce, warn or off")
    features = tuple(_feature(index, item) for index, item in enumerate(document["features"]))
    if len({feature.name for feature in features}) != len(features):
        raise LoadFailure("schema field 'features': two features have the same name")
    return Schema(cast(Mode, mode), features)


def _feature(index: int, item: object) -> Feature:
    field = f"schema field 'features[{index}]'"
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
        raise LoadFailure(f"{field} must be an object with a name")
    if unknown := sorted(item.keys() - _FIELDS):
        known = ", ".join(sorted(_FIELDS))
        raise LoadFailure(f"{field}: unknown field {unknown[0]!r}; there are {known}")
    kind = item.get("type", "number")
    if kind not in get_args(FeatureType):
        raise LoadFailure(f"{field}: type {kind!r} is none of {', '.join(get_args(FeatureType))}")
    low, high = (_bound(field, name, kind, item.get(name)) for name in ("min", "max"))
    if low is not None and high is not None and low > high:
        raise LoadFailure(f"{field}: min {low:g} is above max {high:g}")
    nullable = item.get("nullable", False)
    if not isinstance(nullable, bool):
        raise LoadFailure(f"{field}: nullable must be true or false")
    categories = _categories(field, kind, item.get("categories"))
    return Feature(item["name"], cast(FeatureType, kind), low, high, categories, nullable)


def _bound(field: str, name: str, kind: str, value: object) -> float | None:
    if value is None:
        return None
    if kind not in ("number", "integer"):
        raise LoadFailure(f"{field}: {name} is for numbers, the type is {kind}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LoadFailure(f"{field}: {name} must be a number")
    return float(value)


def _categories(field: str, kind: str, value: object) -> frozenset[Any]:
    if value is None:
        return frozenset()
    wanted: tuple[type, ...] = (str,) if kind == "string" else (int, float)
    if kind == "boolean":
        raise LoadFailure(f"{field}: a boolean has no categories")
    if not isinstance(value, list) or not value:
        raise LoadFailure(f"{field}: categories must be a list of at least one value")
    for one in value:
        if isinstance(one, bool) or not isinstance(one, wanted):
            raise LoadFailure(f"{field}: category {one!r} is no {kind}")
    return frozenset(value)
