"""A cluster and router pods in memory, for the provider's own decisions."""

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lockstep_operator.core.errors import Conflict, NameConflict, PodUnreachable
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.configmap import read_config
from lockstep_operator.traffic.envoy.readback import clusters_of, route_version

Manifest = dict[str, Any]
NAMESPACE = "shop"


def model_deployment(name: str, uid: str | None = None) -> Manifest:
    return {
        "apiVersion": "serving.lockstep.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": uid or f"uid-{name}"},
    }


def router_pod(name: str, ready: bool = True, ending: bool = False) -> Manifest:
    metadata: Manifest = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"uid-{name}",
        "labels": dict(names.ROUTER_LABELS),
    }
    if ending:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    condition = {"type": "Ready", "status": str(ready)}
    return {"kind": "Pod", "metadata": metadata, "status": {"conditions": [condition]}}


class FakeCluster:
    """`writes`: what was really written, as `<verb> <kind> <name>`."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.strangers: set[tuple[str, str]] = set()
        self.writes: list[str] = []
        self._version = 0

    def put(self, manifest: Manifest) -> None:
        self._version += 1
        stored = copy.deepcopy(manifest)
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[manifest["kind"], manifest["metadata"]["name"]] = stored

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        assert namespace == NAMESPACE
        return self.objects.get((kind, name))

    def select(self, kind: str, namespace: str, labels: dict[str, str]) -> list[Manifest]:
        assert namespace == NAMESPACE
        return [
            one
            for (its_kind, _), one in sorted(self.objects.items())
            if its_kind == kind and labels.items() <= one["metadata"].get("labels", {}).items()
        ]

    async def apply(self, manifest: Manifest, resource_version: str | None = None) -> Manifest:
        key = manifest["kind"], manifest["metadata"]["name"]
        if key in self.strangers:
            raise NameConflict(*key)
        live = self.objects.get(key)
        if live is not None:
            actual = live["metadata"]["resourceVersion"]
            if resource_version not in (None, actual):
                raise Conflict(f"{key} changed", status=409)
            if _without_version(live) == manifest:
                return live
        self.put(manifest)
        self.writes.append(f"apply {key[0]} {key[1]}")
        return self.objects[key]

    async def annotate(
        self, kind: str, namespace: str, name: str, annotations: dict[str, str]
    ) -> None:
        pod = self.objects[kind, name]
        pod["metadata"].setdefault("annotations", {}).update(annotations)
        self.writes.append(f"annotate {kind} {name}")

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        if self.objects.pop((kind, name), None) is not None:
            self.writes.append(f"delete {kind} {name}")

    def written(self) -> list[str]:
        """Return the writes since the last call."""
        writes, self.writes = self.writes, []
        return writes


@dataclass
class FakeEnvoys:
    """Router pods that take over the ConfigMap's content when they are told to.

    `unreachable`: pods that do not answer; `refusing`: added to update_rejected, by scope;
    `counts`: further statistics, by name.
    """

    cluster: FakeCluster
    healthy: Mapping[str, int] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    refusing: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)
    _data: dict[str, Manifest] = field(default_factory=dict)

    def catch_up(self, *pods: str) -> None:
        configmap = self.cluster.get("ConfigMap", NAMESPACE, names.ROUTER)
        assert configmap is not None
        for pod in pods:
            self._data[pod] = copy.deepcopy(configmap)

    async def get(self, pod: Manifest, port: int, path: str) -> bytes:
        assert port == names.STATS_PORT
        name = pod["metadata"]["name"]
        self.asked.append(f"{name}{path}")
        if name in self.unreachable:
            raise PodUnreachable(f"{name} does not answer")
        config = read_config(self._data.get(name))
        rows: list[Manifest] = [
            {"name": f"{scope}.update_rejected", "value": count}
            for scope, count in self.refusing.items()
        ]
        for deployment in config.routes:
            scope = f"http.{deployment}.rds.{deployment}"
            rows.append(_row(f"{scope}.version_text", route_version(config, deployment)))
            for cluster in clusters_of(config, deployment):
                count = self.healthy.get(cluster, 0)
                rows.append(_row(f"cluster.{cluster}.membership_healthy", count))
                rows.append(_row(f"cluster.{cluster}.membership_total", count))
        rows.extend(_row(*count) for count in self.counts.items())
        [pattern] = parse_qs(urlsplit(path).query)["filter"]
        rows = [row for row in rows if re.search(pattern, row["name"])]
        return json.dumps({"stats": [*rows, {"histograms": {}}]}).encode()


def _row(name: str, value: object) -> Manifest:
    return {"name": name, "value": value}


def _without_version(live: Manifest) -> Manifest:
    metadata = {k: v for k, v in live["metadata"].items() if k != "resourceVersion"}
    return {**live, "metadata": metadata}
