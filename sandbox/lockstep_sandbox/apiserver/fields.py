"""Field sets and merging as in structured-merge-diff, the algebra of server-side apply.

A path is a tuple of elements written as in FieldsV1: `f:name`, `k:{"name":"main"}`, `v:"x"`.
A field set is a frozenset of paths.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.schema import ANY, Schema, child, is_atomic

Json = Any
Path = tuple[str, ...]
Fields = frozenset[Path]


def fields_of(value: Json, schema: Schema) -> Fields:
    """Return the fields that an applied configuration claims."""
    return frozenset(_claimed(value, schema, ()))


def _claimed(value: Json, schema: Schema, path: Path) -> Iterator[Path]:
    if is_atomic(schema, value):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            where = (*path, f"f:{name}")
            yield from _claimed(inner, child(schema, name) or ANY, where)
            if inner is None or inner == {} or name not in schema.get("properties", {}):
                yield where
    else:
        items = schema.get("items", ANY)
        for item in value:
            where = (*path, element(item, schema))
            yield where
            yield from _claimed(item, items, where)


def element(item: Json, schema: Schema) -> str:
    """Return the path element of a list item: by its keys, or by value in a set."""
    if schema.get("x-kubernetes-list-type") == "set" or not isinstance(item, dict):
        return f"v:{_dump(item)}"
    properties = schema.get("items", {}).get("properties", {})
    keys = {}
    for key in sorted(schema["x-kubernetes-list-map-keys"]):
        value = item.get(key, properties.get(key, {}).get("default"))
        if value is not None:
            keys[key] = value
    return f"k:{_dump(keys)}"


def _dump(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Comparison:
    """What differs between two versions of an object: added, modified and removed fields."""

    def __init__(self, old: Json, new: Json, schema: Schema) -> None:
        self._found: dict[str, set[Path]] = {"added": set(), "modified": set(), "removed": set()}
        self._compare(old, new, schema, ())
        self.added, self.modified, self.removed = (
            frozenset(self._found[k]) for k in ("added", "modified", "removed")
        )

    def _compare(self, old: Json, new: Json, schema: Schema, path: Path) -> None:
        if old is None and new is None:
            return
        shape = new if new is not None else old
        same_shape = old is None or new is None or type(old) is type(new)
        if is_atomic(schema, shape) or not same_shape or not (old or new):
            self._leaf(old, new, path)
            return
        for name, before, after, inner in _pairs(old, new, schema):
            self._compare(before, after, inner, (*path, name))
        if path and (old is None or new is None):
            self._leaf(old, new, path)

    def _leaf(self, old: Json, new: Json, path: Path) -> None:
        if old is None:
            self._found["added"].add(path)
        elif new is None:
            self._found["removed"].add(path)
        elif old != new or type(old) is not type(new):
            self._found["modified"].add(path)


def _pairs(old: Json, new: Json, schema: Schema) -> Iterator[tuple[str, Json, Json, Schema]]:
    """Yield (path element, old child, new child, schema) of two maps or keyed lists."""
    if isinstance(new if new is not None else old, dict):
        old, new = old or {}, new or {}
        for name in {**old, **new}:
            yield f"f:{name}", old.get(name), new.get(name), child(schema, name) or ANY
        return
    before = {element(i, schema): i for i in old or ()}
    after = {element(i, schema): i for i in new or ()}
    for name in {**before, **after}:
        yield name, before.get(name), after.get(name), schema.get("items", ANY)


def merge(live: Json, config: Json, schema: Schema) -> Json:
    """Lay an applied configuration over the live object."""
    if (
        live is None
        or config is None
        or is_atomic(schema, config)
        or type(live) is not type(config)
    ):
        return config
    if isinstance(config, dict):
        merged = dict(live)
        for name, value in config.items():
            merged[name] = merge(live.get(name), value, child(schema, name) or ANY)
        return merged
    return _merge_list(live, config, schema)


def _merge_list(live: list[Json], config: list[Json], schema: Schema) -> list[Json]:
    """Merge keyed lists: the applied order holds, items of the live list stay near their place."""
    items = schema.get("items", ANY)
    left = {element(i, schema): i for i in live}
    right = {element(i, schema): i for i in config}
    shared = deque(name for name in right if name in left)
    waiting = deque(left)
    merged = []
    for name, value in [*right.items(), ("", None)]:
        while waiting and (not shared or waiting[0] != shared[0]):
            if (head := waiting.popleft()) not in right:
                merged.append(left[head])
        if shared and name == shared[0]:
            shared.popleft()
        if name:
            merged.append(merge(left.get(name), value, items))
    return merged


def remove(value: Json, gone: Fields, schema: Schema, path: Path = ()) -> Json:
    """Return a value without the given fields; a path takes all that is below it along."""
    if is_atomic(schema, value):
        return value
    if isinstance(value, dict):
        kept = {}
        for name, inner in value.items():
            where = (*path, f"f:{name}")
            if where not in gone:
                kept[name] = remove(inner, gone, child(schema, name) or ANY, where)
        return kept
    items = schema.get("items", ANY)
    wheres = [(item, (*path, element(item, schema))) for item in value]
    return [remove(item, gone, items, where) for item, where in wheres if where not in gone]


def with_parents(fields: Fields, schema: Schema) -> Fields:
    """Add the declared struct fields that lead to the given ones."""
    return fields | {p for path in fields for p in _declared_parents(path, schema)}


def _declared_parents(path: Path, schema: Schema) -> Iterator[Path]:
    for i, part in enumerate(path[:-1]):
        name = part[2:]
        if part.startswith("f:"):
            if name in schema.get("properties", {}):
                yield path[: i + 1]
            schema = child(schema, name) or ANY
        else:
            schema = schema.get("items", ANY)


def to_v1(fields: Fields) -> dict[str, Json]:
    """Write a field set as FieldsV1."""
    tree: dict[str, Json] = {}
    for path in sorted(fields):
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node["."] = {}
    return _without_lone_dots(tree)


def _without_lone_dots(tree: dict[str, Json]) -> dict[str, Json]:
    return (
        {}
        if list(tree) == ["."]
        else {k: {} if k == "." else _without_lone_dots(v) for k, v in tree.items()}
    )


def from_v1(tree: dict[str, Json], path: Path = ()) -> Fields:
    """Read FieldsV1; raises ValueError for an element that is none."""
    found: set[Path] = set()
    for name, inner in tree.items():
        if name == ".":
            found.add(path)
            continue
        if name[:2] not in ("f:", "k:", "v:", "i:") or not isinstance(inner, dict):
            raise ValueError(f"not a FieldsV1 path element: {name!r}")
        where = (*path, name)
        found |= from_v1(inner, where) if inner else {where}
    return frozenset(found)


def show(path: Path) -> str:
    """Print a path as conflicts do: `.spec.containers[name="main"].image`."""
    return "".join(_show_part(part) for part in path)


def _show_part(part: str) -> str:
    if part.startswith("f:"):
        return f".{part[2:]}"
    if part.startswith("k:"):
        keys = json.loads(part[2:])
        return "[" + ",".join(f"{k}={_dump(v)}" for k, v in sorted(keys.items())) + "]"
    return f"[={part[2:]}]"
