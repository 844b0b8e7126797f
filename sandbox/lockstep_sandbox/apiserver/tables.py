"""Tables for `kubectl get`: columns of built-in kinds (builtin/columns.yaml) and of CRDs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from lockstep_sandbox.apiserver.builtin import cells
from lockstep_sandbox.apiserver.clock import age
from lockstep_sandbox.apiserver.jsonpath import find
from lockstep_sandbox.apiserver.resources import Resource
from lockstep_sandbox.apiserver.schema import data

Json = Any
_LIST_META = ("resourceVersion", "continue", "remainingItemCount")


@dataclass(frozen=True)
class Column:
    """One column: its head, and how to make a cell of an object."""

    name: str
    cell: Callable[[Json], Json]
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""


def table(body: Json, resource: Resource, include: str = "Metadata") -> Json:
    """Return a Table of an object or a list; `include`: None, Metadata or Object in each row."""
    columns = _columns(resource)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {k: v for k, v in body["metadata"].items() if k in _LIST_META},
        "columnDefinitions": [
            {k: v for k, v in vars(column).items() if k != "cell"} for column in columns
        ],
        "rows": [_row(obj, columns, include) for obj in body.get("items", [body])],
    }


def _row(obj: Json, columns: list[Column], include: str) -> Json:
    row: Json = {"cells": [column.cell(obj) for column in columns]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        row["object"] = {**head, "metadata": obj["metadata"]}
    return row


def _columns(resource: Resource) -> list[Column]:
    name = Column("Name", lambda obj: obj["metadata"]["name"], format="name")
    if resource.custom:
        return [name, *map(_custom, resource.columns)]
    return [name, *_builtin().get(resource.key, [Column("Age", cells.age)])]


@cache
def _builtin() -> dict[str, list[Column]]:
    listed = data("columns.yaml").items()
    return {key: [_column(*entry) for entry in entries] for key, entries in listed}


def _column(name: str, source: str, priority: int = 0) -> Column:
    if source[0] not in ".#":
        return Column(name, getattr(cells, source), priority=priority)
    path, absent = source.lstrip("#"), 0 if source[0] == "#" else cells.NONE
    kind = "integer" if source[0] == "#" else "string"
    return Column(name, lambda obj: next(iter(find(obj, path)), absent), kind, priority)


def _custom(column: Json) -> Column:
    path, kind = column["jsonPath"], column["type"]
    return Column(
        column["name"],
        lambda obj: _printed(find(obj, path), kind),
        type=kind,
        format=column.get("format", ""),
        description=column.get("description", ""),
        priority=column.get("priority", 0),
    )


def _printed(found: list[Json], kind: str) -> Json:
    if not found:
        return None
    if (value := found[0]) is None:
        return "<no value>"
    if kind == "date":
        return age(value) if isinstance(value, str) else "<unknown>"
    if kind in ("integer", "number", "boolean") or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
