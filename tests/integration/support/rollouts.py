"""Rollouts as people do them: apply a manifest, wait for it to be stable, quarantine it."""

import json
from typing import Any

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore

FAST: dict[str, Any] = {"steps": []}


def rolled_out(cluster: Cluster, manifest: dict[str, Any], seconds: float = 90.0) -> str:
    """Apply a manifest and wait until it is stable and Ready; return its revision."""
    name = manifest["metadata"]["name"]
    before = cluster.status(name).get("stableRevision")
    cluster.apply(manifest)
    wait_for(
        f"another stable revision of {name}",
        lambda: cluster.status(name).get("stableRevision") not in (None, before),
        seconds,
    )
    cluster.wait_ready(name)
    return str(cluster.status(name)["stableRevision"])


def quarantine(cluster: Cluster, revision: str, reason: str = "biased") -> None:
    """Quarantine a revision with plain kubectl."""
    patch = json.dumps({"spec": {"quarantine": {"reason": reason}}})
    cluster.kubectl("patch", "mrev", revision, "--type=merge", "-p", patch)


def two_versions_one_quarantined(cluster: Cluster, models: ModelStore) -> tuple[str, str]:
    """Roll out v1 and v2 of `wine` and quarantine v2; return both, v1 with all the traffic."""
    first = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST))
    second = rolled_out(cluster, models.deployment("wine", "v2", rollout=FAST))
    quarantine(cluster, second)
    wait_for("the rollback", lambda: cluster.weights("wine") == {first: 100})
    return first, second
