"""ModelDeployment: what the user wants. The operator writes only its status."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockstep_operator.api.base import (
    LONGER_THAN_ZERO,
    TWO_DECIMALS,
    ApiType,
    Duration,
    ObjectName,
    Text,
    Timestamp,
    cel,
)
from lockstep_operator.api.conditions import Conditions
from lockstep_operator.api.content import Model, Runtime
from lockstep_operator.api.gates import Gate
from lockstep_operator.api.traffic import Traffic

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
        json_schema_extra=TWO_DECIMALS,
    ),
]


class Step(ApiType):
    """One step of a rollout: the candidate's weight, and how long it is held."""

    weight: Weight
    hold: Annotated[
        Duration, Field(description="Least time at this weight; gates may prolong it.")
    ] = "0s"
    approval: Annotated[
        bool,
        Field(description="After the hold, wait for `lockstep approve` before the next step."),
    ] = False


DEFAULT_STEPS = (Step(weight=10, hold="1m"), Step(weight=50, hold="1m"))

_STRATEGY = cel(
    (
        "!has(self.strategy) || self.strategy != 'Replace' || !has(self.steps)",
        "strategy Replace has no steps: the old pods stop before the new ones start",
    ),
    (
        "!has(self.strategy) || self.strategy != 'Replace' || !has(self.gates)"
        " || self.gates.all(g, g.metric == 'goldenRequests')",
        "strategy Replace can only have goldenRequests gates: there is nothing to compare with",
    ),
    (
        "!has(self.gates) || !has(self.steps) || !self.steps.exists(s, s.weight >= 100.0)"
        " || self.gates.all(g, g.metric == 'goldenRequests'"
        " || (g.metric == 'prometheus' && !has(g.maxRatioToStable)) || (has(g.max)"
        " && (g.metric == 'errorRate' || g.metric.startsWith('latency'))))",
        "at a step of 100 stable gets no requests to compare with: give errorRate and latency "
        "gates max, remove predictionShift, shadowDisagreement and maxRatioToStable, or end with "
        "a step below 100",
    ),
    (
        "!has(self.gates) || self.gates.all(g, self.gates.exists_one(h, "
        "(has(h.name) ? h.name : h.metric) == (has(g.name) ? g.name : g.metric)))",
        "two gates have the same name: give gates of one metric names of their own",
    ),
)


class Rollout(ApiType):
    """How a new revision takes over, and what is kept to go back to."""

    model_config = ConfigDict(json_schema_extra=_STRATEGY)

    strategy: Annotated[
        Literal["Canary", "Replace"],
        Field(
            description="`Canary`: both revisions run, and traffic moves in steps. `Replace`: the "
            "old pods stop before the new ones start, for clusters without room for both; "
            "requests meanwhile get 503.",
        ),
    ] = "Canary"
    steps: Annotated[
        list[Step] | None,
        Field(
            max_length=20,
            description="Weights of the candidate before it is promoted to 100 %: "
            "10 % and 50 %, one minute each, when absent. Empty: promoted once ready.",
            json_schema_extra=cel(
                ("self.map(s, s.weight).isSorted()", "weights must not fall from step to step"),
            ),
        ),
    ] = None
    gates: Annotated[
        list[Gate],
        Field(
            max_length=16,
            description="What the candidate is judged by at every step.",
        ),
    ] = []
    keep_warm: Annotated[
        Duration,
        Field(
            description="How long the previous stable revision keeps its pods after a promotion."
        ),
    ] = "1h"
    progress_deadline: Annotated[
        Duration,
        Field(
            description="Time a revision has to become ready before it is reported as stalled.",
            json_schema_extra=LONGER_THAN_ZERO,
        ),
    ] = "10m"
    analysis_deadline: Annotated[
        Duration | None,
        Field(
            description="Time after its hold that a step may wait for gates; then the rollout "
            "stays where it is until a person decides. No limit when absent.",
            json_schema_extra=LONGER_THAN_ZERO,
        ),
    ] = None
    revision_history_limit: Annotated[
        int,
        Field(ge=1, le=100, description="Revisions kept beside the stable one and the candidate."),
    ] = 10

    @property
    def walk(self) -> Sequence[Step]:
        """The steps, the default ones where none are given."""
        return DEFAULT_STEPS if self.steps is None else self.steps


_SPEC = cel(
    (
        "!has(self.rollout) || !has(self.rollout.gates)"
        " || !self.rollout.gates.exists(g, g.metric == 'shadowDisagreement')"
        " || (has(self.traffic) && has(self.traffic.mirror) && self.traffic.mirror > 0.0)",
        "gate shadowDisagreement needs traffic.mirror, the percentage of requests to compare",
    ),
    (
        "!has(self.rollout) || !has(self.rollout.gates) || !has(self.runtime)"
        " || !has(self.runtime.type) || self.runtime.type != 'Custom'"
        " || self.rollout.gates.all(g, g.metric in ['errorRate', 'goldenRequests', 'prometheus'])",
        "with runtime.type Custom only the gates errorRate, goldenRequests and prometheus work: "
        "the others need Lockstep's own model server",
    ),
    (
        "!has(self.rollout) || !has(self.rollout.gates) || !has(self.runtime)"
        " || !has(self.runtime.type) || self.runtime.type != 'Custom'"
        " || self.rollout.gates.all(g, g.metric != 'goldenRequests' || has(g.configMap))",
        "with runtime.type Custom a goldenRequests gate needs configMap: only Lockstep's own "
        "model server can hand over the file beside the model",
    ),
    (
        "!has(self.model.inputSchema) || !has(self.runtime) || !has(self.runtime.type)"
        " || self.runtime.type != 'Custom'",
        "model.inputSchema is checked by Lockstep's own model server, not by runtime.type Custom",
    ),
    (
        "!has(self.rollout) || !has(self.rollout.strategy) || self.rollout.strategy != 'Replace'"
        " || !has(self.traffic) || !(has(self.traffic.mirror) || has(self.traffic.sticky)"
        " || has(self.traffic.match))",
        "strategy Replace never runs two revisions: remove traffic.mirror, sticky and match",
    ),
)


class ModelDeploymentSpec(ApiType):
    """The wanted model, server and rollout."""

    model_config = ConfigDict(json_schema_extra=_SPEC)

    model: Model
    runtime: Runtime = Runtime()
    replicas: Annotated[
        int, Field(ge=1, le=1000, description="Pods of the revision that carries the traffic.")
    ] = 1
    paused: Annotated[
        bool,
        Field(
            description="Freeze the rollout where it is. A quarantine still takes effect, and a "
            "replacement whose old pods have stopped is finished."
        ),
    ] = False
    rollout: Rollout = Rollout()
    traffic: Traffic = Traffic()


Phase = Literal[
    "Starting",
    "Progressing",
    "Paused",
    "AwaitingApproval",
    "Inconclusive",
    "AnalysisDeadlineExceeded",
    "Aborted",
    "Restoring",
]


class RolloutStatus(ApiType):
    """Where the rollout of the candidate stands."""

    phase: Phase | None = None

    step: Annotated[int, Field(ge=0, le=20, description="Step, from 1; 0 before the first.")] = 0
    steps: Annotated[int, Field(ge=0, le=20)] = 0
    weight: Annotated[float, Field(ge=0, le=100)] = 0
    step_started_at: Annotated[
        Timestamp | None, Field(description="When the router was first seen to carry the weight.")
    ] = None
    hold_until: Timestamp | None = None
    stable_down_since: Annotated[
        Timestamp | None, Field(description="Since when the stable revision has no ready pod.")
    ] = None
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
