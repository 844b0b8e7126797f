"""Deployment: a ReplicaSet per pod template, and the rollout from the old to the new.

Follows kube-controller-manager's pkg/controller/deployment, without proportional scaling in the
middle of a rollout, adoption of orphans and collisionCount (a taken name is waited for).
"""

from __future__ import annotations

import hashlib
import json

from lockstep_sandbox.client import Client
from lockstep_sandbox.controllers.deploymentstatus import is_complete, status_of, timeout_of
from lockstep_sandbox.events import Recorder
from lockstep_sandbox.informer import Informer
from lockstep_sandbox.objects import (
    Key,
    Obj,
    annotations_of,
    differs,
    is_controlled_by,
    is_deleted,
    is_finished,
    labels_of,
    owner_reference,
    resolve_percent,
)

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAXIMUM = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = {"kubectl.kubernetes.io/last-applied-configuration", REVISION, _DESIRED, _MAXIMUM}
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand


class Deployments:
    """The controller; `sync` is its whole work."""

    def __init__(
        self,
        client: Client,
        deployments: Informer,
        sets: Informer,
        pods: Informer,
        recorder: Recorder,
    ) -> None:
        self._client = client
        self._deployments = deployments
        self._sets = sets
        self._pods = pods
        self._recorder = recorder

    async def sync(self, key: Key) -> float | None:
        """Take one Deployment a step further; return when its deadline may pass."""
        owner = self._deployments.get(key)
        if owner is None:
            return None
        owned = [each for each in self._sets.within(key[0]) if is_controlled_by(each, owner)]
        owned = sorted(
            (each for each in owned if not is_deleted(each)),
            key=lambda each: each["metadata"]["creationTimestamp"],
        )
        newest = find_newest(owner, owned)
        old = [each for each in owned if each is not newest]
        if not is_deleted(owner):
            newest, old = await self._roll(owner, newest, old)
        return await self._report(owner, newest, old)

    async def _roll(
        self, owner: Obj, newest: Obj | None, old: list[Obj]
    ) -> tuple[Obj | None, list[Obj]]:
        spec = owner["spec"]
        if spec.get("paused"):
            if newest is not None and sum(map(size, old)) == 0:
                newest = await self._scale(owner, newest, spec.get("replicas", 1))
            return newest, old
        if spec.get("strategy", {}).get("type") == "Recreate":
            old = [await self._scale(owner, each, 0) for each in old]
            if any(self._has_pods(each) for each in old):
                return newest, old
            newest = await self._ensure_newest(owner, newest, old, spec.get("replicas", 1))
            return await self._scale(owner, newest, spec.get("replicas", 1)), old
        newest = await self._ensure_newest(owner, newest, old, room(owner, newest, old))
        newest = await self._scale(owner, newest, room(owner, newest, old))
        sizes = shrink(owner, newest, old)
        return newest, [
            await self._scale(owner, each, count) for each, count in zip(old, sizes, strict=True)
        ]

    async def _report(self, owner: Obj, newest: Obj | None, old: list[Obj]) -> float | None:
        if is_complete(owner, owner.get("status", {})) and not is_deleted(owner):
            old = await self._clean_up(owner, old)
        status = status_of(owner, newest, old)
        if differs(owner, status):
            owner = await self._client.patch("Deployment", owner, {"status": status}, "status")
            self._deployments.record(owner)
        return timeout_of(owner)

    async def _ensure_newest(
        self, owner: Obj, newest: Obj | None, old: list[Obj], replicas: int
    ) -> Obj:
        revision = max((revision_of(each) for each in old), default=0) + 1
        if newest is None:
            newest = await self._create_set(owner, revision, replicas)
        elif revision_of(newest) < revision:
            note = {"metadata": {"annotations": {REVISION: str(revision)}}}
            newest = await self._client.patch("ReplicaSet", newest, note)
            self._sets.record(newest)
        wanted = annotations_of(newest)[REVISION]
        if annotations_of(owner).get(REVISION) != wanted:
            # by way of the status, which makes no new generation
            note = {"metadata": {"annotations": {REVISION: wanted}}}
            self._deployments.record(await self._client.patch("Deployment", owner, note, "status"))
        return newest

    async def _create_set(self, owner: Obj, revision: int, replicas: int) -> Obj:
        wanted = set_from(owner, revision, replicas)
        created = await self._client.create("ReplicaSet", wanted)
        self._sets.record(created)
        self._tell_scaled(owner, created, 0, replicas)
        return created

    async def _scale(self, owner: Obj, each: Obj, replicas: int) -> Obj:
        if size(each) == replicas:
            return each
        change: Obj = {"spec": {"replicas": replicas}}
        change["metadata"] = {"annotations": size_annotations(owner)}
        scaled = await self._client.patch("ReplicaSet", each, change)
        self._sets.record(scaled)
        self._tell_scaled(owner, each, size(each), replicas)
        return scaled

    def _tell_scaled(self, owner: Obj, each: Obj, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        name = each["metadata"]["name"]
        text = f"Scaled {way} replica set {name} from {before} to {after}"
        self._recorder.normal(owner, "Deployment", "ScalingReplicaSet", text)

    def _has_pods(self, each: Obj) -> bool:
        pods = self._pods.within(each["metadata"]["namespace"])
        return any(is_controlled_by(pod, each) and not is_finished(pod) for pod in pods)

    async def _clean_up(self, owner: Obj, old: list[Obj]) -> list[Obj]:
        """Delete the oldest empty ReplicaSets over the history limit."""
        limit = owner["spec"].get("revisionHistoryLimit")
        surplus = max(len(old) - (10 if limit is None else limit), 0)
        for each in sorted(old, key=revision_of)[:surplus]:
            if size(each) == 0 and each.get("status", {}).get("replicas", 0) == 0:
                await self._client.delete("ReplicaSet", each)
                old = [other for other in old if other is not each]
        return old


def size(each: Obj) -> int:
    """Return how many pods a ReplicaSet wants."""
    return int(each["spec"].get("replicas", 1))


def revision_of(each: Obj) -> int:
    """Return a ReplicaSet's revision number, 0 when it has none."""
    return int(annotations_of(each).get(REVISION, "0"))


def find_newest(owner: Obj, owned: list[Obj]) -> Obj | None:
    """Return the oldest ReplicaSet that has the Deployment's pod template."""
    wanted = _bare(owner["spec"]["template"])
    return next((each for each in owned if _bare(each["spec"]["template"]) == wanted), None)


def _bare(template: Obj) -> Obj:
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH}
    kept = {key: value for key, value in meta.items() if value and key != "creationTimestamp"}
    return {**template, "metadata": {**kept, "labels": labels}}


