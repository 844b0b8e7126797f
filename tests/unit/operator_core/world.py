"""A cluster made of data: it carries out plans, and lets pods, routers and time move by hand."""

import copy
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lockstep_operator.api.gates import Analysis, GateStatus
from lockstep_operator.api.group import API_VERSION, REVISION_LABEL
from lockstep_operator.core.judgement import target_of
from lockstep_operator.core.plan import Conflict, Defaults, Observed, Plan
from lockstep_operator.core.planner import make_plan
from lockstep_operator.core.routing import LiveRoute, Route, is_configured
from lockstep_operator.core.times import format_time

START = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULTS = Defaults(runtime_image="lockstep/runtime:1")
STEPS = {"rollout": {"steps": [{"weight": 10, "hold": "1m"}, {"weight": 50, "hold": "1m"}]}}
DIGEST = "sha256:" + "a" * 64


def deployment(uri: str = "http://models/v1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelDeployment",
        "metadata": {"name": "churn", "namespace": "prod", "uid": "uid-1", "generation": 1},
        "spec": {"model": {"uri": uri, "format": "sklearn"}, "replicas": 2, **spec},
    }


def merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """JSON merge patch (RFC 7386), in place."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = copy.deepcopy(value)


@dataclass
class World:
    md: dict[str, Any] = field(default_factory=deployment)
    defaults: Defaults = DEFAULTS
    now: datetime = START
    revisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    digest: str | None = DIGEST
    pods_start: bool = True
    router_moves: bool = True
    live: LiveRoute = field(default_factory=lambda: LiveRoute(ready_pods=2))
    verdicts: dict[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    events: list[str] = field(default_factory=list)
    writes: int = 0
    version: int = 0

    def observed(self) -> Observed:
        """Gates say what `verdicts` has for them, else `inconclusive`."""
        observed = self._gathered()
        target = target_of(observed)
        if target is None:
            return observed
        found = [
            GateStatus(
                name=gate.title,
                metric=gate.metric,
                verdict=self.verdicts.get(gate.title, "inconclusive"),
                message=f"{gate.title} says {self.verdicts.get(gate.title, 'nothing')}",
            )
            for gate in target.gates
        ]
        since = format_time(target.since)
        return replace(observed, analysis=Analysis(step=target.step, since=since, gates=found))

    def _gathered(self) -> Observed:
        return Observed(
            deployment=copy.deepcopy(self.md),
            revisions=tuple(copy.deepcopy(list(self.revisions.values()))),
            children=copy.deepcopy(self.children),
            pods=tuple(self.pods()),
            route=self.live,
            now=self.now,
            conflicts=self.conflicts,
        )

    def plan(self) -> Plan:
        return make_plan(self.observed(), self.defaults)

    def reconcile(self) -> Plan:
        plan = self.plan()
        self.carry_out(plan)
        return plan

    def settle(self, passes: int = 30) -> Plan:
        """Reconcile without moving time until a pass changes nothing."""
        for _ in range(passes):
            before = self.fingerprint()
            plan = self.reconcile()
            self.turn()
            if before == self.fingerprint():
                return plan
        raise AssertionError("the plan does not settle")

    def fingerprint(self) -> str:
        state = (self.revisions, list(self.children.values()), self.md, repr(self.live))
        return json.dumps(state, sort_keys=True, default=str)

    def carry_out(self, plan: Plan) -> None:
        for manifest in plan.creates:
            self.revisions[manifest["metadata"]["name"]] = self._stamped(manifest)
        for manifest in plan.children:
            self._apply(manifest)
        if plan.route is not None:
            self._configure(plan.route)
        for patch in plan.patches:
            revision = self.revisions[patch.name]
            assert revision["metadata"]["resourceVersion"] == patch.resource_version
            merge(revision, patch.body)
            self._stamped(revision)
        for ref in plan.prune:
            if ref.kind == "ModelRevision":
                del self.revisions[ref.name]
            else:
                del self.children[ref.kind, ref.name]
        self.md["status"] = plan.status
        for name, status in plan.revision_statuses.items():
            if name in self.revisions:
                self.revisions[name]["status"] = status
        self.events += [f"{event.reason}: {event.message}" for event in plan.events]

    def turn(self) -> None:
        """The rest of the cluster does its work: routers take over their configuration."""
        if self.router_moves:
            ready = self.ready()
            healthy = {name: ready.get(name, 0) for name in self.live.weights}
            self.live = replace(self.live, applied=True, healthy=healthy)

    def tick(self, **delta: float) -> Plan:
        """Let time pass, then settle."""
        self.now += timedelta(**delta)
        self.turn()
        return self.settle()

    def promoted(self, uri: str) -> str:
        """Roll out another version to its end; return the name of its revision."""
        self.change(uri)
        self.settle()
        for _ in self.md["spec"]["rollout"]["steps"]:
            self.tick(seconds=61)
        return self.current()

    def pods(self) -> list[dict[str, Any]]:
        found = []
        for (kind, name), child in self.children.items():
            if kind == "Deployment":
                found += [self._pod(child, name, n) for n in range(child["spec"]["replicas"])]
        return found

    def ready(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for pod in self.pods():
            if any(one["status"] == "True" for one in pod["status"]["conditions"]):
                name = pod["metadata"]["labels"][REVISION_LABEL]
                counts[name] = counts.get(name, 0) + 1
        return counts

    def weights(self) -> dict[str, int]:
        return {name: weight for name, weight in self.live.weights.items() if weight}

    def condition(self, kind: str) -> tuple[str, str]:
        conditions = self.md["status"]["conditions"]
        return next((one["status"], one["reason"]) for one in conditions if one["type"] == kind)

    def current(self) -> str:
        """Name of the stable revision."""
        return str(self.md["status"]["stableRevision"])

    def quarantine(self, name: str, reason: str = "bad") -> None:
        self.revisions[name]["spec"]["quarantine"] = {"reason": reason}
        self._stamped(self.revisions[name])

    def order(self, name: str, **orders: Any) -> None:
        """Write what a person asks for in the rollout of a revision."""
        self.revisions[name]["spec"].setdefault("rollout", {}).update(orders)
        self._stamped(self.revisions[name])

    def restore(self, name: str, *quarantine: str) -> None:
        mark = {"reason": "older is better", "by": "eve", "time": format_time(self.now)}
        self.revisions[name]["spec"]["restore"] = mark | {"quarantine": list(quarantine)}
        self._stamped(self.revisions[name])

    def candidate(self) -> str:
        """Name of the candidate."""
        return str(self.md["status"]["candidateRevision"])

    def phase(self) -> str | None:
        return (self.md["status"].get("rollout") or {}).get("phase")

    def touch(self, name: str) -> None:
        """Give a revision the version of a write."""
        self._stamped(self.revisions[name])

    def release(self, name: str) -> None:
        del self.revisions[name]["spec"]["quarantine"]
        self._stamped(self.revisions[name])

    def change(self, uri: str) -> None:
        self.md["spec"]["model"] = {"uri": uri, "format": "sklearn"}
        self.md["metadata"]["generation"] += 1

    def _configure(self, route: Route) -> None:
        weights = {backend.revision: backend.weight for backend in route.backends}
        total = sum(weights.values())
        assert total in (0, 10_000), weights
        for name, weight in weights.items():
            assert not weight or self.live.weights.get(name) is not None, "weight before cluster"
        dropped = set(self.live.weights) - set(weights)
        assert not any(self.live.weights[name] for name in dropped), "cluster before weight"
        changed = dict(self.live.weights) != weights or not is_configured(self.live, route)
        self.writes += changed
        self.live = replace(
            self.live,
            port=20000,
            weights=weights,
            settings=route.settings,
            mirror=route.mirror,
            candidate=route.candidate,
            stable=route.stable,
            applied=self.live.applied and not changed,
            complete=True,
        )

    def _apply(self, manifest: dict[str, Any]) -> None:
        key = (manifest["kind"], manifest["metadata"]["name"])
        before = self.children.get(key)
        if before and manifest["kind"] == "Deployment":
            assert before["spec"]["template"] == manifest["spec"]["template"], "pods restarted"
        created = before["metadata"]["creationTimestamp"] if before else self.now.isoformat()
        manifest = copy.deepcopy(manifest)
        manifest["metadata"]["creationTimestamp"] = created
        self.children[key] = manifest

    def _stamped(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        metadata = manifest["metadata"]
        metadata["resourceVersion"] = str(self.version)
        metadata.setdefault("creationTimestamp", self.now.isoformat())
        metadata.setdefault("uid", f"uid-{metadata['name']}")
        return manifest

    def _pod(self, child: dict[str, Any], name: str, number: int) -> dict[str, Any]:
        labels = child["spec"]["template"]["metadata"]["labels"]
        metadata = {"name": f"{name}-{number}", "labels": labels}
        if message := self.broken.get(name):
            ended = {"terminated": {"exitCode": 1, "message": message}}
            fetch = {"name": "fetch", "state": ended}
            conditions = [{"type": "Ready", "status": "False"}]
        else:
            said = json.dumps({"digest": self.digest}) if self.digest else ""
            done = {"exitCode": 0, "message": said}
            fetch = {"name": "fetch", "state": {"terminated": done}}
            status = "True" if self.pods_start else "False"
            conditions = [{"type": "Ready", "status": status}]
        status_of = {"conditions": conditions, "initContainerStatuses": [fetch]}
        return {"metadata": metadata, "status": status_of}
