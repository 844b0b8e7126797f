"""Message classes made from a table of fields, where generated code would be a build step.

A field is (name, number, type). A type is a scalar of protobuf, the name of another message, or an
enum as `enum A B`, numbered from 0. `*type` is repeated, `{type}` a map from strings, and `|type`
one of the message's only oneof.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

Field = tuple[str, int, str]
Table = Mapping[str, Sequence[Field]]

_ONEOF = "parameter_choice"
_SCALARS = {
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "string": FieldDescriptorProto.TYPE_STRING,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
}


def message_classes(package: str, table: Table) -> dict[str, Any]:
    """Return a class per message of the table, by its name; `A.B` is B, nested in A after it.

    They live in a pool of their own, so that no other library's classes of the same protocol are in
    the way.
    """
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    messages: dict[str, DescriptorProto] = {}
    for path, fields in table.items():
        outer, _, name = path.rpartition(".")
        siblings = messages[outer].nested_type if outer else file.message_type
        message = messages[path] = siblings.add(name=name)
        for field in fields:
            _add(message, f".{package}.{path}", package, field)
    pool = DescriptorPool()
    pool.Add(file)
    return {
        path: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{path}")) for path in table
    }


def _add(message: DescriptorProto, path: str, package: str, field: Field) -> None:
    name, number, kind = field
    proto = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if kind.startswith("|"):
        kind = kind[1:]
        if not message.oneof_decl:
            message.oneof_decl.add(name=_ONEOF)
        proto.oneof_index = 0
    elif kind.startswith("*"):
        kind = kind[1:]
        proto.label = FieldDescriptorProto.LABEL_REPEATED
    elif kind.startswith("{"):
        proto.label = FieldDescriptorProto.LABEL_REPEATED
        kind = _map_entry(message, path, package, name, kind[1:-1])
    if kind.startswith("enum "):
        kind = _enum(message, path, kind.split()[1:])
        proto.type, proto.type_name = FieldDescriptorProto.TYPE_ENUM, kind
    elif kind in _SCALARS:
        proto.type = _SCALARS[kind]
    else:
        full = kind if kind.startswith(".") else f".{package}.{kind}"
        proto.type, proto.type_name = FieldDescriptorProto.TYPE_MESSAGE, full


def _map_entry(message: DescriptorProto, path: str, package: str, name: str, kind: str) -> str:
    """Add the message that a map's entries are on the wire, and return its full name."""
    title = "".join(word.capitalize() for word in name.split("_")) + "Entry"
    entry = message.nested_type.add(name=title)
    entry.options.map_entry = True
    for field in (("key", 1, "string"), ("value", 2, kind)):
        _add(entry, f"{path}.{title}", package, field)
    return f"{path}.{title}"


def _enum(message: DescriptorProto, path: str, names: Sequence[str]) -> str:
    enum = message.enum_type.add(name="Value")
    for number, name in enumerate(names):
        enum.value.add(name=name, number=number)
    return f"{path}.Value"
