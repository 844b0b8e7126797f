"""One cluster in virtual time: API server, nodes, routers, and an operator that is restarted."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lockstep_operator.api.group import REVISION_LABEL
from lockstep_operator.core.errors import LockstepError
from lockstep_operator.traffic.envoy import names
from proofs.crash import clock
from proofs.crash.apiserver import ApiServer
from proofs.crash.models import Models
from proofs.crash.nodes import Nodes
from proofs.crash.pods import SimulatedPods
from proofs.crash.process import Process
from proofs.crash.routers import Routers, route_weights
from proofs.crash.strikes import Writes
from proofs.crash.watchdog import DEPLOYMENTS_OF_MODELS, NAMESPACE, REVISIONS, Watchdog

Json = Any
NAME = "churn"
_ROOT = f"/apis/serving.lockstep.dev/v1alpha1/namespaces/{NAMESPACE}"
_LONGEST_SECONDS = 600.0
_QUIET_SECONDS = 5.0
STEPS = [{"weight": 10, "hold": "20s"}, {"weight": 50, "hold": "20s"}]


class Stuck(Exception):
    """The path did not get to where it should."""


class World:
    """A person's view: manifests in, weights and marks out; versions are called v1, v2, v3.

    `late`: how many seconds after the fact the operator's watches tell of it, at most. By version:
    `errors` is the share of requests that fail, `predictions` what it answers, `seconds` how long
    that takes; the pods of those in `broken` never become Ready.
    """

    def __init__(self, writes: Writes, late: float) -> None:
        self.server = ApiServer()
        self.store = self.server.cluster.store
        self.errors: dict[str, float] = {}
        self.predictions: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.broken: set[str] = set()
        self.nodes = Nodes(self.store, self._loads)
        models = Models(self.nodes, self._seconds, self._prediction)
        self.routers = Routers(self.store, self.nodes, models, self._error_share)
        self._pods = SimulatedPods(self.routers, models, self._prediction)
        self.watchdog = Watchdog(self.store, self.nodes, NAME, late)
        self.writes = writes
        self._late = late
        self.lives = 0
        self._process: Process | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start everything."""
        self._tasks = await self.server.start()
        self._tasks.append(asyncio.create_task(self._supervise()))

    async def stop(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _supervise(self) -> None:
        """Start the operator again whenever it ended, as its Deployment would."""
        while True:
            self.lives += 1
            self._process = Process(self.server, self.writes, self._pods, self._late)
            with suppress(LockstepError):  # as a lost Lease ends it
                await self._process.live()
            await asyncio.sleep(1.0)

    # What a person does.

    def apply(self, version: str, **spec: Any) -> None:
        """Create the ModelDeployment or change it to a version; `spec` is laid over its spec."""
        model = {"uri": f"http://models/{version}", "format": "sklearn"}
        body = {"model": model, "replicas": 2, "rollout": {"steps": STEPS, "keepWarm": "1h"}}
        rollout = body["rollout"] | spec.pop("rollout", {})
        body["rollout"] = {key: value for key, value in rollout.items() if value is not None}
        body |= spec
        if self.deployment() is None:
            manifest = {
                "apiVersion": "serving.lockstep.dev/v1alpha1",
                "kind": "ModelDeployment",
                "metadata": {"name": NAME, "namespace": NAMESPACE},
                "spec": body,
            }
            self.server.created(manifest, f"{_ROOT}/modeldeployments")
        else:
            self.server.patched(f"{_ROOT}/modeldeployments/{NAME}", {"spec": body})

    def delete(self) -> None:
        """Delete the ModelDeployment."""
        self.server.deleted(f"{_ROOT}/modeldeployments/{NAME}")

    def mark(self, version: str, **marks: Json) -> None:
        """Patch marks into the spec of a version's revision."""
        self.server.patched(f"{_ROOT}/modelrevisions/{self.revision(version)}", {"spec": marks})

    def quarantine(self, version: str) -> None:
        """Quarantine a version as a person does."""
        self.mark(version, quarantine={**self.order(), "reason": "bad"})

    def fail_pods(self, version: str, pods: int) -> None:
        """Let pods of a version lose their readiness."""
        self.nodes.fail(self.revision(version), pods)

    def recover_pods(self, version: str) -> None:
        """Let the pods that lost their readiness be Ready again."""
        self.nodes.recover(self.revision(version))

    def put_golden(self, document: Json) -> None:
        """Create the ConfigMap `golden`."""
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "golden", "namespace": NAMESPACE},
            "data": {"golden.json": json.dumps(document)},
        }
        self.server.created(manifest, f"/api/v1/namespaces/{NAMESPACE}/configmaps")

    def order(self) -> Json:
        """Return what an order of a person consists of."""
        moment = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"reason": "because", "by": "a person", "time": moment}

    # What a person sees.

    def deployment(self) -> Json | None:
        """Return the ModelDeployment, None when there is none."""
        return self.store.get(DEPLOYMENTS_OF_MODELS, NAMESPACE, NAME)

    def revisions(self) -> dict[str, Json]:
        """Return the revisions by version."""
        found = self.store.items(REVISIONS, NAMESPACE)
        return {version_of(one): one for one in found}

    def revision(self, version: str) -> str:
        """Return the name of a version's revision."""
        return str(self.revisions()[version]["metadata"]["name"])

    def spec(self, version: str) -> Json:
        """Return the spec of a version's revision."""
        return self.revisions()[version]["spec"]

    def reason(self, kind: str) -> str:
        """Return the reason of a condition that is True, else an empty text."""
        found = [one for one in self.status().get("conditions", []) if one["type"] == kind]
        return str(found[0]["reason"]) if found and found[0]["status"] == "True" else ""

    def pods_of(self, version: str) -> int:
        """Return how many pods a version has, ready or not."""
        label = self.revision(version)
        pods = self.store.items("pods", NAMESPACE)
        return sum(pod["metadata"]["labels"].get(REVISION_LABEL) == label for pod in pods)

    def ready_pods_of(self, version: str) -> int:
        """Return how many Ready pods a version has."""
        return self.nodes.ready(self.revision(version))

    def configured(self) -> dict[str, float]:
        """Return the written weights in percent, by version."""
        found = self.store.get("configmaps", NAMESPACE, names.ROUTER) or {}
        return self._by_version(route_weights(found.get("data"), NAME))

    def running(self) -> list[dict[str, float]]:
        """Return the weights in percent, by version, of each router pod."""
        return [self._by_version(one) for one in self.routers.running(NAMESPACE, NAME)]

    def status(self) -> Json:
        """Return the ModelDeployment's status."""
        return (self.deployment() or {}).get("status") or {}

    def is_ready(self) -> bool:
        """Whether the status says Ready for the applied manifest."""
        found = self.deployment()
        if found is None:
            return False
        generation = found["metadata"]["generation"]
        conditions = self.status().get("conditions", [])
        [ready] = [one for one in conditions if one["type"] == "Ready"] or [{}]
        said = ready.get("status"), ready.get("observedGeneration")
        return bool(said == ("True", generation))

    def _by_version(self, weights: dict[str, int]) -> dict[str, float]:
        names_of = {one["metadata"]["name"]: v for v, one in self.revisions().items()}
        return {names_of.get(name, name): weight / 100 for name, weight in weights.items()}

    def _error_share(self, revision: str) -> float:
        return self.errors.get(self._version(revision), 0.0)

    def _prediction(self, revision: str) -> int:
        return self.predictions.get(self._version(revision), 1)

    def _seconds(self, revision: str) -> float:
        return self.seconds.get(self._version(revision), 0.02)

    def _loads(self, revision: str) -> bool:
        return self._version(revision) not in self.broken

    def _version(self, revision: str) -> str:
        found = self.store.get(REVISIONS, NAMESPACE, revision)
        return version_of(found) if found else ""

    # Waiting.

    async def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds.

        Raises:
            Stuck: it did not in ten minutes.
        """
        end = clock.elapsed() + _LONGEST_SECONDS
        while not holds():
            if clock.elapsed() > end:
                raise Stuck(f"waited {_LONGEST_SECONDS:.0f} s for {what}: {self.running()}")
            await asyncio.sleep(0.1)

    async def carries(self, **weights: float) -> None:
        """Wait until every router pod runs exactly these weights."""
        await self.until(str(weights), lambda: _all(self.running(), weights))

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def settled(self) -> None:
        """Wait until nothing has moved for some seconds, while an operator was there to move it."""
        before, since = self._picture(), clock.elapsed()
        end = clock.elapsed() + _LONGEST_SECONDS
        quiet = _QUIET_SECONDS + 2 * self._late
        while min(clock.elapsed() - since, self._led_for()) < quiet:
            await asyncio.sleep(0.25)
            if (now := self._picture()) != before:
                before, since = now, clock.elapsed()
            if clock.elapsed() > end:
                raise Stuck("the cluster does not come to rest")

    def _led_for(self) -> float:
        return self._process.led_for if self._process else 0.0

    def _picture(self) -> str:
        specs = {version: one["spec"] for version, one in self.revisions().items()}
        owners = [one["metadata"].get("ownerReferences") for one in self.revisions().values()]
        pods = [one["metadata"]["uid"] for one in self.store.items("pods", NAMESPACE)]
        status = {key: value for key, value in self.status().items() if key != "conditions"}
        return repr((specs, owners, pods, status, self.configured(), self.running()))


def _all(running: list[dict[str, float]], weights: dict[str, float]) -> bool:
    return bool(running) and all(one == weights for one in running)


def version_of(revision: Json) -> str:
    """Return the version that a revision serves."""
    return str(revision["spec"]["content"]["model"]["uri"]).rpartition("/")[2]
