"""A request as the handlers see it: what is asked of which resource, by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from lockstep_sandbox.apiserver.errors import ApiError, FieldError, bad_request, invalid
from lockstep_sandbox.apiserver.managed import Manager
from lockstep_sandbox.apiserver.patches import TYPES
from lockstep_sandbox.apiserver.protobuf import decode as decode_protobuf
from lockstep_sandbox.apiserver.resources import Resource

Json = Any
PROTOBUF = "application/vnd.kubernetes.protobuf"
_MEDIA = ("", "application/json", "application/yaml", PROTOBUF, *TYPES)
APPLY = "application/apply-patch"
NODES = "system:sandbox"  # the user of the sandbox's own node and controllers


@dataclass(frozen=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """Tell whether it is a part of the sandbox, which pessimism spares."""
        return self.name.startswith(NODES)


def media_type(headers: Mapping[str, str]) -> str:
    """Return the Content-Type without parameters."""
    return headers.get("Content-Type", "").split(";")[0].strip()


@dataclass
class Call:
    """One request for a resource."""

    resource: Resource
    verb: str
    namespace: str
    name: str
    sub: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    user: User
    body: bytes = b""
    warnings: list[str] = field(default_factory=list)

    @property
    def content_type(self) -> str:
        """Return the body's media type without parameters."""
        return media_type(self.headers)

    @property
    def dry_run(self) -> bool:
        """Tell whether nothing may be stored."""
        return self._option("dryRun") == "All"

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter."""
        return self.query.get(name, "") in ("true", "1", "True")

    def number(self, name: str) -> int | None:
        """Return an integer query parameter; raises ApiError 400."""
        text = self.query.get(name, "")
        if text and not text.lstrip("-").isdigit():
            raise bad_request(f"invalid value for {name}: {text!r}")
        return int(text) if text else None

    def _option(self, name: str) -> str:
        if value := self.query.get(name, ""):
            return value
        options = self.delete_options() if self.verb.startswith("delete") else {}
        found = options.get(name) or ""
        return str(found[0] if isinstance(found, list) else found)

    def delete_options(self) -> dict[str, Json]:
        """Return the DeleteOptions in the body; the query may hold the same."""
        options = self.document() if self.body and self.verb.startswith("delete") else {}
        if not isinstance(options, dict):
            raise bad_request("DeleteOptions must be an object")
        for name in ("propagationPolicy",):
            if name in self.query:
                options[name] = self.query[name]
        if (grace := self.number("gracePeriodSeconds")) is not None:
            options["gracePeriodSeconds"] = grace
        return options

    @property
    def field_validation(self) -> str:
        """Return Strict, Warn or Ignore; raises ApiError 422 for anything else."""
        value = self.query.get("fieldValidation") or "Warn"
        if value not in ("Strict", "Warn", "Ignore"):
            problem = FieldError(
                "fieldValidation",
                "Unsupported value",
                'supported values: "Ignore", "Strict", "Warn"',
                value,
            )
            raise invalid("CreateOptions", "meta.k8s.io", "", [problem])
        return value

    def manager(self) -> Manager:
        """Return who is to own what this request writes."""
        agent = self.headers.get("User-Agent", "").split("/")[0]
        name = self.query.get("fieldManager") or agent or "unknown"
        operation = "Apply" if self.content_type.startswith(APPLY) else "Update"
        return Manager(name, operation, self.resource.api_version, self.sub)

    def document(self) -> Json:
        """Return the body, decoded; raises ApiError 400 or 415."""
        return read_document(self.body, self.content_type)


def read_document(body: bytes, media: str) -> Json:
    """Decode a body; raises ApiError 400 or 415."""
    if media not in _MEDIA:
        raise unsupported("application/json, application/yaml, " + PROTOBUF)
    try:
        if media == PROTOBUF:
            return decode_protobuf(body)
        if "yaml" in media:
            return yaml.load(body, Loader=_Loader)  # noqa: S506  a safe loader
        return json.loads(body)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Kubernetes reads it: times stay strings."""


_Loader.yaml_implicit_resolvers = {
    key: [r for r in found if r[0] != "tag:yaml.org,2002:timestamp"]
    for key, found in _Loader.yaml_implicit_resolvers.items()
}


@dataclass
class Answer:
    """What a handler returns: a body to be encoded as the client asked."""

    body: Json
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def unsupported(wanted: str) -> ApiError:
    """415: a media type that the verb does not take."""
    message = (
        "the body of the request was in an unknown format - accepted media types include: " + wanted
    )
    return ApiError(415, "UnsupportedMediaType", message, {})
