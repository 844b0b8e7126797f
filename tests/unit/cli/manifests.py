"""Objects as the API server gives them, small but whole."""

from datetime import UTC, datetime
from typing import Any

Manifest = dict[str, Any]

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def deployment(**status: Any) -> Manifest:
    """Return the ModelDeployment `shop/churn`, generation 3, asking for version 2."""
    return {
        "apiVersion": "serving.lockstep.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": "churn",
            "namespace": "shop",
            "generation": 3,
            "resourceVersion": "900",
        },
        "spec": {"model": {"uri": "file:///models/churn-2.skops", "format": "sklearn"}},
        "status": {"observedGeneration": 3, "conditions": [], **status},
    }


def revision(
    suffix: str,
    version: int,
    *,
    role: str,
    numbers: tuple[int, ...] = (),
    revoked: bool = False,
    ready: int = 0,
    weight: float = 0,
    quarantine: str | None = None,
) -> Manifest:
    """Return the ModelRevision `churn-<suffix>` of model version `version`."""
    spec: Manifest = {
        "modelDeploymentName": "churn",
        "content": {"model": {"uri": f"file:///models/churn-{version}.skops", "format": "sklearn"}},
        "podTemplate": {
            "spec": {
                "initContainers": [{"name": "fetch", "image": "lockstep/runtime:1"}],
                "containers": [{"name": "model", "image": "lockstep/runtime:1"}],
            }
        },
        "observed": {"digest": "sha256:" + f"{version:02d}" * 32},
        "promotions": [
            {"number": number, "time": f"2026-03-01T1{number}:00:00Z", "revoked": revoked}
            for number in numbers
        ],
    }
    if quarantine:
        spec["quarantine"] = {"reason": quarantine, "by": "ada", "time": "2026-03-01T11:30:00Z"}
    return {
        "apiVersion": "serving.lockstep.dev/v1alpha1",
        "kind": "ModelRevision",
        "metadata": {
            "name": f"churn-{suffix}",
            "namespace": "shop",
            "resourceVersion": str(100 + version),
        },
        "spec": spec,
        "status": {
            "role": role,
            "replicas": ready,
            "readyReplicas": ready,
            "weight": weight,
        },
    }


def condition(kind: str, status: str, reason: str, message: str = "") -> Manifest:
    """Return a condition that changed five minutes before NOW."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-03-01T11:55:00Z",
        "observedGeneration": 3,
    }


def lease(seconds_ago: int = 3, holder: str = "operator-0") -> Manifest:
    """Return the operator's Lease, renewed some seconds before NOW."""
    renewed = datetime.fromtimestamp(NOW.timestamp() - seconds_ago, UTC)
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "lockstep-operator", "namespace": "lockstep-system"},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        },
    }


def fresh_lease() -> Manifest:
    """Return the Lease of an operator that runs, whatever the machine's clock says."""
    held = lease()
    held["spec"]["renewTime"] = "2999-01-01T00:00:00Z"
    return held


def in_canary() -> tuple[Manifest, list[Manifest]]:
    """Return `churn` at step 1 of 3, 10 %, with 48 s of hold left."""
    parent = deployment(
        stableRevision="churn-aaaa1111",
        candidateRevision="churn-bbbb2222",
        address={"url": "http://churn.shop.svc"},
        rollout={
            "step": 1,
            "steps": 3,
            "weight": 10,
            "stepStartedAt": "2026-03-01T11:59:48Z",
            "holdUntil": "2026-03-01T12:00:48Z",
            "message": "holding 10.0 %",
        },
        traffic=[
            {"revision": "churn-aaaa1111", "weight": 90, "ready": 2},
            {"revision": "churn-bbbb2222", "weight": 10, "ready": 1},
        ],
        conditions=[
            condition("Available", "True", "StableServes", "churn-aaaa1111 carries traffic"),
            condition("Ready", "False", "RolloutInProgress", "step 1 of 3"),
            condition("Reconciling", "True", "RolloutInProgress"),
        ],
    )
    children = [
        revision("bbbb2222", 2, role="candidate", ready=1, weight=10),
        revision("aaaa1111", 1, role="stable", numbers=(1,), ready=2, weight=90),
    ]
    return parent, children


def judged() -> tuple[Manifest, list[Manifest]]:
    """Return `churn` in canary with gates: one has passed, one looks, one has not looked yet."""
    parent, children = in_canary()
    parent["spec"]["rollout"] = {
        "steps": [{"weight": 10, "hold": "1m"}, {"weight": 50, "approval": True}, {"weight": 75}],
        "gates": [
            {"metric": "errorRate"},
            {"metric": "latencyP99", "name": "slow"},
            {"metric": "predictionShift"},
        ],
    }
    parent["status"]["rollout"] |= {"phase": "Inconclusive", "message": "gate slow: 37 of 100"}
    parent["status"]["rollout"]["holdUntil"] = "2026-03-01T11:59:58Z"
    children[0]["status"]["analysis"] = {
        "step": 1,
        "since": "2026-03-01T11:59:48Z",
        "gates": [
            {
                "name": "errorRate",
                "metric": "errorRate",
                "verdict": "pass",
                "value": 0.0021,
                "stableValue": 0.002,
                "limit": 0.012,
                "samples": 640,
                "stableSamples": 5800,
                "evidence": 0.07,
                "message": "no evidence of harm",
                "evaluatedAt": "2026-03-01T11:59:53Z",
                "state": "{}",
            },
            {
                "name": "slow",
                "metric": "latencyP99",
                "verdict": "inconclusive",
                "value": 0.0183,
                "limit": 0.03,
                "samples": 37,
                "message": "37 of 100 samples",
                "evaluatedAt": "2026-03-01T11:59:53Z",
            },
        ],
    }
    return parent, children


def mark(reason: str = "why not", by: str = "bob") -> Manifest:
    """Return an order as it is kept on a revision."""
    return {"reason": reason, "by": by, "time": "2026-03-01T11:58:00Z"}


def order(child: Manifest, **orders: Any) -> None:
    """Put orders into spec.rollout of a revision."""
    child["spec"].setdefault("rollout", {}).update(orders)


def promoted() -> tuple[Manifest, list[Manifest]]:
    """Return `churn` after the promotion of version 2, version 1 still warm."""
    parent = deployment(
        stableRevision="churn-bbbb2222",
        address={"url": "http://churn.shop.svc"},
        traffic=[
            {"revision": "churn-bbbb2222", "weight": 100, "ready": 2},
            {"revision": "churn-aaaa1111", "weight": 0, "ready": 2},
        ],
        conditions=[
            condition("Available", "True", "StableServes", "churn-bbbb2222 carries traffic"),
            condition("Ready", "True", "Promoted"),
        ],
    )
    children = [
        revision("bbbb2222", 2, role="stable", numbers=(2,), ready=2, weight=100),
        revision("aaaa1111", 1, role="warm", numbers=(1,), ready=2),
    ]
    return parent, children
