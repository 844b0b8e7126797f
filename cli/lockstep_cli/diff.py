"""What differs between two revisions, as data: paths and values, no I/O."""

from collections.abc import Iterator
from typing import Any

from lockstep_cli.revision import Revision

Manifest = dict[str, Any]
Scalar = str | int | float | bool | None


def read_diff(before: Revision, after: Revision) -> list[Manifest]:
    """Return every field that differs, as {path, before, after}; None: it is not there."""
    return differences(_compared(before), _compared(after))


def differences(before: Manifest, after: Manifest) -> list[Manifest]:
    """Return the leaves in which two documents differ, as {path, before, after}."""
    old, new = dict(_fields("", before)), dict(_fields("", after))
    paths = [*old, *(path for path in new if path not in old)]
    return [
        {"path": path, "before": old.get(path), "after": new.get(path)}
        for path in paths
        if old.get(path) != new.get(path)
    ]


def _compared(revision: Revision) -> Manifest:
    spec = revision.manifest["spec"]
    pod = (spec.get("podTemplate") or {}).get("spec") or {}
    containers = [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]
    images = {item["name"]: item.get("image") for item in containers}
    return {
        "content": spec["content"],
        "images": images,
        "observed": spec.get("observed") or {},
    }


def _fields(path: str, value: Any) -> Iterator[tuple[str, Scalar]]:
    """Walk to the leaves; items of a list go by their name where they have one."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _fields(f"{path}.{key}" if path else str(key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            name = item.get("name", index) if isinstance(item, dict) else index
            yield from _fields(f"{path}[{name}]", item)
    else:
        yield path, value
