"""Merge a user's overlay into a rendered pod template."""

from typing import Any

from lockstep_operator.core.errors import InvalidSpec

# The keys that tell list items apart, tried in this order.
_ITEM_KEYS = ("name", "mountPath", "containerPort", "topologyKey", "key", "ip")


def merged(base: Any, overlay: Any) -> Any:
    """Return base with overlay on top: maps and lists of keyed items merge, the rest is replaced.

    A null in the overlay removes the field.
    """
    if isinstance(base, dict) and isinstance(overlay, dict):
        return _merged_maps(base, overlay)
    if isinstance(base, list) and isinstance(overlay, list) and (key := _common_key(base, overlay)):
        return _merged_lists(base, overlay, key)
    return overlay


def _merged_maps(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for name, value in overlay.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merged(base[name], value) if name in base else value
    return out


def _merged_lists(base: list[Any], overlay: list[Any], key: str) -> list[Any]:
    if not all(isinstance(item[key], str | int) for item in overlay):
        raise InvalidSpec(f"spec.runtime.podTemplate: {key!r} of a list item must be a plain value")
    changes = {item[key]: item for item in overlay}
    kept = [merged(item, changes.pop(item[key], {})) for item in base]
    return kept + list(changes.values())


def _common_key(base: list[Any], overlay: list[Any]) -> str | None:
    items = [*base, *overlay]
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    return next((key for key in _ITEM_KEYS if all(key in item for item in items)), None)
