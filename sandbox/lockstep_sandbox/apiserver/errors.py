"""Failures as a client sees them: `ApiError` carries a Kubernetes Status.

ApiError
 +- made by not_found, conflict, invalid, bad_request, ... below, one per reason
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Json = Any

CAUSES = {
    "Required value": "FieldValueRequired",
    "Invalid value": "FieldValueInvalid",
    "Unsupported value": "FieldValueNotSupported",
    "Duplicate value": "FieldValueDuplicate",
    "Forbidden": "FieldValueForbidden",
    "Too long": "FieldValueTooLong",
    "Too many": "FieldValueTooMany",
    "Not found": "FieldValueNotFound",
    "Type invalid": "FieldValueTypeInvalid",
}


class ApiError(Exception):
    """An answer other than success."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Json = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details, self.headers = details, headers or {}

    def status(self) -> dict[str, Json]:
        """Return the Status object that goes over the wire."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }
        return {k: v for k, v in status.items() if v is not None and v != ""}


@dataclass(frozen=True)
class FieldError:
    """One problem in an object: `path: kind: value: detail`, as apimachinery words it."""

    path: str
    kind: str
    detail: str = ""
    value: Json = ...

    def cause(self) -> dict[str, str]:
        """Return the entry for a Status's causes."""
        cause = {"reason": CAUSES[self.kind], "message": self._body()}
        return {**cause, "field": self.path or "<nil>"}

    def _body(self) -> str:
        shown = "" if self.value is ... or self.kind in _VALUELESS else f": {show(self.value)}"
        kind = "Invalid value" if self.kind == "Type invalid" else self.kind
        return f"{kind}{shown}" + (f": {self.detail}" if self.detail else "")

    def __str__(self) -> str:
        return f"{self.path or '<nil>'}: {self._body()}"


_VALUELESS = ("Required value", "Forbidden", "Too long", "Too many")


def show(value: Json) -> str:
    """Print a value the way Go's field errors do."""
    if isinstance(value, str) or value is None or isinstance(value, (dict, list)):
        return "null" if value is None else json.dumps(value, separators=(",", ":"))
    return str(value).lower() if isinstance(value, bool) else _number(value)


def _number(value: Json) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def bad_request(message: str) -> ApiError:
    """400: the request makes no sense."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401: no credentials, or wrong ones."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def not_found(resource: str, group: str, name: str) -> ApiError:
    """404: no such object; `resource` is the plural."""
    shown = f"{resource}.{group}" if group else resource
    return ApiError(404, "NotFound", f'{shown} "{name}" not found', _details(name, group, resource))


def already_exists(resource: str, group: str, name: str) -> ApiError:
    """409: the name is taken."""
    shown = f"{resource}.{group}" if group else resource
    return ApiError(
        409, "AlreadyExists", f'{shown} "{name}" already exists', _details(name, group, resource)
    )


MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def conflict(resource: str, group: str, name: str, why: str = MODIFIED) -> ApiError:
    """409: the object changed since it was read, or a precondition does not hold."""
    shown = f"{resource}.{group}" if group else resource
    message = f'Operation cannot be fulfilled on {shown} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(name, group, resource))


def invalid(kind: str, group: str, name: str, problems: Iterable[FieldError]) -> ApiError:
    """422: the object breaks rules."""
    found = list(problems)
    shown = f"{kind}.{group}" if group else kind
    text = str(found[0]) if len(found) == 1 else "[" + ", ".join(map(str, found)) + "]"
    details = {**_details(name, group, kind), "causes": [p.cause() for p in found]}
    return ApiError(422, "Invalid", f'{shown} "{name}" is invalid: {text}', details)


def forbidden(resource: str, group: str, name: str, why: str) -> ApiError:
    """403: RBAC or a namespace that is going away says no."""
    shown = f"{resource}.{group}" if group else resource
    quoted = f'{shown} "{name}"' if name else shown
    return ApiError(
        403, "Forbidden", f"{quoted} is forbidden: {why}", _details(name, group, resource)
    )


def method_not_allowed() -> ApiError:
    """405: the resource is there, the verb is not."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def gone(asked: int, oldest: int) -> ApiError:
    """410: the history does not reach back that far."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def not_in_the_sandbox(what: str) -> ApiError:
    """501: a real server may do it."""
    return ApiError(501, "NotImplemented", f"not in the sandbox: {what}")


def _details(name: str, group: str, kind: str) -> dict[str, str]:
    named = {"name": name, "group": group, "kind": kind}
    return {k: v for k, v in named.items() if v}
