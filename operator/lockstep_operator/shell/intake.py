"""What happens with every watch event: the store takes it, and whom it concerns is queued."""

from collections.abc import Callable
from typing import Any

from lockstep_operator.api.group import (
    COMPONENT_LABEL,
    DEPLOYMENT_LABEL,
    MODEL_DEPLOYMENT,
    MODEL_REVISION,
)
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.store import Manifest, Store
from lockstep_operator.shell.urgency import takes_traffic_away

_NO_CHANGE = ("resourceVersion", "managedFields", "generation")


def parents(manifest: Manifest, store: Store) -> set[Key]:
    """Return the ModelDeployments, existing or not, that an object concerns."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    namespace, labels = metadata["namespace"], metadata.get("labels") or {}
    if kind == MODEL_DEPLOYMENT:
        return {(namespace, metadata["name"])}
    if kind == MODEL_REVISION:
        return {(namespace, manifest["spec"]["modelDeploymentName"])}
    if DEPLOYMENT_LABEL in labels:
        return {(namespace, labels[DEPLOYMENT_LABEL])}
    if labels.get(COMPONENT_LABEL) == "router":
        tenants = store.select(MODEL_DEPLOYMENT, namespace)
        return {(namespace, tenant["metadata"]["name"]) for tenant in tenants}
    return set()


class Intake:
    """Feeds events into the store and the keys they concern into the queue."""

    def __init__(
        self,
        store: Store,
        enqueue: Callable[[Key], None],
        hurry: Callable[[Key], None] = lambda _: None,
    ) -> None:
        """`hurry` is told the keys that must not wait, before they are queued."""
        self._store = store
        self._enqueue = enqueue
        self._hurry = hurry

    def take(self, event_type: str | None, manifest: Manifest) -> None:
        """Take one event; what the store already knows (our own writes) wakes nobody."""
        metadata = manifest["metadata"]
        before = self._store.get(manifest["kind"], metadata["namespace"], metadata["name"])
        deleted = event_type == "DELETED"
        news = self._store.remove(manifest) if deleted else self._store.put(manifest)
        if not news or (not deleted and before is not None and _only_status(before, manifest)):
            return
        keys = parents(manifest, self._store)
        if before is not None:
            keys |= parents(before, self._store)
        urgent = not deleted and takes_traffic_away(before, manifest)
        for key in keys:
            if urgent:
                self._hurry(key)
            self._enqueue(key)


def _only_status(before: Manifest, after: Manifest) -> bool:
    """Return whether a kind of ours changed in nothing but its status, which only we write."""
    if after["kind"] not in (MODEL_DEPLOYMENT, MODEL_REVISION):
        return False
    return _wanted_part(before) == _wanted_part(after)


def _wanted_part(manifest: Manifest) -> dict[str, Any]:
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in _NO_CHANGE}
    return {"metadata": metadata, "spec": manifest.get("spec")}