def template_hash(owner: Obj) -> str:
    """Return a name for the template in Kubernetes' alphabet."""
    text = json.dumps(_bare(owner["spec"]["template"]), sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])


def size_annotations(owner: Obj) -> dict[str, str]:
    """Return what a Deployment notes on its ReplicaSets when it scales them."""
    replicas = owner["spec"].get("replicas", 1)
    return {_DESIRED: str(replicas), _MAXIMUM: str(replicas + bounds(owner)[0])}


def set_from(owner: Obj, revision: int, replicas: int) -> Obj:
    """Make the ReplicaSet of a Deployment's present template."""
    meta, spec = owner["metadata"], owner["spec"]
    mark = {HASH: template_hash(owner)}
    template = spec["template"]
    template_meta = {**template["metadata"], "labels": {**labels_of(template), **mark}}
    selector = spec["selector"]
    copied = {k: v for k, v in annotations_of(owner).items() if k not in _NOT_COPIED}
    own = {REVISION: str(revision), **size_annotations(owner)}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{mark[HASH]}",
            "namespace": meta["namespace"],
            "labels": template_meta["labels"],
            "annotations": {**copied, **own},
            "ownerReferences": [owner_reference(owner, "apps/v1", "Deployment")],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": spec.get("minReadySeconds") or 0,
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), **mark},
            },
            "template": {**template, "metadata": template_meta},
        },
    }


def bounds(owner: Obj) -> tuple[int, int]:
    """Return (maxSurge, maxUnavailable) as numbers of pods; never both 0."""
    strategy = owner["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, 0
    limits, replicas = strategy.get("rollingUpdate") or {}, owner["spec"].get("replicas", 1)
    surge = resolve_percent(limits.get("maxSurge", "25%"), replicas, round_up=True)
    gone = resolve_percent(limits.get("maxUnavailable", "25%"), replicas, round_up=False)
    return surge, min(gone if surge or gone else 1, replicas)


def room(owner: Obj, newest: Obj | None, old: list[Obj]) -> int:
    """Return how many pods the newest ReplicaSet may have now."""
    wanted, present = owner["spec"].get("replicas", 1), size(newest) if newest else 0
    if present >= wanted:
        return int(wanted)
    limit = wanted + bounds(owner)[0]
    free = max(limit - present - sum(map(size, old)), 0)
    return int(min(present + free, wanted))


def shrink(owner: Obj, newest: Obj, old: list[Obj]) -> list[int]:
    """Return the old ReplicaSets' next sizes: unavailable pods go first, then what is spare."""
    least = owner["spec"].get("replicas", 1) - bounds(owner)[1]
    sizes = [size(each) for each in old]
    lacking = size(newest) - _available(newest)
    spare = max(sum(sizes) + size(newest) - least - lacking, 0)
    for index, each in enumerate(old):
        cut = min(max(sizes[index] - _available(each), 0), spare)
        sizes[index] -= cut
        spare -= cut
    available = sum(
        min(_available(each), count) for each, count in zip(old, sizes, strict=True)
    ) + _available(newest)
    spare = max(available - least, 0)
    for index, count in enumerate(sizes):
        cut = min(count, spare)
        sizes[index] -= cut
        spare -= cut
    return sizes


def _available(each: Obj) -> int:
    return int(each.get("status", {}).get("availableReplicas") or 0)
