"""What the routes of one ModelDeployment do with a request: split, match, or no revision."""

from collections.abc import Callable
from typing import Any

from lockstep_operator.core.routing import Backend, Mirror, Route, Sticky, TrafficSettings
from lockstep_operator.traffic.envoy import durations, names
from lockstep_operator.traffic.envoy.discovery import Resource

Naming = Callable[[str], str]


def split(route: Route, mirrored: bool, naming: Naming = str) -> Resource:
    """Return the action that spreads requests by weight, and copies a share of them if asked.

    `naming`: from a revision's cluster to the one that gets these requests.
    """
    policies = {}
    if mirrored and route.mirror is not None:
        policies = {"request_mirror_policies": [_mirror(route.mirror)]}
    return {
        "route": {
            "weighted_clusters": {"clusters": _weights(route, naming), **_by_hash(route.settings)},
            **_hash_policy(route.settings.sticky),
            **policies,
            **_patience(route.settings),
        },
        "request_headers_to_add": [_header(names.ASSIGNMENT_HEADER, "split")],
    }


def to_revision(revision: str, settings: TrafficSettings, naming: Naming = str) -> Resource:
    """Return the action that sends what a match has assigned; nothing of it is mirrored."""
    return {
        "route": {"cluster": naming(names.match_cluster(revision)), **_patience(settings)},
        "request_headers_to_add": [_header(names.ASSIGNMENT_HEADER, "match")],
    }


def unavailable(deployment: str) -> Resource:
    """Return the action without a revision; the listener makes the sentence a JSON body."""
    sentence = f"no revision of {deployment} is ready to serve"
    return {"direct_response": {"status": 503, "body": {"inline_string": sentence}}}


def new_cookie(sticky: Sticky) -> Resource:
    """Return what gives a client without the cookie one, with the id that his side hung on."""
    name = str(sticky.cookie).replace("%", "%%")
    age = f"; Max-Age={round(sticky.ttl_seconds)}" if sticky.ttl_seconds else ""
    value = f"{name}=%REQ({names.REQUEST_ID_HEADER})%{age}; Path=/; HttpOnly"
    return {"response_headers_to_add": [{"header": {"key": "set-cookie", "value": value}}]}


def _patience(settings: TrafficSettings) -> Resource:
    # A little longer, so that the timeout is what a slow model is reported as.
    idle = settings.timeout + 5 if settings.idle_timeout is None else settings.idle_timeout
    return {
        "timeout": durations.to_text(settings.timeout),
        "idle_timeout": durations.to_text(idle),
        "retry_policy": _RETRY,
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


def _weights(route: Route, naming: Naming) -> list[dict[str, Any]]:
    """Return the clusters in order; one without weight is not named at all.

    So a route never waits for, nor breaks with, a cluster that gets no requests.
    """
    ordered = sorted(route.backends, key=lambda backend: _place(route, backend))
    return [{"name": naming(b.revision), "weight": b.weight} for b in ordered if b.weight]


def _place(route: Route, backend: Backend) -> tuple[bool, bool, str]:
    """Return where a revision stands in the list of clusters, which is not without effect.

    Envoy draws one number for a request, and takes it modulo 10000 both for the weights (in the
    order of the list) and for the mirror's share: copies are made of the requests of whoever stands
    first. Were this the mirror's own revision, no copy would have an answer to be compared with.
    A hash takes the number's place where users are sticky; they would change sides with the order.
    """
    if route.mirror is None or route.settings.sticky is not None:
        return False, False, backend.revision
    name = backend.revision
    return name == route.mirror.revision, name != route.stable, name


def _by_hash(settings: TrafficSettings) -> Resource:
    return {} if settings.sticky is None else {"use_hash_policy": True}


def _hash_policy(sticky: Sticky | None) -> Resource:
    """A client without the header goes by chance; one without the cookie by his first request."""
    if sticky is None:
        return {}
    if sticky.header is not None:
        return {"hash_policy": [{"header": {"header_name": sticky.header}}]}
    first = {"header": {"header_name": names.REQUEST_ID_HEADER}}
    return {"hash_policy": [{"cookie": {"name": sticky.cookie}, "terminal": True}, first]}


def _mirror(mirror: Mirror) -> Resource:
    share = {"numerator": mirror.share, "denominator": "TEN_THOUSAND"}
    return {
        "cluster": names.mirror_cluster(mirror.revision),
        "runtime_fraction": {"default_value": share},
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": [{"append": _header(names.ASSIGNMENT_HEADER, "mirror")}],
    }


def _header(key: str, value: str) -> dict[str, Any]:
    """Set a header, whatever the client sent."""
    return {
        "header": {"key": key, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
