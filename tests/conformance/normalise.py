"""Make two servers' answers comparable: mask what must differ from run to run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from conformance.cases import Step
from conformance.connection import Reply

HEADERS = ("content-type", "warning", "retry-after", "www-authenticate", "allow")

# Keys whose values are minted by the server.
MASKED_KEYS = {
    "uid": "<uid>",
    "resourceVersion": "<rv>",
    "continue": "<continue>",
    "nodePort": "<port>",
    "healthCheckNodePort": "<port>",
    "clusterIP": "<ip>",
    "token": "<token>",
    "serverAddressByClientCIDRs": "<cidrs>",
}
SEVERAL = re.compile(r"( is invalid: \[|conflicts: ).*", re.DOTALL)
KEPT_VALUES = ("", "None", 0)  # an unset or headless value says something

PATTERNS = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b(?!/)"), "<ip>"),
    (re.compile(r"resource version: \d+ \(\d+\)"), "resource version: <rv> (<rv>)"),
    (re.compile(r"(Too large resource version: \d+, current: )\d+"), r"\1<rv>"),
    (re.compile(r"\?hash=[0-9A-F]+"), "?hash=<hash>"),
]


def normalise(step: Step, reply: Reply, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return {status, headers, body} with everything accidental masked or left out."""
    answer: dict[str, Any] = {"status": reply.status}
    if step.compare == "status":
        return answer
    headers = {h: _text(reply.headers[h], variables) for h in HEADERS if h in reply.headers}
    answer["headers"] = headers
    body = _body(reply.text, variables)
    body = _with_managed_fields(body, keep=step.managed)
    for path in step.drop:
        remove(body, path)
    if step.keep:
        body = {path: value for path in step.keep for value in [pick(body, path)]}
    answer["body"] = body
    return answer


def pick(body: Any, path: str) -> Any:
    """Return the value at a JSON pointer; `*` collects over a list or a map's values.

    `name=x` picks the element of a list of maps whose name is x. What is absent is the string
    "<absent>", so that an answer can say so.
    """
    for i, part in enumerate(parts := _parts(path)):
        if part == "*":
            rest = "".join(f"/{p}" for p in parts[i + 1 :])
            values = body.values() if isinstance(body, dict) else body
            return [pick(value, rest) for value in values]
        if (found := _child(body, part)) is _NOTHING:
            return "<absent>"
        body = found
    return body


def remove(body: Any, path: str) -> None:
    """Delete what a JSON pointer names, if it is there; `*` means every element."""
    *front, last = _parts(path)
    for i, part in enumerate(front):
        if part == "*":
            rest = "".join(f"/{p}" for p in [*front[i + 1 :], last])
            for value in body.values() if isinstance(body, dict) else body:
                remove(value, rest)
            return
        if (body := _child(body, part)) is _NOTHING:
            return
    if isinstance(body, dict):
        body.pop(last, None)


_NOTHING = object()


def _parts(path: str) -> list[str]:
    return [p.replace("~1", "/").replace("~0", "~") for p in path.split("/")[1:]]


def _child(body: Any, part: str) -> Any:
    if isinstance(body, dict):
        return body.get(part, _NOTHING)
    if isinstance(body, list) and "=" in part:
        key, wanted = part.split("=", 1)
        return next((element for element in body if element.get(key) == wanted), _NOTHING)
    if isinstance(body, list) and part.isdigit() and int(part) < len(body):
        return body[int(part)]
    return _NOTHING


def _body(text: str, variables: Mapping[str, str]) -> Any:
    try:
        body = _mask(json.loads(text), variables)
    except json.JSONDecodeError:
        return _text(text, variables)
    _sort_causes(body)
    return body


def _sort_causes(body: Any) -> None:
    """Order a Status's causes: the real server walks maps in random order."""
    causes = pick(body, "/details/causes")
    if not isinstance(causes, list) or len(causes) < 2:
        return
    causes.sort(key=lambda cause: (cause.get("field", ""), cause.get("message", "")))
    body["message"] = SEVERAL.sub(r"\1<causes>", body["message"])


def _mask(value: Any, variables: Mapping[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {_text(k, variables): _mask(v, variables, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_mask(v, variables) for v in value]
    if key in MASKED_KEYS and value not in KEPT_VALUES:
        return MASKED_KEYS[key]
    return _text(value, variables) if isinstance(value, str) else value


def _text(text: str, variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        if len(value) >= 5:  # shorter values would hit by accident
            text = text.replace(value, f"{{{name}}}")
    for pattern, mask in PATTERNS:
        text = pattern.sub(mask, text)
    return text


def _with_managed_fields(value: Any, *, keep: bool) -> Any:
    """Order managedFields by manager and forget their times, or leave them out altogether."""
    if isinstance(value, list):
        return [_with_managed_fields(v, keep=keep) for v in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for key, child in value.items():
        if key != "managedFields" or not isinstance(child, list):
            result[key] = _with_managed_fields(child, keep=keep)
        elif keep:
            entries = [{k: v for k, v in entry.items() if k != "time"} for entry in child]
            result[key] = sorted(entries, key=_manager)
    return result


def _manager(entry: dict[str, Any]) -> tuple[str, str, str]:
    return entry["operation"], entry["manager"], entry.get("subresource", "")
