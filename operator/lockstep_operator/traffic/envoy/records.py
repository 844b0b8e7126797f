"""What a route was made from, kept in its file so that it can be read back exactly.

Only the weights are read from what Envoy runs; everything else would have to be guessed from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.routing import Match, Mirror, Route, Sticky, TrafficSettings

_NESTED = ("matches", "sticky")
_NUMBERS: Mapping[str, Callable[[Any], int | float]] = {
    one.name: one.type if one.type in (int, bool) else float
    for one in fields(TrafficSettings)
    if one.name not in _NESTED
}


@dataclass(frozen=True, slots=True)
class Record:
    """A route beside its weights.

    `urgent_since`: when the route was first written to take traffic off a revision, ISO 8601.
    """

    settings: TrafficSettings
    mirror: Mirror | None = None
    candidate: str | None = None
    stable: str | None = None
    urgent_since: str | None = None


def record_of(route: Route, urgent_since: str | None) -> Record:
    """Return the record of a route."""
    return Record(route.settings, route.mirror, route.candidate, route.stable, urgent_since)


def to_plain(record: Record) -> dict[str, Any]:
    """Return it as mappings, lists and scalars; what is None or empty is left out."""
    plain: dict[str, Any] = _plain(asdict(record))
    return plain | {"settings": _exact(plain["settings"])}


def from_plain(data: Mapping[str, Any]) -> Record:
    """Read `to_plain`'s result.

    Raises:
        LockstepError: it has a field or a type that this build does not write.
    """
    try:
        mirror = data.get("mirror")
        return Record(
            settings=_settings(data["settings"]),
            mirror=None
            if mirror is None
            else Mirror(str(mirror["revision"]), int(mirror["share"])),
            candidate=_text(data, "candidate"),
            stable=_text(data, "stable"),
            urgent_since=_text(data, "urgent_since"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LockstepError(f"the record of a route is not readable: {error!r}") from error


def _settings(data: Mapping[str, Any]) -> TrafficSettings:
    nested = {
        "matches": tuple(Match(**match) for match in data.get("matches", ())),
        "sticky": Sticky(**data["sticky"]) if "sticky" in data else None,
    }
    return TrafficSettings(**_exact(data) | nested)


def _exact(data: Mapping[str, Any]) -> dict[str, Any]:
    """Make each number the type that its field has: 15 equals 15.0 but is written differently."""
    exact = {key: _NUMBERS[key](value) for key, value in data.items() if key not in _NESTED}
    nested = {key: data[key] for key in _NESTED if key in data}
    if "sticky" in nested:
        nested["sticky"] = nested["sticky"] | {
            "ttl_seconds": float(nested["sticky"]["ttl_seconds"])
        }
    return exact | nested


def _text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    return None if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if not _is_void(one)}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _is_void(value: Any) -> bool:
    return value is None or value is False or value == ()
