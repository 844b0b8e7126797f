"""Read a URL: which resource, object, subresource and verb is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from lockstep_sandbox.apiserver.errors import method_not_allowed

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Route:
    """A request for a resource, by URL alone."""

    group: str
    version: str
    resource: str
    namespace: str
    name: str
    sub: str
    rest: str  # what follows the subresource, for proxy
    verb: str


def parse(method: str, path: str, *, watching: bool) -> Route | None:
    """Return the route of a resource's URL; None for any other path."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if rest[0] == "watch" and len(rest) > 1:
        rest, watching = rest[1:], True
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    resource, name, sub = (*rest, "", "")[:3]
    tail = "/".join(rest[3:])
    verb = _verb(method, name, watching=watching)
    return Route(group, version, resource, namespace, name, sub, tail, verb)


def _verb(method: str, name: str, *, watching: bool) -> str:
    verb = _VERBS.get(method)
    if verb is None:
        raise method_not_allowed()
    if verb == "get" and watching:
        return "watch"
    if not name:
        return {"get": "list", "delete": "deletecollection"}.get(verb, verb)
    return verb
