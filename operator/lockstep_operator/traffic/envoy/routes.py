"""route-<md>.yaml: where the requests of one ModelDeployment go."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.routing import Match, Route
from lockstep_operator.core.weights import FULL
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.actions import (
    Naming,
    new_cookie,
    split,
    to_revision,
    unavailable,
)
from lockstep_operator.traffic.envoy.discovery import Resource, dump_blocks, parse
from lockstep_operator.traffic.envoy.records import Record, from_plain, record_of, to_plain

# Envoy calls it so.
_PSEUDO_HEADERS = {"host": ":authority"}


@dataclass(frozen=True, slots=True)
class RouteFile:
    """What a route file says.

    Attributes:
        weights: by revision, of those that get requests.
        record: what else the route was made from, None when another build wrote it.
    """

    weights: Mapping[str, int]
    record: Record | None


def route_text(route: Route, urgent_since: str | None = None) -> str:
    """Return the file of a route.

    Raises:
        LockstepError: the weights do not sum to 10000, a revision stands twice, or a time or share
            is out of range.
    """
    _validate(route)
    host = {
        "name": route.deployment,
        "domains": ["*"],
        "metadata": {"filter_metadata": {names.METADATA: to_plain(record_of(route, urgent_since))}},
        "routes": [*_grpc(route), *_matched(route), *_others(route)],
    }
    return dump_blocks(
        [
            {
                "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
                "name": route.deployment,
                "virtual_hosts": [host],
            }
        ]
    )


def read_route(text: str, where: str) -> RouteFile:
    """Return what a route file says.

    Raises:
        LockstepError: it is not a route that this module wrote.
    """
    _, resources = parse(text, where)
    try:
        host = resources[0]["virtual_hosts"][0]
        return RouteFile(_weights(host["routes"][-1]), _record(host))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise LockstepError(f"{where} is not a route of ours: {error!r}") from error


def extra_clusters(route: Route) -> frozenset[str]:
    """Return the clusters that a route needs beside those of its backends."""
    mirrored = {names.mirror_cluster(route.mirror.revision)} if route.mirror else set()
    targets = {_target(route, match) for match in route.settings.matches}
    matched = {names.match_cluster(one) for one in targets if one is not None}
    grpc = {names.grpc_cluster(one) for one in matched if route.settings.grpc}
    return frozenset(mirrored | matched | grpc)


def own_clusters(route: Route) -> frozenset[str]:
    """Return the clusters of a route's backends, with weight or without."""
    known = {backend.revision for backend in route.backends}
    return frozenset(known | {names.grpc_cluster(one) for one in known if route.settings.grpc})


def _validate(route: Route) -> None:
    revisions = [backend.revision for backend in route.backends]
    weights = [backend.weight for backend in route.backends]
    where = f"route of {route.deployment!r}"
    if len(set(revisions)) != len(revisions):
        raise LockstepError(f"{where}: a revision stands twice")
    if any(weight < 0 for weight in weights) or sum(weights) not in (0, FULL):
        raise LockstepError(f"{where}: weights {weights} are not a split of {FULL}")
    if route.mirror is not None and not 0 <= route.mirror.share <= FULL:
        raise LockstepError(f"{where}: mirror share {route.mirror.share} is not in 0..{FULL}")
    idle = route.settings.idle_timeout
    for name, seconds in (("timeout", route.settings.timeout), ("idle timeout", idle)):
        if seconds is not None and seconds <= 0:
            raise LockstepError(f"{where}: {name} {seconds} s is not above 0")


def _target(route: Route, match: Match) -> str | None:
    return route.candidate if match.to == "candidate" else route.stable


def _matched(route: Route, naming: Naming = str) -> list[Resource]:
    """In the manifest's order, of which the first that fits decides."""
    return [
        {
            "match": {"prefix": "/", **_condition(match)},
            **to_revision(target, route.settings, naming),
        }
        for match in route.settings.matches
        if (target := _target(route, match)) is not None
    ]


def _condition(match: Match) -> Resource:
    if match.cookie is not None:
        exact = {"exact": match.value}
        wanted = {"safe_regex": {"regex": ".*"}} if match.value is None else exact
        return {"cookies": [{"name": match.cookie, "string_match": wanted}]}
    header = str(match.header).lower()
    value = {"string_match": {"exact": match.value}}
    condition = {"present_match": True} if match.value is None else value
    return {"headers": [{"name": _PSEUDO_HEADERS.get(header, header), **condition}]}


def _grpc(route: Route) -> list[Resource]:
    """Return the same routes for what is gRPC, if any revision offers it; it is not mirrored.

    They stand in one file with the others, and are made of the same weights: so a rollback moves
    both in one write, and what the file's last route says holds for both.
    """
    if not route.settings.grpc or not any(backend.weight for backend in route.backends):
        return []
    plain = replace(route, mirror=None)
    routes = [*_matched(plain, names.grpc_cluster), *_others(plain, names.grpc_cluster)]
    return [{**one, "match": {**one["match"], "grpc": {}}} for one in routes]


def _others(route: Route, naming: Naming = str) -> list[Resource]:
    if not any(backend.weight for backend in route.backends):
        return [{"match": {"prefix": "/"}, **unavailable(route.deployment)}]
    sticky = route.settings.sticky
    if sticky is None or sticky.cookie is None:
        return _split({}, {}, route, naming)
    known = _condition(Match(cookie=sticky.cookie))
    return [
        *_split(known, {}, route, naming),
        *_split({}, new_cookie(sticky), route, naming),
    ]


def _split(condition: Resource, more: Resource, route: Route, naming: Naming) -> list[Resource]:
    """Return the routes of a split under a condition: what is small enough is mirrored, if asked.

    Envoy reads a request no faster than the mirror takes its copy, unless the buffer towards the
    mirror holds all of it. So what is, or may be, larger is not mirrored.
    """
    mirrored = [] if route.mirror is None else _SMALL
    return [
        *(
            {"match": {"prefix": "/", "headers": small, **condition}, **split(route, True), **more}
            for small in mirrored
        ),
        {"match": {"prefix": "/", **condition}, **split(route, False, naming), **more},
    ]


# At most 999,999 bytes: the buffer towards a cluster holds 1 MiB, by default.
_LENGTH = {"name": "content-length"}
_SMALL: tuple[list[Resource], ...] = (
    [{**_LENGTH, "string_match": {"safe_regex": {"regex": "[0-9]{1,6}"}}}],
    [
        {**_LENGTH, "present_match": False},
        {"name": "transfer-encoding", "present_match": False},
        {"name": ":method", "string_match": {"exact": "GET"}},
    ],
)


def _weights(route: Mapping[str, Any]) -> dict[str, int]:
    if "direct_response" in route:
        return {}
    clusters = route["route"]["weighted_clusters"]["clusters"]
    return {str(cluster["name"]): int(cluster["weight"]) for cluster in clusters}


def _record(host: Mapping[str, Any]) -> Record | None:
    try:
        return from_plain(host["metadata"]["filter_metadata"][names.METADATA])
    except (KeyError, TypeError, LockstepError):
        return None
