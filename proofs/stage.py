"""What the proofs with real processes run on: a sandbox with its pessimism on, and the operator."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration.support.account import operator_kubeconfig
from integration.support.cluster import ROOT, Cluster
from integration.support.models import ModelStore, model_store
from integration.support.operator import OperatorProcess
from integration.support.sandbox import running_sandbox, work_folder


@dataclass(frozen=True)
class Stage:
    """A running sandbox, the operator outside of it, and the models it can serve."""

    kubeconfig: Path
    operator: OperatorProcess
    models: ModelStore

    def namespace(self, name: str) -> Cluster:
        """Return a new namespace."""
        cluster = Cluster(self.kubeconfig, name)
        cluster.run("kubectl", "create", "namespace", name)
        return cluster


@contextmanager
def stage(seed: int = 0) -> Iterator[Stage]:
    """Build the stage; nothing is left of it afterwards. `seed`: of the pessimism's dice."""
    with ExitStack() as stack:
        work = stack.enter_context(work_folder())
        flags = ("--seed", str(seed))
        kubeconfig = stack.enter_context(running_sandbox(work / "sandbox", *flags))
        Cluster(kubeconfig, "default").kubectl("apply", "-f", str(ROOT / "crds"))
        account = operator_kubeconfig(kubeconfig, work / "operator.kubeconfig")
        operator = OperatorProcess(account, work / "operator.log")
        stack.callback(operator.stop)
        operator.start()
        models = stack.enter_context(model_store(work / "models"))
        yield Stage(kubeconfig, operator, models)
