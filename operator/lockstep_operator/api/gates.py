"""Gates: the questions a candidate has to answer, and what was found out."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockstep_operator.api.base import (
    LONGER_THAN_ZERO,
    ApiType,
    Duration,
    ObjectName,
    Text,
    Timestamp,
    cel,
)

Metric = Literal[
    "errorRate",
    "latencyP50",
    "latencyP95",
    "latencyP99",
    "predictionShift",
    "shadowDisagreement",
    "goldenRequests",
    "prometheus",
]
Verdict = Literal["pass", "fail", "inconclusive"]
GateName = Annotated[str, Field(min_length=1, max_length=63, pattern="^[a-zA-Z][-a-zA-Z0-9]*$")]

# Asked before the candidate gets its first request, and once for all steps.
GOLDEN_REQUESTS = "goldenRequests"
LATENCIES = ("latencyP50", "latencyP95", "latencyP99")


class ConfigMapKeyRef(ApiType):
    """A key of a ConfigMap in the same namespace."""

    name: ObjectName
    key: ObjectName


class PrometheusQuery(ApiType):
    """A PromQL query and where to ask it."""

    query: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4096,
            description="PromQL that gives one number. `{{namespace}}`, `{{modelDeployment}}` and "
            "`{{revision}}` are filled in; with `{{revision}}` it is also asked for stable.",
        ),
    ]
    address: Annotated[
        str | None,
        Field(
            max_length=2048,
            pattern=r"^https?://[^\s?#]+$",
            description="Base URL, such as http://prometheus.monitoring:9090; the operator's "
            "--prometheus-address when absent.",
        ),
    ] = None
    secret_name: Annotated[
        ObjectName | None,
        Field(
            description="Secret in the same namespace with `address`, and `token` or `username` "
            "and `password`, and `ca.crt`; each key is optional."
        ),
    ] = None
    interval: Annotated[
        Duration,
        Field(description="Time between two queries.", json_schema_extra=LONGER_THAN_ZERO),
    ] = "15s"
    failures: Annotated[
        int,
        Field(ge=1, le=100, description="Answers beyond the bound, in a row, that make it fail."),
    ] = 3


_ONLY = (
    "(self.metric == 'prometheus') == has(self.prometheus)",
    "prometheus must be set for metric prometheus, and for no other",
)
_RULES = cel(
    _ONLY,
    (
        "!has(self.maxIncreaseOverStable) || self.metric == 'errorRate'",
        "maxIncreaseOverStable is for metric errorRate only",
    ),
    (
        "!has(self.maxRatioToStable) || self.metric.startsWith('latency')"
        " || self.metric == 'prometheus'",
        "maxRatioToStable is for latency metrics and prometheus only",
    ),
    (
        "!(has(self.max) && (has(self.maxIncreaseOverStable) || has(self.maxRatioToStable)))",
        "set one bound: max, or one relative to stable; use two gates with names for both",
    ),
    (
        "self.metric != 'shadowDisagreement' || has(self.max)",
        "shadowDisagreement needs max: an improvement disagrees with stable too, so there is no "
        "sensible default",
    ),
    (
        "self.metric != 'prometheus' || has(self.max) || has(self.min)"
        " || has(self.maxRatioToStable)",
        "prometheus needs max, min or maxRatioToStable",
    ),
    (
        "!has(self.maxRatioToStable) || self.metric != 'prometheus'"
        " || !has(self.prometheus) || self.prometheus.query.contains('{{revision}}')",
        "maxRatioToStable needs {{revision}} in prometheus.query, to ask for both revisions",
    ),
    ("!has(self.min) || self.metric == 'prometheus'", "min is for metric prometheus only"),
    (
        "!(has(self.min) && has(self.max)) || self.min <= self.max",
        "min must not be above max: no answer could be between them",
    ),
    (
        "!has(self.configMap) || self.metric == 'goldenRequests'",
        "configMap is for metric goldenRequests only",
    ),
    (
        "!has(self.tolerance) || self.metric in ['shadowDisagreement', 'goldenRequests']",
        "tolerance is for shadowDisagreement and goldenRequests only",
    ),
    (
        "!has(self.output) || self.metric in ['shadowDisagreement', 'predictionShift']",
        "output is for shadowDisagreement and predictionShift only",
    ),
    (
        "!has(self.minSamples) || !(self.metric in ['goldenRequests', 'prometheus'])",
        "minSamples is for gates that watch traffic",
    ),
    (
        "!has(self.max) || !(self.metric in ['errorRate', 'shadowDisagreement', 'goldenRequests'])"
        " || self.max <= 1.0",
        "max is a share from 0 to 1 here, such as 0.01 for one percent",
    ),
)


class Gate(ApiType):
    """A question about the candidate. It fails, passes, or is inconclusive, which holds the step.

    A fail quarantines the candidate.
    """

    model_config = ConfigDict(json_schema_extra=_RULES)

    metric: Metric
    name: Annotated[
        GateName | None, Field(description="Name of the gate; its metric when absent.")
    ] = None
    max: Annotated[
        float | None,
        Field(
            ge=0,
            le=1e12,
            description="Most that is allowed: a share for errorRate, shadowDisagreement and "
            "goldenRequests (default 0 there), seconds for latency, the population stability "
            "index for predictionShift (default 0.2), the query's unit for prometheus.",
        ),
    ] = None
    min: Annotated[float | None, Field(ge=-1e12, le=1e12, description="Least that is allowed.")] = (
        None
    )
    max_increase_over_stable: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Errors per request above stable's; errorRate's default bound: 0.01.",
        ),
    ] = None
    max_ratio_to_stable: Annotated[
        float | None,
        Field(
            ge=0.01,
            le=1000,
            description="Multiple of stable's value; latencies' default bound: 1.5.",
        ),
    ] = None
    min_samples: Annotated[
        int | None,
        Field(
            ge=1,
            le=1_000_000,
            description="Samples of the candidate without which it cannot pass: 100 by default, "
            "200 for predictionShift.",
        ),
    ] = None
    tolerance: Annotated[
        float | None,
        Field(ge=0, le=1e12, description="Numbers that differ by no more count as equal."),
    ] = None
    output: Annotated[
        str | None, Field(max_length=253, description="Only this output; all when absent.")
    ] = None
    config_map: Annotated[
        ConfigMapKeyRef | None,
        Field(
            description="Golden requests; when absent, the file golden.json beside the model.",
        ),
    ] = None
    prometheus: PrometheusQuery | None = None

    @property
    def title(self) -> str:
        """The name it goes by."""
        return self.name or self.metric


class GateStatus(ApiType):
    """What a gate found at the step at hand."""

    name: GateName
    metric: Metric
    verdict: Verdict
    message: Text = ""
    value: Annotated[float | None, Field(ge=-1e15, le=1e15)] = None
    stable_value: Annotated[float | None, Field(ge=-1e15, le=1e15)] = None
    limit: Annotated[float | None, Field(ge=-1e15, le=1e15)] = None
    samples: Annotated[int, Field(ge=0, le=2**53)] = 0
    stable_samples: Annotated[int, Field(ge=0, le=2**53)] = 0
    evidence: Annotated[
        float | None,
        Field(
            ge=-1e15,
            le=1e15,
            description="Share of the evidence of harm that makes it fail: fails at 1.",
        ),
    ] = None
    evaluated_at: Timestamp | None = None
    state: Annotated[
        str | None,
        Field(max_length=16384, description="What the operator goes on from after a restart."),
    ] = None


class Analysis(ApiType):
    """The gates of the step at hand."""

    step: Annotated[int, Field(ge=0, le=20)]
    since: Timestamp
    gates: Annotated[list[GateStatus], Field(max_length=16)] = []


class GateResult(ApiType):
    """One line of a kept evaluation."""

    name: GateName
    verdict: Verdict
    value: Annotated[float | None, Field(ge=-1e15, le=1e15)] = None
    stable_value: Annotated[float | None, Field(ge=-1e15, le=1e15)] = None
    samples: Annotated[int, Field(ge=0, le=2**53)] = 0
    message: Text = ""


class EvaluationRecord(ApiType):
    """A past evaluation: kept when a verdict changed or a step began."""

    time: Timestamp
    since: Annotated[Timestamp | None, Field(description="When the step began.")] = None
    step: Annotated[int, Field(ge=0, le=20)]
    weight: Annotated[float, Field(ge=0, le=100)] = 0
    gates: Annotated[list[GateResult], Field(max_length=16)] = []
