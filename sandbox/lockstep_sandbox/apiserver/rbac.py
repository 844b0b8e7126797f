"""RBAC: may a user do this? Roles and bindings are read from the store at every request.

Weaker than a real server: whoever may write roles may give rights that he lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lockstep_sandbox.apiserver.call import User
from lockstep_sandbox.apiserver.cluster import Cluster

Json = Any
GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Attributes:
    """What is asked: a verb on a resource, or on a path."""

    verb: str
    group: str = ""
    resource: str = ""
    sub: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full(self) -> str:
        """Return the resource with its subresource, as in rules."""
        return f"{self.resource}/{self.sub}" if self.sub else self.resource


def allowed(cluster: Cluster, user: User, wanted: Attributes) -> bool:
    """Tell whether RBAC lets a user do something."""
    if "system:masters" in user.groups:
        return True
    return any(_covers(rule, wanted) for rule in rules_of(cluster, user, wanted.namespace))


def rules_of(cluster: Cluster, user: User, namespace: str) -> Iterator[Json]:
    """Yield the rules that hold for a user in a namespace ("": at cluster scope)."""
    bindings = cluster.store.items(f"clusterrolebindings.{GROUP}")
    if namespace:
        bindings = bindings + cluster.store.items(f"rolebindings.{GROUP}", namespace)
    for binding in bindings:
        space = binding["metadata"].get("namespace", "")
        if any(_is_subject(s, user, space) for s in binding.get("subjects") or ()):
            yield from _role_rules(cluster, binding["roleRef"], space)


def _is_subject(subject: Json, user: User, namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            space = subject.get("namespace") or namespace
            return user.name == f"system:serviceaccount:{space}:{subject['name']}"
    return False


def _role_rules(cluster: Cluster, ref: Json, namespace: str) -> list[Json]:
    if ref["kind"] == "ClusterRole":
        role = cluster.get(f"clusterroles.{GROUP}", "", ref["name"])
    else:
        role = cluster.get(f"roles.{GROUP}", namespace, ref["name"])
    return (role or {}).get("rules") or []


def _covers(rule: Json, wanted: Attributes) -> bool:
    if not _has(rule, "verbs", wanted.verb):
        return False
    if wanted.path:
        return any(
            url in ("*", wanted.path) or (url.endswith("*") and wanted.path.startswith(url[:-1]))
            for url in rule.get("nonResourceURLs") or ()
        )
    names = rule.get("resourceNames") or ()
    if names and wanted.name not in names:
        return False
    resources = rule.get("resources") or ()
    known = wanted.full in resources or "*" in resources
    known = known or bool(wanted.sub and f"*/{wanted.sub}" in resources)
    return known and _has(rule, "apiGroups", wanted.group)


def _has(rule: Json, field: str, value: str) -> bool:
    found = rule.get(field) or ()
    return value in found or "*" in found


def refusal(user: User, wanted: Attributes) -> str:
    """Say why not, in the words of a real server."""
    if wanted.path:
        return f'User "{user.name}" cannot {wanted.verb} path "{wanted.path}"'
    scope = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    return (
        f'User "{user.name}" cannot {wanted.verb} resource "{wanted.full}" in API group '
        f'"{wanted.group}" {scope}'
    )
