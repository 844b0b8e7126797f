"""How requests reach the revisions."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockstep_operator.api.base import LONGER_THAN_ZERO, TWO_DECIMALS, ApiType, Duration, cel

HeaderName = Annotated[
    str, Field(min_length=1, max_length=128, pattern="^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
]
_ONE_OF = cel(
    ("has(self.header) != has(self.cookie)", "set header or cookie, one of the two"),
)


class Match(ApiType):
    """Requests that go to one side whatever the weights say."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF)

    header: HeaderName | None = None
    cookie: HeaderName | None = None
    value: Annotated[
        str | None,
        Field(max_length=256, description="Exact value; any value when absent."),
    ] = None
    to: Annotated[
        Literal["candidate", "stable"],
        Field(description="Without a candidate that can take them, they go where all others go."),
    ] = "candidate"


class Sticky(ApiType):
    """What tells users apart: a user stays on his side while the weights only grow."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF)

    header: HeaderName | None = None
    cookie: Annotated[
        HeaderName | None, Field(description="Set by the router where the client has none.")
    ] = None
    ttl: Annotated[
        Duration,
        Field(description="Life of the cookie.", json_schema_extra=LONGER_THAN_ZERO),
    ] = "24h"


class OutlierDetection(ApiType):
    """When a pod that answers with errors gets no requests for a while."""

    consecutive_errors: Annotated[
        int, Field(ge=0, le=1000, description="5xx answers in a row; 0 switches it off.")
    ] = 5
    ejection_time: Annotated[
        Duration,
        Field(
            description="Grows with every ejection of the same pod.",
            json_schema_extra=LONGER_THAN_ZERO,
        ),
    ] = "30s"
    max_ejected_percent: Annotated[
        int, Field(ge=0, le=100, description="Most of a revision's pods that may be out.")
    ] = 50


class CircuitBreaker(ApiType):
    """Most that a router pod has open towards one revision; beyond it, requests get 503."""

    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    max_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    max_pending_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000


class Traffic(ApiType):
    """How requests reach the revisions."""

    provider: Annotated[
        Literal["Envoy"], Field(description="`Envoy`: a router of our own in the namespace.")
    ] = "Envoy"
    timeout: Annotated[
        Duration,
        Field(
            description="Time for a whole answer, after which the router gives 504.",
            json_schema_extra=LONGER_THAN_ZERO,
        ),
    ] = "15s"
    idle_timeout: Annotated[
        Duration | None,
        Field(
            description="Longest silence in a stream of an answer; the timeout and 5 s when "
            "absent.",
            json_schema_extra=LONGER_THAN_ZERO,
        ),
    ] = None
    mirror: Annotated[
        float | None,
        Field(
            ge=0,
            le=100,
            description="Percent of the requests that are also sent to the candidate, whose "
            "answers to them nobody gets. The model must not have side effects.",
            json_schema_extra=TWO_DECIMALS,
        ),
    ] = None
    match: Annotated[list[Match], Field(max_length=16)] = []
    sticky: Sticky | None = None
    outlier_detection: OutlierDetection = OutlierDetection()
    circuit_breaker: CircuitBreaker = CircuitBreaker()
