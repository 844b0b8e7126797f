"""route-<md>.yaml: the weights of one ModelDeployment."""

from collections.abc import Sequence
from typing import Any

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.routing import Backend, Route
from lockstep_operator.core.weights import FULL
from lockstep_operator.traffic.envoy import durations
from lockstep_operator.traffic.envoy.discovery import Resource, dump_blocks, parse

ASSIGNMENT_HEADER = "x-lockstep-assignment"


def route_text(route: Route) -> str:
    """Return the file of a route.

    Raises:
        LockstepError: the weights do not sum to 10000, or a revision stands twice.
    """
    _validate(route)
    action = _split(route) if any(b.weight for b in route.backends) else _unavailable(route)
    host = {
        "name": route.deployment,
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, **action}],
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


def read_route(text: str, where: str) -> tuple[dict[str, int], float | None]:
    """Return (weights of the revisions that the route names, its timeout in seconds or None).

    Raises:
        LockstepError: it is not a route that this module wrote.
    """
    _, resources = parse(text, where)
    try:
        action = resources[0]["virtual_hosts"][0]["routes"][0]
        if "direct_response" in action:
            return {}, durations.from_text(
                action["metadata"]["filter_metadata"]["lockstep"]["timeout"]
            )
        clusters = action["route"]["weighted_clusters"]["clusters"]
        weights = {str(cluster["name"]): int(cluster["weight"]) for cluster in clusters}
        return weights, durations.from_text(action["route"]["timeout"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise LockstepError(f"{where} is not a route of ours: {error!r}") from error


def _validate(route: Route) -> None:
    revisions = [backend.revision for backend in route.backends]
    weights = [backend.weight for backend in route.backends]
    where = f"route of {route.deployment!r}"
    if len(set(revisions)) != len(revisions):
        raise LockstepError(f"{where}: a revision stands twice")
    if any(weight < 0 for weight in weights) or sum(weights) not in (0, FULL):
        raise LockstepError(f"{where}: weights {weights} are not a split of {FULL}")
    if route.timeout_seconds <= 0:
        raise LockstepError(f"{where}: timeout {route.timeout_seconds} s is not above 0")


def _split(route: Route) -> Resource:
    return {
        "route": {
            "weighted_clusters": {"clusters": _weights(route.backends)},
            "timeout": durations.to_text(route.timeout_seconds),
            # A little longer, so that the timeout is what a slow model is reported as.
            "idle_timeout": durations.to_text(route.timeout_seconds + 5),
            "retry_policy": _RETRY,
        },
        "request_headers_to_add": [_header(ASSIGNMENT_HEADER, "split")],
    }


# Only what no model server has begun to work on is sent again, to another pod if there is one.
_RETRY: dict[str, Any] = {
    "retry_on": "connect-failure,refused-stream",
    "num_retries": 2,
    "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": "type.googleapis.com/"
                "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
            },
        }
    ],
    # A dead pod has the fewest requests, so the balancer likes it: with the usual 3 draws of two
    # pods, every third request that met it would meet it again.
    "host_selection_retry_max_attempts": 50,
}


def _weights(backends: Sequence[Backend]) -> list[dict[str, Any]]:
    """Return the clusters in order of name; one without weight is not named at all.

    So a route never waits for, nor breaks with, a cluster that gets no requests.
    """
    ordered = sorted(backends, key=lambda backend: backend.revision)
    return [{"name": b.revision, "weight": b.weight} for b in ordered if b.weight]


def _header(key: str, value: str) -> dict[str, Any]:
    """Set a header, whatever the client sent."""
    return {
        "header": {"key": key, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _unavailable(route: Route) -> Resource:
    """The listener's reply format makes the sentence a JSON body."""
    sentence = f"no revision of {route.deployment} is ready to serve"
    timeout = durations.to_text(route.timeout_seconds)
    return {
        # Nothing of Envoy's has a timeout here; it is kept for the operator to read back.
        "metadata": {"filter_metadata": {"lockstep": {"timeout": timeout}}},
        "direct_response": {"status": 503, "body": {"inline_string": sentence}},
    }
