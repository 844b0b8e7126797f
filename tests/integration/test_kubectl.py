"""What people type works as on a cluster, with today's kubectl and with an older one."""

import json
import subprocess
from dataclasses import replace

import pytest

from integration.support.cluster import BIN, Cluster, wait_for
from integration.support.models import ModelStore


@pytest.fixture(params=["kubectl", "kubectl-1.31"])
def user(request: pytest.FixtureRequest, cluster: Cluster) -> Cluster:
    return replace(cluster, binary=request.param)


def test_a_day_with_kubectl(user: Cluster, models: ModelStore) -> None:
    manifest = models.deployment("wine", "v1", rollout={"steps": []})
    text = json.dumps(manifest)
    assert "created" in user.kubectl("apply", "-f", "-", stdin=text)
    assert "unchanged" in user.kubectl("apply", "-f", "-", stdin=text)
    user.kubectl("wait", "--for=condition=Ready", "md/wine", "--timeout=60s")
    manifest["spec"]["replicas"] = 2
    changed = json.dumps(manifest)
    diff = user.kubectl("diff", "-f", "-", stdin=changed, check=False)
    assert "-  replicas: 1" in diff
    assert "+  replicas: 2" in diff
    assert "configured" in user.kubectl("apply", "-f", "-", stdin=changed)
    table = user.kubectl("get", "md,mrev,pods,svc")
    for word in ("AVAILABLE", "STABLE", "modelrevision.serving.lockstep.dev/wine-", "service/wine"):
        assert word in table
    user.kubectl("wait", "--for=condition=Ready", "md/wine", "--timeout=60s")
    described = user.kubectl("describe", "md", "wine")
    assert "Stable Revision:" in described
    assert "Promoted" in described
    explained = user.kubectl("explain", "md.spec.rollout")
    assert "keepWarm" in explained
    assert "How long the previous stable revision keeps its pods" in explained
    [pod, *_] = sorted(user.names("pods", "app.kubernetes.io/component=model"))
    assert '"load_seconds"' in user.kubectl("logs", pod, "-c", "model")
    assert "lockstep" in user.kubectl("get", "all")
    user.kubectl("delete", "md", "wine", "--timeout=30s")
    wait_for("its pods to go", lambda: not user.names("pods", "app.kubernetes.io/component=model"))


def test_server_side_apply(user: Cluster, models: ModelStore) -> None:
    text = json.dumps(models.deployment("wine", "v1"))
    applied = user.kubectl("apply", "--server-side", "--field-manager=git", "-f", "-", stdin=text)
    assert "serverside-applied" in applied
    other = json.dumps(models.deployment("wine", "v2"))
    said = user.kubectl(
        "apply", "--server-side", "--field-manager=me", "-f", "-", stdin=other, check=False
    )
    assert 'conflicts with "git"' in said
    assert ".spec.model.uri" in said
    user.kubectl("patch", "md", "wine", "--type=merge", "-p", '{"spec": {"paused": true}}')
    assert user.get("md", "wine")["spec"]["paused"] is True


def test_watching(user: Cluster, models: ModelStore) -> None:
    watch = subprocess.Popen(
        [str(BIN / user.binary), "-n", user.namespace, "get", "md", "-w"],
        env=user.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        user.apply(models.deployment("wine", "v1"))
        assert watch.stdout is not None
        lines = iter(watch.stdout)
        assert next(lines).split()[:3] == ["NAME", "AVAILABLE", "READY"]
        assert any(line.split()[1:3] == ["True", "True"] for line in lines)
    finally:
        watch.terminate()
        watch.wait()
