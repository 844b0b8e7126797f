"""What the core wants of the traffic layer, and what the traffic layer reports back.

Weights are integers in hundredths of a percent (0..10000), see `core.weights`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lockstep_operator.core.names import HEALTH_PATH, MODEL_PORT


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a revision's pods take HTTP, and which path answers 200 when they can."""

    port: int = MODEL_PORT
    health_path: str = HEALTH_PATH

    @classmethod
    def of(cls, port: int | None, health_path: str | None) -> "Endpoint":
        """Return it with what our own model server has where something is absent."""
        return cls(port or MODEL_PORT, health_path or HEALTH_PATH)


@dataclass(frozen=True, slots=True)
class Backend:
    """One revision behind a route. Weight 0: the router knows its cluster and sends it nothing."""

    revision: str
    weight: int
    endpoint: Endpoint = Endpoint()


@dataclass(frozen=True, slots=True)
class Match:
    """Requests with this header or cookie (one is set; `value` None: whatever it holds)."""

    header: str | None = None
    cookie: str | None = None
    value: str | None = None
    to: str = "candidate"


@dataclass(frozen=True, slots=True)
class Sticky:
    """What users are told apart by: a header, or a cookie that the router sets for a time."""

    header: str | None = None
    cookie: str | None = None
    ttl_seconds: float = 86400.0


@dataclass(frozen=True, slots=True)
class TrafficSettings:
    """What `spec.traffic` says beside the weights; times in seconds.

    `consecutive_errors` 0: no pod is ejected. `idle_timeout` None: the timeout and a little more.
    `grpc`: some revision offers gRPC; such requests follow the same weights, to a port of its own.
    """

    timeout: float = 15.0
    idle_timeout: float | None = None
    matches: tuple[Match, ...] = ()
    sticky: Sticky | None = None
    consecutive_errors: int = 5
    ejection_time: float = 30.0
    max_ejected_percent: int = 50
    max_connections: int = 10_000
    max_requests: int = 10_000
    max_pending_requests: int = 10_000
    grpc: bool = False


@dataclass(frozen=True, slots=True)
class Mirror:
    """A share of the requests, in hundredths of a percent, that a revision gets a copy of."""

    revision: str
    share: int


@dataclass(frozen=True, slots=True)
class Route:
    """The wanted traffic of one ModelDeployment.

    `backends` weights sum to 10000, or are all 0: then the router answers 503 with a sentence.
    `candidate`, `stable`: where `settings.matches` lead; None: matches to that side are left out.
    `urgent`: it takes traffic off a quarantined revision, so a router pod that does not follow
    within seconds is replaced.
    """

    namespace: str
    deployment: str
    backends: tuple[Backend, ...]
    settings: TrafficSettings = TrafficSettings()
    mirror: Mirror | None = None
    candidate: str | None = None
    stable: str | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """What the router runs for one ModelDeployment, read back from it.

    Attributes:
        port: listener port of the ModelDeployment, None before its first configuration.
        weights: configured weight by revision; a revision whose cluster is known has an entry (0).
        endpoints: of the revisions whose cluster is known.
        settings: the configured settings, None before the first configuration or when the route
            was written by another build and its settings cannot be told.
        mirror: the configured mirror.
        candidate, stable: where matches lead.
        applied: every Ready, non-terminating router pod (at least one) reports this configuration.
        healthy: by revision, the fewest healthy endpoints that any such pod sees; absent: not seen.
        rejected: why a router pod refuses its configuration, None when none does.
        resource_version: of the configuration that was read; a later write must carry it.
        ready_pods: Ready, non-terminating router pods.
        complete: the configuration, the user-facing Service and the router itself are as wanted.
    """

    port: int | None = None
    weights: Mapping[str, int] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    settings: TrafficSettings | None = None
    mirror: Mirror | None = None
    candidate: str | None = None
    stable: str | None = None
    applied: bool = False
    healthy: Mapping[str, int] = field(default_factory=dict)
    rejected: str | None = None
    resource_version: str | None = None
    ready_pods: int = 0
    complete: bool = False


def is_configured(live: LiveRoute, route: Route) -> bool:
    """Tell whether all but the weights is configured as the route says."""
    there = (live.settings, live.mirror, live.candidate, live.stable)
    return there == (route.settings, route.mirror, route.candidate, route.stable)


@dataclass(frozen=True, slots=True)
class RouterCount:
    """Requests that one router pod sent to one revision since it started, and their 5xx answers.

    5xx counts what the client got: answers of the model server, and the router's own when no pod
    took the request or none answered in time; of gRPC, statuses that mean the same. `pod` is the
    router pod's UID. `assignment` is `split` or `mirror`; requests that a match assigned are not
    counted. `unsent` copies are among both requests and errors, but the revision never saw them.
    All three only grow while the router runs; they are not read at the same instant, so their
    differences may fall.
    """

    pod: str
    revision: str
    assignment: str
    requests: int
    errors: int
    unsent: int = 0
