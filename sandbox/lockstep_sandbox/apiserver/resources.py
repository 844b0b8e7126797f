"""The resources that are served: the built-in ones and those that CRDs add."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lockstep_sandbox.apiserver.schema import Schema, data, of_crd, types

Json = Any
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, eq=False)
class Resource:
    """One served resource in one version."""

    group: str
    version: str
    name: str  # plural
    kind: str
    singular: str
    list_kind: str
    namespaced: bool
    schema: Schema
    verbs: tuple[str, ...] = VERBS
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    sub: tuple[str, ...] = ()
    columns: tuple[Json, ...] = ()
    selectable: tuple[str, ...] = ()  # JSON paths of extra field selectors
    scale: Json = None  # the CRD's scale paths
    validation: Schema | None = None  # a CRD's own schema; None for built-in kinds
    storage: str = ""
    zero: Json = None  # an empty object, in Go's eyes

    @property
    def api_version(self) -> str:
        """Return group/version as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def custom(self) -> bool:
        """Tell whether a CRD defines it."""
        return self.validation is not None

    @property
    def key(self) -> str:
        """Return the name under which objects are stored; versions of a resource share it."""
        return self.storage or (f"{self.name}.{self.group}" if self.group else self.name)


@dataclass
class Registry:
    """All served resources; CRDs come and go."""

    _by_path: dict[tuple[str, str, str], Resource] = field(default_factory=dict)

    def add(self, resource: Resource) -> None:
        """Serve a resource (again)."""
        self._by_path[resource.group, resource.version, resource.name] = resource

    def remove(self, group: str, name: str) -> None:
        """Serve a resource no more, in any version."""
        gone = [k for k in self._by_path if k[0] == group and k[2] == name]
        for key in gone:
            del self._by_path[key]

    def find(self, group: str, version: str, name: str) -> Resource | None:
        """Return the resource of a URL."""
        return self._by_path.get((group, version, name))

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """Return the resource of an object or owner reference; any version of the group will do."""
        group, _, version = api_version.rpartition("/")
        found = [r for r in self if r.group == group and r.kind == kind]
        return next((r for r in found if r.version == version), found[0] if found else None)

    def stored(self, key: str) -> Resource | None:
        """Return a resource by storage name."""
        return next((r for r in self if r.key == key), None)

    def versions(self) -> dict[str, list[str]]:
        """Return {group: versions}; the core group is ""."""
        found: dict[str, list[str]] = {}
        for group, version, _ in self._by_path:
            if version not in found.setdefault(group, []):
                found[group].append(version)
        return found

    def within(self, group: str, version: str) -> list[Resource]:
        """Return a group version's resources by name."""
        found = [r for r in self if (r.group, r.version) == (group, version)]
        return sorted(found, key=lambda r: r.name)

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._by_path.values()))


def builtin() -> Registry:
    """Return a registry of the built-in resources."""
    registry = Registry()
    for entry in data("resources.yaml"):
        registry.add(_builtin(entry))
    return registry


def _builtin(entry: Json) -> Resource:
    group, _, version = entry["api"].rpartition("/")
    kind = entry["kind"]
    return Resource(
        group=group,
        version=version,
        name=entry["name"],
        kind=kind,
        singular=entry.get("singular", kind.lower()),
        list_kind=f"{kind}List",
        namespaced=not entry.get("cluster"),
        schema=types().kind(entry.get("type", kind)),
        verbs=tuple(v for v in VERBS if v not in entry.get("lacks", ())),
        short=tuple(entry.get("short", ())),
        categories=tuple(entry.get("categories", ())),
        sub=tuple(entry.get("sub", ())),
        zero=entry.get("zero"),
        storage="events" if entry["name"] == "events" else "",
    )


def of_crd_versions(crd: Json) -> Iterator[Resource]:
    """Yield the served versions of a CustomResourceDefinition; it must be valid."""
    spec, names = crd["spec"], crd["spec"]["names"]
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        root = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        subresources = version.get("subresources") or {}
        yield Resource(
            group=spec["group"],
            version=version["name"],
            name=names["plural"],
            kind=names["kind"],
            singular=names.get("singular") or names["kind"].lower(),
            list_kind=names.get("listKind") or f"{names['kind']}List",
            namespaced=spec["scope"] == "Namespaced",
            schema=of_crd(root),
            short=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            sub=tuple(s for s in ("status", "scale") if subresources.get(s) is not None),
            columns=tuple(version.get("additionalPrinterColumns") or _AGE),
            selectable=tuple(f["jsonPath"] for f in version.get("selectableFields") or ()),
            scale=subresources.get("scale"),
            validation=root,
        )


_AGE = ({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},)
