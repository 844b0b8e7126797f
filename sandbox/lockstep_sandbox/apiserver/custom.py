"""Validate custom resources: OpenAPI keywords, list types, then CEL rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from lockstep_sandbox.apiserver.cel import has_rules, rule_problems
from lockstep_sandbox.apiserver.clock import parse
from lockstep_sandbox.apiserver.errors import FieldError
from lockstep_sandbox.apiserver.fields import element
from lockstep_sandbox.apiserver.resources import Resource
from lockstep_sandbox.apiserver.schema import Schema, child
from lockstep_sandbox.apiserver.typed import fits, type_name

Json = Any
ABSENT = object()
_BLOCKING = ("Unsupported value", "Required value", "Too long", "Too many", "Type invalid")
_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


def validate_custom(resource: Resource, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a custom object; what did not change is not looked at again."""
    schema = resource.validation or {}
    before = old if old is not None else ABSENT
    if new["kind"] != resource.kind:
        yield FieldError("kind", "Invalid value", f"must be {resource.kind}", new["kind"])
    found = list(schema_problems(new, schema, "", before))
    found += _list_problems(new, schema, "")
    yield from found
    if not has_rules(schema):
        return
    if any(p.kind in _BLOCKING for p in found):
        yield FieldError("", "Invalid value", _NOT_CHECKED, None)
    else:
        yield from rule_problems(new, old, resource.schema)


