"""Deleting removes everything but what must be found again."""

import pytest

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from integration.support.operator import OperatorProcess
from integration.support.rollouts import two_versions_one_quarantined

MADE = "deployments,services,configmaps,pods,poddisruptionbudgets,replicasets"
OURS = "app.kubernetes.io/managed-by=lockstep"


@pytest.mark.parametrize("running", [True, False], ids=["operator-up", "operator-down"])
def test_delete_and_recreate(
    cluster: Cluster, operator: OperatorProcess, models: ModelStore, running: bool
) -> None:
    first, second = two_versions_one_quarantined(cluster, models)
    if not running:
        operator.kill()
    cluster.kubectl("delete", "md", "wine", "--timeout=30s")
    wait_for("everything to go", lambda: not cluster.names(MADE, OURS))
    assert cluster.names("mrev") == {first, second}
    if not running:
        operator.start()
    cluster.apply(models.deployment("wine", "v2"))
    cluster.wait_condition("wine", "Ready", "False", "SpecQuarantined")
    assert cluster.names("mrev") == {first, second}
    wait_for("the stable one to serve", lambda: cluster.weights("wine") == {first: 100})
    cluster.wait_condition("wine", "Available", "True", "Serving")


def test_the_router_goes_with_the_last(cluster: Cluster, models: ModelStore) -> None:
    cluster.apply(models.deployment("wine", "v1"))
    cluster.apply(models.deployment("beer", "v2"))
    cluster.wait_ready("wine")
    cluster.wait_ready("beer")
    cluster.kubectl("delete", "md", "wine")
    wait_for("its Service to go", lambda: cluster.find("service", "wine") is None)
    assert cluster.find("deployment", "lockstep-router")
    cluster.kubectl("delete", "md", "beer")
    wait_for("the router to go", lambda: not cluster.names(MADE, OURS))
