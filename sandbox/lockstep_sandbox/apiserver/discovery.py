"""Discovery: /api, /apis, /version, in the old form and the aggregated one."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from lockstep_sandbox.apiserver.resources import Registry, Resource
from lockstep_sandbox.apiserver.reviews import REVIEWS

Json = Any
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0+lockstep-sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "python",
    "compiler": "python",
    "platform": "linux/amd64",
}

# subresource -> (kind, its group and version when they are others, verbs)
_SUBRESOURCES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "status": ("", "", ("get", "patch", "update")),
    "scale": ("Scale", "autoscaling/v1", ("get", "patch", "update")),
    "log": ("", "", ("get",)),
    "proxy": ("", "", ("create", "delete", "get", "patch", "update")),
    "token": ("TokenRequest", "authentication.k8s.io/v1", ("create",)),
    "eviction": ("Eviction", "policy/v1", ("create",)),
    "finalize": ("", "", ("update",)),
}
_PROXY_KINDS = {"pods": "PodProxyOptions", "services": "ServiceProxyOptions"}


def groups(registry: Registry) -> dict[str, list[str]]:
    """Return {group: versions} with the groups of reviews; the core is ""."""
    found = registry.versions()
    for group, _ in REVIEWS:
        found.setdefault(group, ["v1"])
    return found


def group(name: str, versions: list[str]) -> Json:
    """Return an APIGroup."""
    listed = [{"groupVersion": f"{name}/{v}", "version": v} for v in versions]
    head = {"kind": "APIGroup", "apiVersion": "v1", "name": name}
    return {**head, "versions": listed, "preferredVersion": listed[0]}


def group_list(registry: Registry) -> Json:
    """Return the APIGroupList of /apis."""
    found = [group(g, v) for g, v in groups(registry).items() if g]
    for entry in found:
        del entry["kind"], entry["apiVersion"]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def core_versions() -> Json:
    """Return the APIVersions of /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def resource_list(registry: Registry, group: str, version: str) -> Json:
    """Return the APIResourceList of a group version; None when there is no such."""
    entries = [e for r in registry.within(group, version) for e in _entries(r)]
    entries += [
        {"name": name, "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]}
        for (owner, name), (kind, _) in REVIEWS.items()
        if (owner, "v1") == (group, version)
    ]
    if not entries:
        return None
    full = f"{group}/{version}" if group else version
    head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": full}
    return {**head, "resources": entries}


def _entries(resource: Resource) -> list[Json]:
    entry: Json = {
        "name": resource.name,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.custom:  # in a real server's own order
        rest = [v for v in resource.verbs if v not in ("create", "update", "watch")]
        entry["verbs"] = [*rest, "create", "update", "watch"]
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    mark = hashlib.sha256(f"{resource.group}/{resource.version}/{resource.kind}".encode()).digest()
    entry["storageVersionHash"] = base64.b64encode(mark[:8]).decode()
    return [entry, *(_sub_entry(resource, sub) for sub in resource.sub)]


def _sub_entry(resource: Resource, sub: str) -> Json:
    kind, api, verbs = _SUBRESOURCES[sub]
    if sub == "proxy":
        kind = _PROXY_KINDS[resource.name]
    entry: Json = {"name": f"{resource.name}/{sub}", "singularName": ""}
    entry |= {"namespaced": resource.namespaced}
    if api:
        entry["group"], entry["version"] = api.split("/")
    return {**entry, "kind": kind or resource.kind, "verbs": list(verbs)}


def aggregated(registry: Registry, *, core: bool) -> Json:
    """Return the APIGroupDiscoveryList of /api or of /apis."""
    items = []
    for name, versions in groups(registry).items():
        if (name == "") != core:
            continue
        listed = [_aggregated_version(registry, name, v) for v in versions]
        meta = {"name": name} if name else {}
        items.append({"metadata": {**meta, "creationTimestamp": None}, "versions": listed})
    head = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2"}
    return {**head, "metadata": {}, "items": items}


def _aggregated_version(registry: Registry, group: str, version: str) -> Json:
    flat = resource_list(registry, group, version)["resources"]
    resources = [
        _aggregated_resource(entry, flat, group, version)
        for entry in flat
        if "/" not in entry["name"]
    ]
    return {"version": version, "resources": resources, "freshness": "Current"}


def _aggregated_resource(entry: Json, flat: list[Json], group: str, version: str) -> Json:
    found: Json = {
        "resource": entry["name"],
        "responseKind": _kind(entry, group, version),
        "scope": "Namespaced" if entry["namespaced"] else "Cluster",
        "singularResource": entry["singularName"],
        "verbs": entry["verbs"],
    }
    found |= {k: entry[k] for k in ("shortNames", "categories") if k in entry}
    subs = [e for e in flat if e["name"].startswith(f"{entry['name']}/")]
    if subs:
        found["subresources"] = [
            {
                "subresource": sub["name"].partition("/")[2],
                "responseKind": _kind(sub, group, version),
                "verbs": sub["verbs"],
            }
            for sub in subs
        ]
    return found


def _kind(entry: Json, group: str, version: str) -> Json:
    own = {"group": entry.get("group", group), "version": entry.get("version", version)}
    return {**own, "kind": entry["kind"]}
