"""What the core wants of the traffic layer, and what the traffic layer reports back.

Weights are integers in hundredths of a percent (0..10000), see `core.weights`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Backend:
    """One revision behind a route. Weight 0: the router knows its cluster and sends it nothing."""

    revision: str
    weight: int


@dataclass(frozen=True, slots=True)
class Route:
    """The wanted traffic of one ModelDeployment.

    `backends` weights sum to 10000, or are all 0: then the router answers 503 with a sentence.
    """

    namespace: str
    deployment: str
    backends: tuple[Backend, ...]
    timeout_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """What the router runs for one ModelDeployment, read back from it.

    Attributes:
        port: listener port of the ModelDeployment, None before its first configuration.
        weights: configured weight by revision; a revision whose cluster is known has an entry (0).
        timeout_seconds: configured route timeout, None before the first configuration.
        applied: every Ready, non-terminating router pod (at least one) reports this configuration.
        healthy: by revision, the fewest healthy endpoints that any such pod sees; absent: not seen.
        rejected: why a router pod refuses its configuration, None when none does.
        resource_version: of the configuration that was read; a later write must carry it.
        ready_pods: Ready, non-terminating router pods.
        complete: the configuration, the user-facing Service and the router itself are as wanted.
    """

    port: int | None = None
    weights: Mapping[str, int] = field(default_factory=dict)
    timeout_seconds: float | None = None
    applied: bool = False
    healthy: Mapping[str, int] = field(default_factory=dict)
    rejected: str | None = None
    resource_version: str | None = None
    ready_pods: int = 0
    complete: bool = False
