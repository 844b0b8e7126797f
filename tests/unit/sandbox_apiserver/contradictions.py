"""Manifests whose fields contradict one another, and the sentence each is refused with.

A real API server answered each of them with the same status and the same sentence.
"""

from typing import Any

Json = dict[str, Any]
_QUERY = {"query": "sum(up)"}
_BOTH = {"query": 'sum(up{revision="{{revision}}"})'}


def _gate(metric: str, **fields: Any) -> Json:
    return {"rollout": {"gates": [{"metric": metric, **fields}]}}


def _custom(**gate: Any) -> Json:
    return {"runtime": {"type": "Custom", "image": "mine:1"}, "rollout": {"gates": [gate]}}


def _schema(*features: Json) -> Json:
    model = {"uri": "file:///m.skops", "format": "sklearn"}
    return {"model": model | {"inputSchema": {"features": list(features)}}}


_REPLACE: Json = {"strategy": "Replace"}

REFUSED: list[tuple[Json, str]] = [
    (_gate("prometheus", max=1), "prometheus must be set for metric prometheus"),
    (_gate("errorRate", prometheus=_QUERY), "prometheus must be set for metric prometheus"),
    (_gate("latencyP99", maxIncreaseOverStable=0.1), "maxIncreaseOverStable is for metric error"),
    (_gate("errorRate", maxRatioToStable=2), "maxRatioToStable is for latency metrics and prom"),
    (_gate("errorRate", max=0.1, maxIncreaseOverStable=0.1), "set one bound: max, or one relative"),
    (_gate("latencyP50", max=1, maxRatioToStable=2), "set one bound: max, or one relative"),
    (_gate("shadowDisagreement") | {"traffic": {"mirror": 10}}, "shadowDisagreement needs max"),
    (_gate("prometheus", prometheus=_QUERY), "prometheus needs max, min or maxRatioToStable"),
    (_gate("prometheus", prometheus=_QUERY, maxRatioToStable=2), "needs {{revision}} in prometh"),
    (_gate("errorRate", min=0.1), "min is for metric prometheus only"),
    (
        _gate("prometheus", prometheus=_QUERY, min=2, max=1),
        "min must not be above max: no answer could be between them",
    ),
    (
        {
            "rollout": {
                "steps": [{"weight": 100}],
                "gates": [{"metric": "prometheus", "maxRatioToStable": 2, "prometheus": _BOTH}],
            }
        },
        "at a step of 100 stable gets no requests to compare with",
    ),
    (
        _gate("errorRate", configMap={"name": "g", "key": "k"}),
        "configMap is for metric goldenRequests only",
    ),
    (_gate("errorRate", tolerance=0.1), "tolerance is for shadowDisagreement and goldenRequests"),
    (_gate("errorRate", output="y"), "output is for shadowDisagreement and predictionShift only"),
    (_gate("goldenRequests", minSamples=3), "minSamples is for gates that watch traffic"),
    (_gate("errorRate", max=5), "max is a share from 0 to 1 here, such as 0.01 for one percent"),
    (_gate("errorRat"), 'Unsupported value: "errorRat"'),
    (_gate("shadowDisagreement", max=0.1), "needs traffic.mirror, the percentage of requests"),
    (
        _gate("shadowDisagreement", max=0.1) | {"traffic": {"mirror": 0}},
        "needs traffic.mirror, the percentage of requests",
    ),
    (
        {"rollout": {"gates": [{"metric": "errorRate"}, {"metric": "errorRate", "max": 0.1}]}},
        "two gates have the same name",
    ),
    ({"rollout": _REPLACE | {"steps": [{"weight": 5}]}}, "strategy Replace has no steps"),
    (
        {"rollout": _REPLACE | {"gates": [{"metric": "errorRate"}]}},
        "strategy Replace can only have goldenRequests gates",
    ),
    ({"rollout": _REPLACE, "traffic": {"mirror": 5}}, "strategy Replace never runs two revisions"),
    (
        {"rollout": _REPLACE, "traffic": {"match": [{"header": "x-user"}]}},
        "strategy Replace never runs two revisions",
    ),
    (_custom(metric="predictionShift"), "with runtime.type Custom only the gates errorRate"),
    (_custom(metric="latencyP99"), "with runtime.type Custom only the gates errorRate"),
    (_custom(metric="goldenRequests"), "with runtime.type Custom a goldenRequests gate needs"),
    ({"runtime": {"type": "Custom"}}, "runtime.type Custom needs an image"),
    (
        {"runtime": {"type": "Custom", "image": "mine:1", "batching": {}}},
        "runtime.batching is for Lockstep's own model server",
    ),
    ({"runtime": {"batching": {"maxSize": 0}}}, "spec.runtime.batching.maxSize"),
    (_schema({"name": "a", "min": 2, "max": 1}), "min must not be above max"),
    (_schema({"name": "a", "type": "string", "min": 2}), "min and max are for numbers"),
    (_schema({"name": "a", "categories": ["b"]}), "categories are for type string"),
    (_schema({"type": "number"}), "spec.model.inputSchema.features[0].name"),
    (_schema({"name": "a"}, {"name": "a"}), "Duplicate value"),
    (_schema(), "spec.model.inputSchema.features"),
    (
        _schema({"name": "a"}) | {"runtime": {"type": "Custom", "image": "mine:1"}},
        "model.inputSchema is checked by Lockstep's own model server",
    ),
    ({"traffic": {"timeout": "0s"}}, "must be longer than 0s"),
    ({"traffic": {"idleTimeout": "0s"}}, "must be longer than 0s"),
    ({"traffic": {"mirror": 101}}, "less than or equal to 100"),
    ({"traffic": {"match": [{"to": "candidate"}]}}, "set header or cookie, one of the two"),
    (
        {"traffic": {"match": [{"header": "a", "cookie": "b"}]}},
        "set header or cookie, one of the two",
    ),
    ({"traffic": {"sticky": {"ttl": "1h"}}}, "set header or cookie, one of the two"),
    ({"traffic": {"sticky": {"header": "a b"}}}, "spec.traffic.sticky.header"),
    ({"traffic": {"provider": "Magic"}}, 'supported values: "Envoy"'),
    ({"rollout": {"steps": [{"weight": 5, "approval": "yes"}]}}, "spec.rollout.steps[0].approval"),
    ({"rollout": {"analysisDeadline": "soon"}}, "spec.rollout.analysisDeadline"),
]

