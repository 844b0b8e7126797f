"""Router pods that run what their ConfigMap says, some time after it is written."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from lockstep_operator.traffic.envoy import names
from lockstep_sandbox.apiserver.store import Event, Store
from proofs.crash import clock
from proofs.crash.models import Models
from proofs.crash.nodes import PODS, Nodes, router_pods

Json = Any
_SYNC_SECONDS = 0.5
_PERIOD_SECONDS = 60.0
_REQUESTS_PER_SECOND = 100.0  # of each router pod


def route_weights(data: Json, deployment: str) -> dict[str, int]:
    """Return the weights, in hundredths, that an Envoy with these files would give new requests.

    Read here on its own: a proof must not believe the operator's reading of its own files.
    """
    rules = _rules(data, deployment)
    action = rules[-1].get("route") or {} if rules else {}
    clusters = (action.get("weighted_clusters") or {}).get("clusters") or []
    return {one["name"]: one["weight"] for one in clusters if one["weight"]}


def reachable(data: Json, deployment: str) -> set[str]:
    """Return all revisions that get requests: by weight, by a match, or as copies."""
    found = set(route_weights(data, deployment))
    for rule in _rules(data, deployment):
        action = rule.get("route") or {}
        mirrors = action.get("request_mirror_policies") or []
        named = [action.get("cluster"), *(one["cluster"] for one in mirrors)]
        found |= {names.revision_of(one) for one in named if one}
    return found


def mirror_of(data: Json, deployment: str) -> tuple[str, float] | None:
    """Return which revision gets copies, and of which share of the requests; all are small."""
    for rule in _rules(data, deployment):
        for policy in (rule.get("route") or {}).get("request_mirror_policies") or []:
            share = policy["runtime_fraction"]["default_value"]["numerator"] / 10_000
            return names.revision_of(policy["cluster"]), share
    return None


def _rules(data: Json, deployment: str) -> list[Json]:
    text = (data or {}).get(f"route-{deployment}.yaml")
    if not text:
        return []
    [route] = _read(text)["resources"]
    rules: list[Json] = route["virtual_hosts"][0]["routes"]
    return rules


@lru_cache(maxsize=64)
def _read(text: str) -> Json:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=loader)  # noqa: S506 (both are safe ones)


class Routers:
    """Simulated Envoys: a nudged pod has the new files half a second later.

    `error_share`: of the requests that a revision answers, the share that fails.
    """

    def __init__(
        self, store: Store, nodes: Nodes, models: Models, error_share: Callable[[str], float]
    ) -> None:
        self._store = store
        self._nodes = nodes
        self._models = models
        self._error_share = error_share
        self._files: dict[str, Json] = {}
        self._counted: dict[str, float] = {}
        self._counts: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
        store.listeners.append(self._noticed)

    def running(self, namespace: str, deployment: str) -> list[dict[str, int]]:
        """Return the weights that each router pod runs."""
        pods = router_pods(self._store, namespace)
        return [route_weights(self._files.get(p["metadata"]["uid"]), deployment) for p in pods]

    def stats(self, pod: Json, path: str) -> bytes | None:
        """Return what Envoy's statistics say, filtered as asked; None before it has started."""
        uid = pod["metadata"]["uid"]
        files = self._files.get(uid)
        if files is None:
            return None
        self.count(pod)
        wanted = re.compile(parse_qs(urlsplit(path).query)["filter"][0])
        rows = [*_route_rows(files), *self._cluster_rows(uid, files)]
        found = [{"name": name, "value": value} for name, value in rows if wanted.search(name)]
        return json.dumps({"stats": [*found, {"histograms": {}}]}).encode()

    def _cluster_rows(self, uid: str, files: Json) -> Iterator[tuple[str, Json]]:
        for one in _read(files[names.CLUSTERS_FILE])["resources"]:
            name = one["name"]
            [endpoint] = one["load_assignment"]["endpoints"][0]["lb_endpoints"]
            service = endpoint["endpoint"]["address"]["socket_address"]["address"].split(".")[0]
            ready = self._nodes.ready(service)
            requests, errors = self._counts[uid, name]
            yield f"cluster.{name}.membership_healthy", ready
            yield f"cluster.{name}.membership_total", ready
            yield f"cluster.{name}.upstream_rq_completed", int(requests)
            yield f"cluster.{name}.upstream_rq_5xx", int(errors)

    def count_all(self, namespace: str) -> None:
        """Add the requests of all router pods up to now."""
        for pod in router_pods(self._store, namespace):
            self.count(pod)

    def count(self, pod: Json) -> None:
        """Add the requests since the last time, by the weights that were run."""
        uid, now = pod["metadata"]["uid"], clock.elapsed()
        requests = (now - self._counted.get(uid, now)) * _REQUESTS_PER_SECOND
        self._counted[uid] = now
        files = self._files.get(uid) or {}
        for key in files:
            if key.startswith("route-"):
                self._share_out(uid, key.removeprefix("route-").removesuffix(".yaml"), requests)

    def _share_out(self, uid: str, deployment: str, requests: float) -> None:
        files = self._files[uid]
        weights = route_weights(files, deployment)
        for revision, weight in weights.items():
            counts, share = self._counts[uid, revision], requests * weight / 10_000
            errors = share * self._error_share(revision)
            counts[0] += share
            counts[1] += errors
            self._models.answer(revision, share - errors)
        mirror = mirror_of(files, deployment)
        if mirror and weights:
            copied, share = mirror[0], requests * mirror[1]
            self._counts[uid, names.mirror_cluster(copied)][0] += share
            # Copies are made of the requests of whoever stands first.
            self._models.answer_both(next(iter(weights)), copied, share)

    def _noticed(self, key: str, event: Event) -> None:
        if key != PODS or event.type == "DELETED":
            return
        pods = router_pods(self._store, event.obj["metadata"]["namespace"])
        if event.obj not in pods:
            return
        before = (event.old or {"metadata": {}})["metadata"].get("annotations")
        if event.old is None or before != event.obj["metadata"].get("annotations"):
            asyncio.get_running_loop().call_later(_SYNC_SECONDS, self._sync, event.obj, False)
        if event.old is None:
            asyncio.get_running_loop().call_later(_PERIOD_SECONDS, self._sync, event.obj, True)

    def _sync(self, pod: Json, again: bool) -> None:
        """The kubelet writes the ConfigMap to the pod's volume; Envoy takes it over."""
        namespace, uid = pod["metadata"]["namespace"], pod["metadata"]["uid"]
        living = {one["metadata"]["uid"] for one in router_pods(self._store, namespace)}
        if uid not in living:
            self._files.pop(uid, None)
            return
        self.count(pod)
        found = self._store.get("configmaps", namespace, names.ROUTER)
        if found is not None:
            self._files[uid] = found["data"]
        if again:
            asyncio.get_running_loop().call_later(_PERIOD_SECONDS, self._sync, pod, True)


def _route_rows(files: Json) -> Iterator[tuple[str, Json]]:
    for key, text in files.items():
        if key.startswith("route-"):
            name = key.removeprefix("route-").removesuffix(".yaml")
            yield f"http.{name}.rds.{name}.version_text", _read(text)["version_info"]
