"""Who gets which revision: matches, sticky users, and contradictions that are refused."""

from typing import Any

import httpx
import pytest

from demo.models import requests
from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from integration.support.rollouts import FAST, rolled_out

TRAFFIC = {"match": [{"header": "x-canary", "value": "yes"}], "sticky": {"header": "x-user"}}


def revision_for(url: str, headers: dict[str, str]) -> str:
    """Return which revision answers a request with these headers."""
    answer = httpx.post(url, json=requests()[0], headers=headers).raise_for_status()
    return answer.headers["x-lockstep-revision"]


def test_matches_and_sticky_users(cluster: Cluster, models: ModelStore) -> None:
    stable = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST, traffic=TRAFFIC))
    steps = [
        {"weight": 0, "hold": "1h"},
        {"weight": 30, "hold": "1h"},
        {"weight": 60, "hold": "1h"},
    ]
    manifest = models.deployment("wine", "v2", rollout={"steps": steps}, traffic=TRAFFIC)
    cluster.apply(manifest)
    wait_for("step one", lambda: (cluster.status("wine").get("rollout") or {}).get("step") == 1)
    candidate = cluster.status("wine")["candidateRevision"]
    url = cluster.address("wine")
    wait_for("the match", lambda: revision_for(url, {"x-canary": "yes"}) == candidate)
    assert {revision_for(url, {"x-canary": "no"}) for _ in range(20)} == {stable}

    users = [{"x-user": f"user-{number}"} for number in range(60)]

    def sides(weight: float) -> list[str]:
        manifest["spec"]["rollout"]["steps"] = [{"weight": weight, "hold": "1h"}]
        cluster.apply(manifest)
        wait_for(f"{weight} %", lambda: cluster.weights("wine").get(candidate) == weight)
        cluster.wait_condition("wine", "Ready", "False", "RollingOut")
        wait_for("it to be held", lambda: cluster.status("wine")["rollout"].get("holdUntil"))
        return [revision_for(url, user) for user in users]

    at_thirty, at_sixty = sides(30), sides(60)
    kept = [after for before, after in zip(at_thirty, at_sixty, strict=True) if before == candidate]
    assert kept
    assert set(kept) == {candidate}
    assert at_sixty.count(candidate) > at_thirty.count(candidate)


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"rollout": {"gates": [{"metric": "shadowDisagreement", "max": 0.1}]}},
        "needs traffic.mirror",
    ),
    ({"rollout": {"gates": [{"metric": "shadowDisagreement"}]}, "traffic": {"mirror": 5}}, "max"),
    (
        {
            "rollout": {"gates": [{"metric": "latencyP99"}]},
            "runtime": {"type": "Custom", "image": "mine"},
        },
        "Lockstep's own model server",
    ),
    ({"runtime": {"type": "Custom"}}, "needs an image"),
    ({"runtime": {"port": 9000}}, "runtime.port and runtime.healthPath are for type Custom"),
    ({"runtime": {"healthPath": "/health"}}, "runtime.healthPath are for type Custom"),
    ({"rollout": {"strategy": "Replace", "steps": [{"weight": 5}]}}, "has no steps"),
    ({"rollout": {"strategy": "Replace"}, "traffic": {"mirror": 5}}, "never runs two revisions"),
    (
        {"rollout": {"gates": [{"metric": "errorRate"}, {"metric": "errorRate"}]}},
        "two gates have the same name",
    ),
    (
        {"rollout": {"gates": [{"metric": "errorRate", "max": 1, "maxIncreaseOverStable": 0.1}]}},
        "set one bound",
    ),
    (
        {"rollout": {"gates": [{"metric": "errorRate", "prometheus": {"query": "up"}}]}},
        "prometheus must be set",
    ),
    (
        {"rollout": {"steps": [{"weight": 100}], "gates": [{"metric": "errorRate"}]}},
        "at a step of 100 stable gets no requests",
    ),
    ({"traffic": {"sticky": {"header": "a", "cookie": "b"}}}, "one of the two"),
    ({"traffic": {"outlierDetection": {"ejectionTime": "0s"}}}, "longer than 0s"),
    ({"rollout": {"progressDeadline": "0s"}}, "longer than 0s"),
    ({"rollout": {"analysisDeadline": "0s"}}, "longer than 0s"),
    ({"traffic": {"mirror": 0.001}}, "at most two decimals"),
]


@pytest.mark.parametrize(("spec", "sentence"), CONTRADICTIONS, ids=[s for _, s in CONTRADICTIONS])
def test_contradictions_are_refused_when_applied(
    cluster: Cluster, models: ModelStore, spec: dict[str, Any], sentence: str
) -> None:
    manifest = models.deployment("wine", "v1")
    manifest["spec"] = {"model": manifest["spec"]["model"]} | spec
    assert sentence in cluster.refused(manifest)
