"""A rollout in people's hands, by CLI and by kubectl, against the real operator and router."""

import json
from typing import Any

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from integration.support.rollouts import FAST, rolled_out


def at_first_step(
    cluster: Cluster, models: ModelStore, steps: list[dict[str, Any]], **spec: Any
) -> tuple[str, str]:
    """Version 1 is stable, version 2 at its first step; return both revisions."""
    stable = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST))
    cluster.apply(models.deployment("wine", "v2", rollout={"steps": steps}, **spec))
    first = 100 - float(steps[0]["weight"])
    wait_for("the first step", lambda: cluster.weights("wine").get(stable) == first, seconds=90)
    return stable, str(cluster.status("wine")["candidateRevision"])


def told(cluster: Cluster) -> list[str]:
    """Reasons of the Events about the ModelDeployment."""
    about = "involvedObject.kind=ModelDeployment"
    items = cluster.list("events", fields=about)
    return [item["reason"] for item in items for _ in range(item["count"])]


def test_approve_pause_resume_and_promote(cluster: Cluster, models: ModelStore) -> None:
    steps = [{"weight": 10, "approval": True}, {"weight": 30, "hold": "1h"}]
    stable, candidate = at_first_step(cluster, models, steps)
    cluster.wait_condition("wine", "Ready", "False", "AwaitingApproval")
    cluster.lockstep("approve", "wine", "--yes", "--reason", "looks good")
    wait_for("step two", lambda: cluster.weights("wine") == {stable: 70, candidate: 30})
    cluster.lockstep("pause", "wine", "--yes")
    cluster.wait_condition("wine", "Ready", "False", "Paused")
    cluster.lockstep("resume", "wine", "--yes")
    cluster.wait_condition("wine", "Ready", "False", "RollingOut")
    cluster.lockstep("promote", "wine", "--yes", "--reason", "hot fix")
    cluster.wait_ready("wine")
    spec = cluster.get("mrev", candidate)["spec"]
    assert spec["promotions"][-1]["by"] == "kubernetes-admin"
    assert spec["promotions"][-1]["reason"] == "hot fix"
    assert not spec.get("rollout")
    events = told(cluster)
    wanted = ["RevisionCreated"] * 2 + ["Promoted"] * 2 + ["Approved", "Paused", "Resumed"]
    # A lost answer may have a transition told twice, but none is lost.
    assert all(events.count(one) >= wanted.count(one) for one in wanted), events


def test_abort_by_kubectl_and_retry(cluster: Cluster, models: ModelStore) -> None:
    stable, candidate = at_first_step(cluster, models, [{"weight": 10, "hold": "1h"}])
    patch = json.dumps({"spec": {"rollout": {"aborted": {"reason": "not today"}}}})
    cluster.kubectl("patch", "mrev", candidate, "--type=merge", "-p", patch)
    cluster.wait_condition("wine", "Stalled", "True", "Aborted")
    wait_for("weight 0", lambda: cluster.weights("wine") == {stable: 100})
    assert "quarantine" not in cluster.get("mrev", candidate)["spec"]
    wait_for("no pods", lambda: not cluster.pods(candidate))
    cluster.lockstep("retry", "wine", "--yes")
    wait_for(
        "step one again",
        lambda: cluster.weights("wine") == {stable: 90, candidate: 10},
        seconds=90,
    )


def test_a_cold_revision_is_started_before_it_takes_over(
    cluster: Cluster, models: ModelStore
) -> None:
    cold = {"steps": [], "keepWarm": "1s"}
    first = rolled_out(cluster, models.deployment("wine", "v1", rollout=cold))
    second = rolled_out(cluster, models.deployment("wine", "v2", rollout=cold))
    wait_for("the first to be cold", lambda: not cluster.pods(first))
    wait_for("its status", lambda: cluster.get("mrev", first)["status"].get("warmth") == "cold")
    done = cluster.lockstep("rollback", "wine", "--yes", "--to", first, "--timeout", "90")
    assert "git" in done.stdout
    assert cluster.weights("wine") == {first: 100}
    assert cluster.get("mrev", second)["spec"]["quarantine"]["by"] == "kubernetes-admin"
    cluster.wait_condition("wine", "Stalled", "True", "SpecQuarantined")
    assert cluster.condition("wine", "Available")[0] == "True"
    shown = cluster.lockstep("diff", "wine", first, second).stdout
    assert "model.uri" in shown
    assert "RolledBack" in told(cluster)
    cluster.lockstep("release", "wine", second, "--yes", "--reason", "false alarm")
    released = cluster.get("mrev", second)["spec"]["released"]
    assert (released["by"], released["reason"]) == ("kubernetes-admin", "false alarm")
    assert "released by kubernetes-admin" in cluster.lockstep("history", "wine").stdout
    wait_for("the Event", lambda: "Released" in told(cluster))


def test_a_restore_that_cannot_start_changes_nothing(cluster: Cluster, models: ModelStore) -> None:
    cold = {"steps": [], "keepWarm": "1s"}
    lost = models.folder / "lost"
    lost.mkdir()
    (lost / "model.skops").write_bytes((models.folder / "v1" / "model.skops").read_bytes())
    first = rolled_out(cluster, models.deployment("wine", "lost", rollout=cold))
    second = rolled_out(cluster, models.deployment("wine", "v2", rollout=cold))
    wait_for("the first to be cold", lambda: not cluster.pods(first))
    (lost / "model.skops").unlink()
    failed = cluster.lockstep(
        "rollback", "wine", "--yes", "--to", first, "--timeout", "90", check=False
    )
    assert failed.returncode == 1
    said = " ".join(failed.stdout.split())
    assert f"the operator cannot go back to {first}: " in said
    assert "404 File not found; the order stays" in said
    assert "not seen to take effect" not in said
    cluster.wait_condition("wine", "Ready", "False", "RestoreFails")
    assert cluster.weights("wine") == {second: 100}
    assert cluster.condition("wine", "Available")[0] == "True"
    cluster.lockstep("abort", "wine", "--yes")
    cluster.wait_ready("wine")
    assert "RestoreDropped" in told(cluster)
    wait_for(
        "the history to say so",
        lambda: cluster.get("mrev", first)["status"].get("warmth") == "unrestorable",
    )


def test_replace_stops_the_old_pods_first(cluster: Cluster, models: ModelStore) -> None:
    replace = {"strategy": "Replace"}
    first = rolled_out(cluster, models.deployment("wine", "v1", rollout=replace))
    cluster.apply(models.deployment("wine", "v2", rollout=replace))
    wait_for("the old pods to stop", lambda: not cluster.pods(first), seconds=90)
    wait_for("the new one", lambda: cluster.status("wine")["stableRevision"] != first, seconds=90)
    cluster.wait_ready("wine")