ACCEPTED: list[Json] = [
    {"rollout": {"gates": [{"metric": m} for m in ("errorRate", "latencyP99", "predictionShift")]}},
    _gate("prometheus", prometheus=_BOTH, maxRatioToStable=2),
    _gate("prometheus", prometheus=_QUERY, min=1, max=3),
    _gate("shadowDisagreement", max=0.1, tolerance=0.01) | {"traffic": {"mirror": 10}},
    _gate("goldenRequests", configMap={"name": "g", "key": "golden.json"}),
    _custom(metric="goldenRequests", configMap={"name": "g", "key": "k"}),
    _custom(metric="errorRate", max=0.01),
    {"rollout": _REPLACE | {"gates": [{"metric": "goldenRequests"}]}},
    {"rollout": {"steps": []}},
    {"rollout": {"steps": [{"weight": 0, "hold": "1h"}, {"weight": 100, "approval": True}]}},
    {
        "rollout": {
            "gates": [{"metric": "errorRate"}, {"metric": "errorRate", "name": "e2", "max": 0.1}]
        }
    },
    {"traffic": {"sticky": {"cookie": "side", "ttl": "30m"}, "mirror": 0.5}},
    {"traffic": {"match": [{"header": "x-canary"}, {"cookie": "b", "value": "1", "to": "stable"}]}},
    {"runtime": {"batching": {"maxSize": 8, "maxDelayMilliseconds": 2, "maxQueue": 100}}},
    _schema({"name": "a", "min": -1.5, "max": 2}, {"name": "b", "type": "boolean"}),
    _schema({"name": "c", "type": "string", "categories": ["x"]}),
    {"traffic": {"timeout": "2m", "idleTimeout": "10s", "outlierDetection": {}}},
]

_ORDER = {"reason": "why", "by": "me", "time": "2026-01-01T00:00:00Z"}

REVISION_REFUSED: list[tuple[Json, str]] = [
    ({"restore": {"quarantine": ["a"] * 11}}, "must have at most 10 items"),
    ({"rollout": {"approvals": [{"by": "me"}]}}, "spec.rollout.approvals[0].step"),
    ({"rollout": {"approvals": [{"step": 0}]}}, "greater than or equal to 1"),
    ({"rollout": {"paused": {"time": "now"}}}, "spec.rollout.paused.time"),
    ({"rollout": {"stop": {}}}, 'unknown field "spec.rollout.stop"'),
    ({"quarantine": {"by": "me"}}, "spec.quarantine.reason"),
]

REVISION_ACCEPTED: list[Json] = [
    {"rollout": {"paused": _ORDER, "aborted": {}, "promote": _ORDER}},
    {"rollout": {"approvals": [{"step": 1, **_ORDER}]}},
    {"restore": {**_ORDER, "quarantine": ["t-00000001"]}},
    {"quarantine": {"reason": "bad"}},
]


def model_deployment(spec: Json) -> Json:
    """Return a manifest with this laid over its spec."""
    model = {"uri": "https://models/m", "format": "sklearn"}
    return {
        "apiVersion": "serving.lockstep.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "t"},
        "spec": {"model": model, **spec},
    }


def model_revision(spec: Json) -> Json:
    """Return a manifest with this laid over its spec."""
    content = {"model": {"uri": "https://models/m", "format": "sklearn"}}
    template = {"spec": {"containers": [{"name": "model", "image": "x"}]}}
    return {
        "apiVersion": "serving.lockstep.dev/v1alpha1",
        "kind": "ModelRevision",
        "metadata": {"name": "t-12345678"},
        "spec": {
            "modelDeploymentName": "t",
            "content": content,
            "podTemplate": template,
            **spec,
        },
    }
