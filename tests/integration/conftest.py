"""One sandbox and one operator for the integration tests, a namespace for each test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.support.account import operator_kubeconfig
from integration.support.cluster import ROOT, Cluster
from integration.support.models import ModelStore, model_store
from integration.support.operator import OperatorProcess
from integration.support.sandbox import running_sandbox, work_folder


@pytest.fixture(scope="session")
def work() -> Iterator[Path]:
    with work_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def kubeconfig(work: Path) -> Iterator[Path]:
    """A sandbox with the CRDs applied, its pessimism on."""
    with running_sandbox(work / "sandbox") as kubeconfig:
        Cluster(kubeconfig, "default").kubectl("apply", "-f", str(ROOT / "crds"))
        yield kubeconfig


@pytest.fixture(scope="session")
def operator_process(kubeconfig: Path, work: Path) -> Iterator[OperatorProcess]:
    account = operator_kubeconfig(kubeconfig, work / "operator.kubeconfig")
    process = OperatorProcess(account, work / "operator.log")
    yield process
    process.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """Show what the operator said and what stands in the namespace, where a test failed."""
    report: pytest.TestReport = yield
    fixtures = getattr(item, "funcargs", {})
    if report.failed and "cluster" in fixtures:
        cluster, operator = fixtures["cluster"], fixtures["operator"]
        report.sections.append(("operator", operator.last_words(cluster.namespace)))
        objects = cluster.kubectl("get", "md,mrev,pods,events", "-o", "wide", check=False)
        report.sections.append(("namespace", objects))
        report.sections.append(("status", cluster.kubectl("get", "md", "-o", "yaml", check=False)))
    return report


@pytest.fixture
def operator(operator_process: OperatorProcess) -> OperatorProcess:
    """The operator, running at the start of each test."""
    if not operator_process.running:
        operator_process.start()
    return operator_process


@pytest.fixture(scope="session")
def models(work: Path) -> Iterator[ModelStore]:
    with model_store(work / "models") as store:
        yield store


@pytest.fixture
def cluster(kubeconfig: Path, operator: OperatorProcess) -> Iterator[Cluster]:
    """A namespace of its own, deleted afterwards; its routers take their time to drain."""
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    cluster = Cluster(kubeconfig, namespace)
    cluster.run("kubectl", "create", "namespace", namespace)
    yield cluster
    cluster.run("kubectl", "delete", "namespace", namespace, "--wait=false")
