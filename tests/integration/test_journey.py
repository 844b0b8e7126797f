"""The whole way under load: deploy, canary, promote, roll back; every request is answered."""

from datetime import datetime

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from integration.support.rollouts import FAST, rolled_out, two_versions_one_quarantined
from integration.support.traffic import BackgroundLoad

STEPS = {"steps": [{"weight": 10, "hold": "6s"}, {"weight": 50, "hold": "3s"}]}


def test_canary_promotion_and_rollback(cluster: Cluster, models: ModelStore) -> None:
    cluster.apply(models.deployment("wine", "v1", replicas=2, rollout=STEPS))
    cluster.wait_ready("wine")
    first = cluster.status("wine")["stableRevision"]
    assert cluster.weights("wine") == {first: 100}
    with BackgroundLoad(cluster.address("wine")) as load:
        load.wait_for_more(50)
        cluster.apply(models.deployment("wine", "v2", replicas=2, rollout=STEPS))
        wait_for("the first step", lambda: cluster.weights("wine").get(first) == 90)
        second = cluster.status("wine")["candidateRevision"]
        shares = load.shares_of_next(500)
        assert 4 < shares[second] < 17
        assert cluster.condition("wine", "Ready") == ("False", "RollingOut")
        assert cluster.condition("wine", "Available")[0] == "True"
        cluster.wait_ready("wine")
        assert cluster.weights("wine") == {second: 100}
        load.wait_for_more(100)
        done = cluster.lockstep("rollback", "wine", "--yes", "--reason", "wrong")
        assert "git" in done.stdout
        load.wait_for_more(200)
    assert load.failures == []
    mark = cluster.get("mrev", second)["spec"]["quarantine"]
    assert mark["reason"] == "wrong"
    written = datetime.fromisoformat(mark["time"]).timestamp()
    assert load.last_sent_to(second) - written < 5  # `make demo` measures it; here: that it ends
    assert cluster.weights("wine") == {first: 100}
    cluster.wait_condition("wine", "Stalled", "True", "SpecQuarantined")
    cluster.wait_condition("wine", "Available", "True", "Serving")


def test_patch_rolls_back_and_release_starts_anew(cluster: Cluster, models: ModelStore) -> None:
    first, second = two_versions_one_quarantined(cluster, models)
    cluster.apply(models.deployment("wine", "v2", rollout={"steps": [{"weight": 5, "hold": "1h"}]}))
    cluster.wait_condition("wine", "Ready", "False", "SpecQuarantined")
    release = '[{"op": "remove", "path": "/spec/quarantine"}]'
    cluster.kubectl("patch", "mrev", second, "--type=json", "-p", release)
    # Its pods are new, and DNS may answer with the old ones' addresses for half a minute.
    again = {first: 95, second: 5}
    wait_for("step one again", lambda: cluster.weights("wine") == again, seconds=120)


def test_revert_to_the_warm_previous_is_at_once(cluster: Cluster, models: ModelStore) -> None:
    first = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST))
    rolled_out(cluster, models.deployment("wine", "v2", rollout=FAST))
    pods = cluster.pods(first)
    slow = {"steps": [{"weight": 1, "hold": "1h"}]}
    cluster.apply(models.deployment("wine", "v1", rollout=slow))
    wait_for("the revert", lambda: cluster.weights("wine") == {first: 100})
    cluster.wait_ready("wine")
    assert cluster.pods(first) == pods, "the pods that were kept warm serve"
