"""What is served beside resources: version, discovery, OpenAPI."""

from __future__ import annotations

from typing import Any

from lockstep_sandbox.apiserver import discovery, openapi
from lockstep_sandbox.apiserver.resources import Registry

Json = Any


def document(registry: Registry, path: str, *, aggregated: bool) -> Json | None:
    """Return the document at a path; None when there is none."""
    parts = path.strip("/").split("/")
    match parts:
        case ["version"]:
            found: Json | None = discovery.VERSION
        case ["api" | "apis" as root]:
            found = _root(registry, root, aggregated)
        case ["apis", group]:
            versions = discovery.groups(registry).get(group)
            found = discovery.group(group, versions) if versions else None
        case ["openapi", "v3"]:
            found = openapi.index(registry)
        case ["openapi", "v3", *rest]:
            found = _within(registry, rest, openapi.document)
        case _:
            found = _within(registry, parts, discovery.resource_list)
    return found


def _root(registry: Registry, root: str, aggregated: bool) -> Json:
    if aggregated:
        return discovery.aggregated(registry, core=root == "api")
    return discovery.core_versions() if root == "api" else discovery.group_list(registry)


def _within(registry: Registry, parts: list[str], make: Any) -> Json | None:
    """Return a document of `api/VERSION` or `apis/GROUP/VERSION`."""
    match parts:
        case ["api", version]:
            group = ""
        case ["apis", group, version]:
            pass
        case _:
            return None
    known = version in discovery.groups(registry).get(group, ())
    return make(registry, group, version) if known else None
