"""One sandbox and one operator for the integration tests, a namespace for each test."""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.support.cluster import BIN, ROOT, Cluster
from integration.support.models import ModelStore, model_store
from integration.support.operator import OperatorProcess


@pytest.fixture(scope="session")
def work() -> Iterator[Path]:
    """A folder inside the checkout; nothing is left of it."""
    folder = ROOT / ".sandbox" / f"tests-{uuid.uuid4().hex[:6]}"
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def kubeconfig(work: Path) -> Iterator[Path]:
    """A sandbox with the CRDs applied, its pessimism on."""
    folder = work / "sandbox"
    lockstep = str(BIN / "lockstep")
    command = [lockstep, "sandbox", "up", "--dir", str(folder), "--bare"]
    subprocess.run(command, check=True, timeout=60, stdout=sys.stderr)
    kubeconfig = folder / "kubeconfig"
    try:
        Cluster(kubeconfig, "default").kubectl("apply", "-f", str(ROOT / "crds"))
        yield kubeconfig
    finally:
        down = [lockstep, "sandbox", "down", "--dir", str(folder)]
        subprocess.run(down, check=True, timeout=60, stdout=sys.stderr)


@pytest.fixture(scope="session")
def operator_process(kubeconfig: Path, work: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(kubeconfig, work / "operator.log")
    yield process
    process.stop()


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
    """A namespace of its own, gone afterwards."""
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    cluster = Cluster(kubeconfig, namespace)
    cluster.run("kubectl", "create", "namespace", namespace)
    yield cluster
    cluster.run("kubectl", "delete", "namespace", namespace, "--timeout=60s")
