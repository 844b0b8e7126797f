"""Read the protobuf bodies that kubectl posts (`kubectl create namespace|configmap|…`).

Field numbers are in builtin/protobuf.yaml, types in builtin/types.yaml.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from lockstep_sandbox.apiserver.clock import SECONDS
from lockstep_sandbox.apiserver.schema import QUANTITY, TYPE, Schema, data, types

Json = Any
_MAGIC = b"k8s\x00"


@cache
def _numbers() -> dict[str, list[str]]:
    return {name: fields.split() for name, fields in data("protobuf.yaml").items()}


def decode(body: bytes) -> Json:
    """Return the object in a `k8s\\0` envelope; raises ValueError for what is not in the table."""
    if not body.startswith(_MAGIC):
        raise ValueError("not Kubernetes protobuf")
    envelope = dict(_fields(body[len(_MAGIC) :]))
    head = {number: value.decode() for number, value in _fields(envelope[1])}
    if (kind := head.get(2, "")) not in _numbers():
        raise ValueError(f"protobuf of {kind} is not in the sandbox; send JSON")
    found = _message(envelope.get(2, b""), types().kind(kind))
    return {**found, "kind": kind, "apiVersion": head.get(1, "")}


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (number, value) of a message: int for varints, bytes for the rest."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
        elif key & 7 == 2:
            size, at = _varint(data, at)
            yield key >> 3, data[at : at + size]
            at += size
        else:
            raise ValueError(f"protobuf wire type {key & 7} is not in the sandbox")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if not byte & 128:
            return value, at
    raise ValueError("protobuf ends too early")


def _message(data: bytes, schema: Schema) -> Json:
    names = _numbers().get(schema[TYPE], [])
    found: dict[str, Json] = {}
    for number, value in _fields(data):
        if number > len(names) and value not in (b"", 0):
            raise ValueError(f"protobuf field {number} of {schema[TYPE]} is not in the sandbox")
        if number > len(names) or (name := names[number - 1]) == "-":
            continue
        _put(found, name, value, schema["properties"][name])
    return found


def _put(found: dict[str, Json], name: str, value: Any, schema: Schema) -> None:
    if schema.get("type") == "array":
        found.setdefault(name, []).append(_value(value, schema["items"]))
    elif "additionalProperties" in schema:
        entry = dict(_fields(value))
        inner = _value(entry.get(2, b""), schema["additionalProperties"])
        found.setdefault(name, {})[entry.get(1, b"").decode()] = inner
    elif (read := _value(value, schema)) or (read == 0 and name in types().pointers):
        found[name] = read  # other zeros are Go's way to say nothing


def _value(value: Any, schema: Schema) -> Json:
    if schema is QUANTITY or schema.get("x-kubernetes-int-or-string"):
        return _special(dict(_fields(value)), schema)
    if TYPE in schema:
        return _message(value, schema)
    if schema.get("format") == "date-time":
        seconds = dict(_fields(value)).get(1)
        return datetime.fromtimestamp(seconds, UTC).strftime(SECONDS) if seconds else None
    if schema.get("format") == "byte":
        return base64.b64encode(value).decode()
    plain = value if isinstance(value, int) else value.decode()
    return bool(plain) if schema.get("type") == "boolean" else plain


def _special(parts: dict[int, Any], schema: Schema) -> Json:
    """Read a Quantity {1: text} or an IntOrString {1: is a string, 2: number, 3: text}."""
    if schema is QUANTITY:
        return parts.get(1, b"0").decode()
    return parts[3].decode() if parts.get(1) else parts.get(2, 0)