def schema_problems(
    value: Json, schema: Schema, path: str, old: Json = ABSENT
) -> Iterator[FieldError]:
    """Yield breaches of OpenAPI keywords in kube-openapi's words."""
    if old is not ABSENT and value == old and path:
        return
    if value is None and schema.get("nullable"):
        return
    yield from _type(value, schema, path)
    if schema.get("x-kubernetes-int-or-string") and not fits_int_or_string(value):
        yield _wrong_type(path, "integer,string", value)
    if isinstance(value, dict):
        yield from _object(value, schema, path, old)
    elif isinstance(value, list):
        yield from _array(value, schema, path, old)
    elif isinstance(value, str):
        yield from _string(value, schema, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    if (allowed := schema.get("enum")) is not None and value not in allowed:
        shown = ", ".join(json.dumps(a) for a in allowed)
        yield FieldError(path, "Unsupported value", f"supported values: {shown}", value)
    yield from _combined(value, schema, path)


def fits_int_or_string(value: Json) -> bool:
    """Tell whether a value is an integer or a string."""
    return fits(value, "integer") or isinstance(value, str)


def _wrong_type(path: str, wanted: str, value: Json) -> FieldError:
    name = type_name(value)
    why = f'{path} in body must be of type {wanted}: "{name}"'
    return FieldError(path, "Type invalid", why, name)


def _type(value: Json, schema: Schema, path: str) -> Iterator[FieldError]:
    wanted = schema.get("type")
    if wanted and not schema.get("x-kubernetes-int-or-string") and not fits(value, wanted):
        yield _wrong_type(path, wanted, value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _object(value: dict[str, Json], schema: Schema, path: str, old: Json) -> Iterator[FieldError]:
    for name in schema.get("required", ()):
        if name not in value:
            yield FieldError(_join(path, name), "Required value")
    if (most := schema.get("maxProperties")) is not None and len(value) > most:
        yield FieldError(path, "Too many", f"{len(value)}: must have at most {most} items")
    if (least := schema.get("minProperties")) is not None and len(value) < least:
        why = f"{path} in body should have at least {least} properties"
        yield FieldError(path, "Invalid value", why, len(value))
    before = old if isinstance(old, dict) else {}
    for name, inner in value.items():
        if (found := child(schema, name)) is not None:
            yield from schema_problems(inner, found, _join(path, name), before.get(name, ABSENT))


def _array(value: list[Json], schema: Schema, path: str, old: Json) -> Iterator[FieldError]:
    if (most := schema.get("maxItems")) is not None and len(value) > most:
        yield FieldError(path, "Too many", f"{len(value)}: must have at most {most} items")
    if (least := schema.get("minItems")) is not None and len(value) < least:
        why = f"{path} in body should have at least {least} items"
        yield FieldError(path, "Invalid value", why, len(value))
    before = {}
    if isinstance(old, list) and schema.get("x-kubernetes-list-type") == "map":
        before = {element(i, schema): i for i in old if isinstance(i, dict)}
    for i, item in enumerate(value):
        was = before.get(element(item, schema), ABSENT) if before else ABSENT
        yield from schema_problems(item, schema.get("items", {}), f"{path}[{i}]", was)


def _string(value: str, schema: Schema, path: str) -> Iterator[FieldError]:
    if (most := schema.get("maxLength")) is not None and len(value) > most:
        yield FieldError(path, "Too long", f"may not be more than {most} bytes", value)
    elif (least := schema.get("minLength")) is not None and len(value) < least:
        why = f"{path} in body should be at least {least} chars long"
        yield FieldError(path, "Invalid value", why, value)
    elif (pattern := schema.get("pattern")) and not re.search(pattern, value):
        why = f"{path} in body should match '{pattern}'"
        yield FieldError(path, "Invalid value", why, value)
    check = _FORMATS.get(schema.get("format", ""))
    if check and not check(value):
        why = f'{path} in body must be of type {schema["format"]}: "{value}"'
        yield FieldError(path, "Type invalid", why, value)


def _is_time(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return "T" in text


def _is_duration(text: str) -> bool:
    return bool(re.fullmatch(r"([0-9.]+(ns|us|µs|ms|s|m|h|d|w))+|0", text))


_FORMATS: dict[str, Callable[[str], bool]] = {"date-time": _is_time, "duration": _is_duration}


def _number(value: float, schema: Schema, path: str) -> Iterator[FieldError]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value < low or (schema.get("exclusiveMinimum") and value == low)):
        words = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield FieldError(path, "Invalid value", f"{path} in body should be {words} {low}", value)
    if high is not None and (value > high or (schema.get("exclusiveMaximum") and value == high)):
        words = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield FieldError(path, "Invalid value", f"{path} in body should be {words} {high}", value)
    if factor := schema.get("multipleOf"):
        yield from _multiple(value, factor, path)


def _multiple(value: float, factor: float, path: str) -> Iterator[FieldError]:
    if isinstance(value, int) and int(factor) != factor:  # a quirk of kube-openapi
        whole = int(factor)
        why = f"factor MultipleOf declared for {path} must be positive: {whole}"
        yield FieldError(path, "Invalid value", why, whole)
    elif Decimal(str(value)) % Decimal(str(factor)):
        why = f"{path} in body should be a multiple of {factor}"
        yield FieldError(path, "Invalid value", why, value)


def _combined(value: Json, schema: Schema, path: str) -> Iterator[FieldError]:
    def passes(part: Schema) -> bool:
        return next(schema_problems(value, part, path), None) is None

    for part in schema.get("allOf", ()):
        yield from schema_problems(value, part, path)
    words = ""
    if (options := schema.get("anyOf")) and not any(map(passes, options)):
        words = "must validate at least one schema (anyOf)"
    elif (options := schema.get("oneOf")) and sum(map(passes, options)) != 1:
        words = "must validate one and only one schema (oneOf)"
    elif (part := schema.get("not")) and passes(part):
        words = "must not validate the schema (not)"
    if words:
        yield FieldError(path, "Invalid value", f'"{path}" {words}', value)


def _list_problems(value: Json, schema: Schema, path: str) -> Iterator[FieldError]:
    """Yield doubles in sets and keyed lists."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if (found := child(schema, name)) is not None:
                yield from _list_problems(inner, found, _join(path, name))
    elif isinstance(value, list):
        seen = set()
        keyed = schema.get("x-kubernetes-list-type") in ("set", "map")
        for i, item in enumerate(value):
            name = element(item, schema) if keyed and _has_keys(item, schema) else ""
            if name and name in seen:
                shown = json.loads(name[2:])
                yield FieldError(f"{path}[{i}]", "Duplicate value", value=shown)
            seen.add(name)
            yield from _list_problems(item, schema.get("items", {}), f"{path}[{i}]")


def _has_keys(item: Json, schema: Schema) -> bool:
    return schema["x-kubernetes-list-type"] == "set" or isinstance(item, dict)
