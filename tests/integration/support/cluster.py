"""A namespace of a running cluster, as a user with kubectl has it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from integration.support.reading import reader

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[3]

Found = TypeVar("Found")


def wait_for(what: str, probe: Callable[[], Found | None], seconds: float = 60.0) -> Found:
    """Poll until the probe returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for: {what}"
        time.sleep(0.1)


@dataclass(frozen=True)
class Cluster:
    """kubectl and the CLI against one namespace."""

    kubeconfig: Path
    namespace: str
    binary: str = "kubectl"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that a user's shell would have."""
        return os.environ | {"KUBECONFIG": str(self.kubeconfig), "PATH": f"{BIN}:/usr/bin:/bin"}

    def run(
        self, *command: str, stdin: str | None = None, check: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this virtual environment."""
        ran = subprocess.run(
            command,
            input=stdin,
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            **options,
        )
        assert not check or ran.returncode == 0, f"{command}: {ran.stderr or ran.stdout}"
        return ran

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl in the namespace; returns stdout and stderr together when it may fail."""
        ran = self.run(self.binary, "-n", self.namespace, *arguments, stdin=stdin, check=check)
        return ran.stdout if check else ran.stdout + ran.stderr

    def lockstep(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the CLI in the namespace."""
        return self.run("lockstep", *arguments, "-n", self.namespace, check=check)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Apply one manifest as a user does."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    def refused(self, manifest: dict[str, Any]) -> str:
        """Apply a manifest that must be refused; returns what kubectl says."""
        ran = self.run(
            "kubectl", "-n", self.namespace, "apply", "-f", "-", stdin=json.dumps(manifest),
            check=False,
        )  # fmt: skip
        assert ran.returncode != 0, f"accepted: {ran.stdout}"
        return ran.stderr

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object that must be there."""
        found = self.find(kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return an object, None when there is none."""
        return reader(self.kubeconfig).find(self.namespace, kind, name)

    def list(self, kinds: str, labels: str = "", fields: str = "") -> list[dict[str, Any]]:
        """Return all objects of some kinds in the namespace, by selectors."""
        return reader(self.kubeconfig).select(self.namespace, kinds, labels, fields)

    def names(self, kinds: str, labels: str = "") -> set[str]:
        """Return the names of all objects of some kinds in the namespace."""
        return {item["metadata"]["name"] for item in self.list(kinds, labels)}

    def status(self, name: str) -> dict[str, Any]:
        """Return the status of a ModelDeployment, empty before there is one."""
        found = self.find("md", name)
        return dict((found or {}).get("status") or {})

    def condition(self, name: str, kind: str) -> tuple[str, str]:
        """Return status and reason of a condition of a ModelDeployment."""
        for one in self.status(name).get("conditions", []):
            if one["type"] == kind:
                return one["status"], one["reason"]
        return "", ""

    def weights(self, name: str) -> dict[str, float]:
        """Return what the status reports as the router's weights, zeros left out."""
        shares = self.status(name).get("traffic", [])
        return {share["revision"]: share["weight"] for share in shares if share["weight"]}

    def wait_ready(self, name: str, seconds: int = 60) -> None:
        """Wait as a pipeline would."""
        wait_for("the operator to take it up", lambda: self.condition(name, "Ready")[0])
        self.kubectl("wait", "--for=condition=Ready", f"md/{name}", f"--timeout={seconds}s")

    def wait_condition(self, name: str, kind: str, status: str, reason: str) -> None:
        """Wait until a condition says exactly this."""
        wait_for(
            f"{kind} {status} {reason} of {name}",
            lambda: self.condition(name, kind) == (status, reason),
        )

    def address(self, name: str) -> str:
        """Return the URL of a model's inference endpoint."""
        address = self.get("service", name)["spec"]["clusterIP"]
        return f"http://{address}/v2/models/{name}/infer"

    def pods(self, revision: str) -> dict[str, int]:
        """Return the pods of a revision by uid with the restarts of their containers."""
        items = self.list("pods", f"serving.lockstep.dev/revision={revision}")
        return {
            item["metadata"]["uid"]: sum(
                one["restartCount"] for one in item["status"].get("containerStatuses", [])
            )
            for item in items
        }
