"""x-kubernetes-validations: CEL rules of CRDs, run by cel-python.

Values are converted by schema, because CEL tells integers from doubles and JSON does not.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError, base_functions

from lockstep_sandbox.apiserver.celfunctions import FUNCTIONS
from lockstep_sandbox.apiserver.clock import parse
from lockstep_sandbox.apiserver.errors import FieldError, not_in_the_sandbox
from lockstep_sandbox.apiserver.fields import element
from lockstep_sandbox.apiserver.schema import Schema, child
from lockstep_sandbox.apiserver.typed import type_name

Json = Any
RULES = "x-kubernetes-validations"
_KINDS = {
    "FieldValueForbidden": "Forbidden",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
}
_RESERVED = re.compile(
    "true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package"
    "|namespace|return|var|void|while"
)
logging.getLogger("celpy").setLevel(logging.ERROR)


@lru_cache(maxsize=4096)
def program(rule: str) -> Any:
    """Compile a rule; raises CELParseError."""
    environment = _environment()
    return environment.program(environment.compile(rule), functions=FUNCTIONS)


@lru_cache(maxsize=1)
def _environment() -> Any:
    return celpy.Environment()


def refusal(rule: str) -> str:
    """Return why a rule cannot be compiled; "" when it can.

    Raises ApiError 501 for a function that Kubernetes may have and the sandbox has not.
    """
    try:
        program(rule)
    except CELParseError as error:
        return f"compilation failed: {error.args[0]}"
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", rule)
    for name in re.findall(r"(\w+)\s*\(", bare):
        if name not in base_functions and name not in FUNCTIONS and name not in _MACROS:
            raise not_in_the_sandbox(f"the CEL function {name}")
    return ""


_MACROS = ("all", "exists", "exists_one", "filter", "has", "in", "map")


def has_rules(schema: Schema) -> bool:
    """Tell whether a schema has rules anywhere."""
    if schema.get(RULES):
        return True
    inner = [*schema.get("properties", {}).values(), schema.get("items")]
    inner.append(schema.get("additionalProperties"))
    return any(has_rules(s) for s in inner if isinstance(s, dict))


def rule_problems(
    new: Json, old: Json | None, schema: Schema, path: str = ""
) -> Iterator[FieldError]:
    """Yield the rules that a value breaks; a part that did not change is not looked at."""
    if old is not None and new == old:
        return
    if new is not None:
        for rule in schema.get(RULES) or ():
            yield from _judge(rule, new, old, schema, path)
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        for name, inner in new.items():
            if (found := child(schema, name)) is not None:
                where = f"{path}.{name}" if path else name
                yield from rule_problems(inner, before.get(name), found, where)
    elif isinstance(new, list):
        yield from _items(new, old, schema, path)


def _items(new: list[Json], old: Json, schema: Schema, path: str) -> Iterator[FieldError]:
    before = {}
    if isinstance(old, list) and schema.get("x-kubernetes-list-type") == "map":
        before = {element(i, schema): i for i in old}
    for i, item in enumerate(new):
        was = before.get(element(item, schema)) if before else None
        yield from rule_problems(item, was, schema.get("items", {}), f"{path}[{i}]")


def _judge(rule: Json, new: Json, old: Json, schema: Schema, path: str) -> Iterator[FieldError]:
    text = rule["rule"].strip()
    optional = rule.get("optionalOldSelf")
    if re.search(r"\boldSelf\b", text) and old is None and not optional:
        return
    context = {"self": to_cel(new, schema)}
    if optional:
        context["oldSelf"] = celtypes.ListType([] if old is None else [to_cel(old, schema)])
    elif old is not None:
        context["oldSelf"] = to_cel(old, schema)
    try:
        if program(text).evaluate(context):
            return
    except (CELEvalError, TypeError, ValueError) as error:
        why = f"{_reason(error)} evaluating rule: {text}"
        yield FieldError(path, "Invalid value", why, type_name(new))
        return
    where = path + rule.get("fieldPath", "") if path else rule.get("fieldPath", "").lstrip(".")
    kind = _KINDS.get(rule.get("reason", ""), "Invalid value")
    shown = new if not isinstance(new, (dict, list)) and not rule.get("fieldPath") else ...
    yield FieldError(where, kind, _message(rule, context, text), shown)


def _reason(error: Exception) -> str:
    text = str(error.args[0] if error.args else error)
    if (match := re.search(r"no such (?:member|key)[^']*'([^']*)'", text)) is not None:
        return f"no such key: {match[1]}"
    return text


def _message(rule: Json, context: dict[str, Any], text: str) -> str:
    if expression := rule.get("messageExpression"):
        try:
            if message := str(program(expression).evaluate(context)).strip():
                return message
        except (CELEvalError, TypeError, ValueError):
            logging.getLogger(__name__).warning("messageExpression failed: %s", expression)
    return rule.get("message") or f"failed rule: {text}"


def to_cel(value: Json, schema: Schema) -> Any:
    """Return a JSON value as CEL sees it under a schema."""
    if isinstance(value, dict):
        found = {}
        for name, inner in value.items():
            declared = child(schema, name) or {}
            key = _escaped(name) if "properties" in schema else name
            found[celtypes.StringType(key)] = to_cel(inner, declared)
        return celtypes.MapType(found)
    if isinstance(value, list):
        items = schema.get("items", {})
        return celtypes.ListType([to_cel(item, items) for item in value])
    if isinstance(value, str) and schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]](value)
    if isinstance(value, int) and not isinstance(value, bool) and schema.get("type") == "number":
        return celtypes.DoubleType(value)
    return json_to_cel(value)


_FORMATS: dict[str, Callable[[str], Any]] = {
    "date-time": lambda text: celtypes.TimestampType(parse(text)),
    "duration": celtypes.DurationType,
}


def _escaped(name: str) -> str:
    if _RESERVED.fullmatch(name):
        return f"__{name}__"
    name = name.replace("__", "__underscores__").replace(".", "__dot__")
    return name.replace("-", "__dash__").replace("/", "__slash__")
