"""The operator may die at any time, and may come back as another build."""

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from integration.support.operator import OperatorProcess
from integration.support.traffic import BackgroundLoad


def test_kill_in_a_canary(cluster: Cluster, operator: OperatorProcess, models: ModelStore) -> None:
    cluster.apply(models.deployment("wine", "v1"))
    cluster.wait_ready("wine")
    first = cluster.status("wine")["stableRevision"]
    with BackgroundLoad(cluster.address("wine")) as load:
        cluster.apply(models.deployment("wine", "v2"))
        wait_for("the first step", lambda: cluster.weights("wine").get(first) == 90)
        wait_for("its hold", lambda: "holdUntil" in cluster.status("wine")["rollout"])
        before = cluster.status("wine")
        second = before["candidateRevision"]
        pods = cluster.pods(first) | cluster.pods(second)
        operator.kill()
        assert 4 < load.shares_of_next(500)[second] < 17
        operator.start("--runtime-image", "lockstep/runtime:9.9.9")
        load.wait_for_more(100)
        after = cluster.status("wine")
    assert load.failures == []
    assert after["rollout"] == before["rollout"], "the same step, its hold not begun anew"
    assert cluster.weights("wine") == {first: 90, second: 10}
    assert cluster.names("mrev") == {first, second}
    assert cluster.pods(first) | cluster.pods(second) == pods, "no pod restarted"
    operator.stop()


def test_one_more_defaulted_field_is_no_new_revision(cluster: Cluster, models: ModelStore) -> None:
    """What a later build's CRD defaults to appears in the manifest, and changes nothing."""
    manifest = models.deployment("wine", "v1")
    assert "trust" not in manifest["spec"]["model"]
    cluster.apply(manifest)
    cluster.wait_ready("wine")
    before = (cluster.names("mrev"), cluster.pods(cluster.status("wine")["stableRevision"]))
    manifest["spec"]["model"]["trust"] = "none"
    manifest["spec"]["runtime"] = {"env": []}
    manifest["spec"]["replicas"] = 1
    cluster.apply(manifest)
    generation = cluster.get("md", "wine")["metadata"]["generation"]
    wait_for("the spec", lambda: cluster.status("wine").get("observedGeneration") == generation)
    cluster.wait_ready("wine")
    after = (cluster.names("mrev"), cluster.pods(cluster.status("wine")["stableRevision"]))
    assert after == before
