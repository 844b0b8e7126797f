"""ModelDeployment: what the user wants. The operator writes only its status."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockstep_operator.api.base import ApiType, Duration, ObjectName, Text, Timestamp, cel
from lockstep_operator.api.conditions import Conditions
from lockstep_operator.api.content import Model, Runtime

NAME_RULES = cel(
    (
        "self.metadata.name.size() <= 45"
        " && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "metadata.name must start with a letter, hold only lower-case letters, digits and '-', "
        "end with a letter or digit, and have at most 45 characters",
    ),
)

Weight = Annotated[
    float,
    Field(
        ge=0,
        le=100,
        description="Percent of the traffic, with at most two decimals.",
        json_schema_extra=cel(
            (
                "double(int(self * 100.0 + 0.5)) / 100.0 == self",
                "must be a percentage with at most two decimals",
            ),
        ),
    ),
]


class Step(ApiType):
    """One step of a rollout: the candidate's weight, and how long it is held."""

    weight: Weight
    hold: Duration = "0s"


class Rollout(ApiType):
    """How a new revision takes over, and what is kept to go back to."""

    steps: Annotated[
        list[Step],
        Field(
            max_length=20,
            description="Weights of the candidate before it is promoted to 100 %. "
            "Empty: promoted once ready.",
            json_schema_extra=cel(
                ("self.map(s, s.weight).isSorted()", "weights must not fall from step to step"),
            ),
        ),
    ] = [Step(weight=10, hold="1m"), Step(weight=50, hold="1m")]
    keep_warm: Annotated[
        Duration,
        Field(
            description="How long the previous stable revision keeps its pods after a promotion."
        ),
    ] = "1h"
    progress_deadline: Annotated[
        Duration,
        Field(description="Time a revision has to become ready before it is reported as stalled."),
    ] = "10m"
    revision_history_limit: Annotated[
        int,
        Field(ge=1, le=100, description="Revisions kept beside the stable one and the candidate."),
    ] = 10


class Traffic(ApiType):
    """How requests reach the revisions."""

    provider: Annotated[
        Literal["Envoy"], Field(description="`Envoy`: a router of our own in the namespace.")
    ] = "Envoy"
    timeout: Annotated[
        Duration,
        Field(
            description="Time for a whole answer, after which the router gives 504.",
            json_schema_extra=cel(("duration(self) > duration('0s')", "must be longer than 0s")),
        ),
    ] = "15s"


class ModelDeploymentSpec(ApiType):
    """The wanted model, server and rollout."""

    model: Model
    runtime: Runtime = Runtime()
    replicas: Annotated[
        int, Field(ge=1, le=1000, description="Pods of the revision that carries the traffic.")
    ] = 1
    paused: Annotated[
        bool,
        Field(description="Freeze the rollout where it is. A quarantine still takes effect."),
    ] = False
    rollout: Rollout = Rollout()
    traffic: Traffic = Traffic()


class RolloutStatus(ApiType):
    """Where the rollout of the candidate stands."""

    step: Annotated[int, Field(ge=0, le=20, description="Step, from 1; 0 before the first.")] = 0
    steps: Annotated[int, Field(ge=0, le=20)] = 0
    weight: Annotated[float, Field(ge=0, le=100)] = 0
    step_started_at: Annotated[
        Timestamp | None, Field(description="When the router was first seen to carry the weight.")
    ] = None
    hold_until: Timestamp | None = None
    message: Text = ""


class TrafficShare(ApiType):
    """One revision's share of the traffic, as configured at the router."""

    revision: ObjectName
    weight: Annotated[float, Field(ge=0, le=100)]
    ready: Annotated[int, Field(ge=0, le=100000, description="Ready pods.")] = 0


class Address(ApiType):
    """Where the model answers."""

    url: Annotated[str, Field(max_length=2048)]


class ModelDeploymentStatus(ApiType):
    """What was observed."""

    observed_generation: Annotated[int, Field(ge=0, le=2**53)] = 0
    conditions: Conditions = []
    stable_revision: ObjectName | None = None
    candidate_revision: ObjectName | None = None
    rollout: RolloutStatus | None = None
    traffic: Annotated[list[TrafficShare], Field(max_length=100)] = []
    address: Address | None = None


class ModelDeployment(ApiType):
    """A model in production: which one, how it runs, and how the next one takes over."""

    model_config = ConfigDict(json_schema_extra=NAME_RULES)

    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus | None = None
