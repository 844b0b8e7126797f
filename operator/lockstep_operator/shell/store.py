"""What the operator knows of the cluster: objects from watches, lists and its own writes.

Every source puts the objects it got; the store keeps the newest of each, so the order in which
answers and events arrive does not matter, and what was written is read back at once.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lockstep_operator.api.group import DEPLOYMENT_LABEL, MODEL_REVISION

Manifest = dict[str, Any]
_REMEMBERED_DELETIONS = 8192


def version_of(manifest: Manifest) -> int:
    """Return the resourceVersion as a number: they grow over the whole cluster."""
    return int(manifest["metadata"]["resourceVersion"])


class Store:
    """Objects by (kind, namespace, name). Callers must not change what they get."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[tuple[str, str], Manifest]] = defaultdict(dict)
        self._labelled: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
        self._namespaced: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._gone: OrderedDict[str, int] = OrderedDict()

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Return one object, None when it is not known."""
        return self._objects[kind].get((namespace, name))

    def select(
        self, kind: str, namespace: str, labels: Mapping[str, str] | None = None
    ) -> list[Manifest]:
        """Return the objects of a kind in a namespace with all these labels, ordered by name."""
        sets = [
            self._labelled.get((kind, namespace, *pair), set()) for pair in (labels or {}).items()
        ]
        names = set.intersection(*sets) if sets else self._namespaced.get((kind, namespace), set())
        return [self._objects[kind][(namespace, name)] for name in sorted(names)]

    def every(self, kind: str) -> Iterator[Manifest]:
        """Yield all objects of a kind, of all namespaces."""
        yield from list(self._objects[kind].values())

    def put(self, manifest: Manifest) -> bool:
        """Keep an object unless something as new is known of it; return whether it was news."""
        manifest = _slim(manifest)
        version = version_of(manifest)
        if version <= self._gone.get(manifest["metadata"]["uid"], 0):
            return False
        known = self.get(*_key(manifest))
        if known is not None:
            if version <= version_of(known):
                return False
            self._unlink(known)
        self._link(manifest)
        return True

    def remove(self, manifest: Manifest) -> bool:
        """Forget a deleted object; older news of it are dropped from now on."""
        uid = manifest["metadata"]["uid"]
        self._gone[uid] = max(version_of(manifest), self._gone.pop(uid, 0))
        if len(self._gone) > _REMEMBERED_DELETIONS:
            self._gone.popitem(last=False)
        known = self.get(*_key(manifest))
        if known is None or known["metadata"]["uid"] != uid:
            return False
        self._unlink(known)
        return True

    def replace(self, kind: str, listed: Iterable[Manifest], version: int) -> list[Manifest]:
        """Take over a complete list read at `version`; return what it added, changed or removed.

        Objects newer than the list stay: they were written while it was on its way.
        """
        objects = {_key(manifest): manifest for manifest in listed}
        news = [manifest for manifest in objects.values() if self.put(manifest)]
        for known in self.every(kind):
            if _key(known) not in objects and version_of(known) <= version:
                self.remove(known)
                news.append(known)
        return news

    def _link(self, manifest: Manifest) -> None:
        kind, namespace, name = _key(manifest)
        self._objects[kind][(namespace, name)] = manifest
        self._namespaced[(kind, namespace)].add(name)
        for pair in _labels(manifest).items():
            self._labelled[(kind, namespace, *pair)].add(name)

    def _unlink(self, manifest: Manifest) -> None:
        kind, namespace, name = _key(manifest)
        del self._objects[kind][(namespace, name)]
        _discard(self._namespaced, (kind, namespace), name)
        for pair in _labels(manifest).items():
            _discard(self._labelled, (kind, namespace, *pair), name)


def _discard(index: dict[Any, set[str]], key: Any, name: str) -> None:
    index[key].discard(name)
    if not index[key]:
        del index[key]


def _key(manifest: Manifest) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["namespace"], metadata["name"]


def _labels(manifest: Manifest) -> dict[str, str]:
    """Revisions belong to whom their spec says: a restore may have lost their labels."""
    labels: dict[str, str] = manifest["metadata"].get("labels") or {}
    if manifest["kind"] == MODEL_REVISION:
        return {**labels, DEPLOYMENT_LABEL: manifest["spec"]["modelDeploymentName"]}
    return labels


def _slim(manifest: Manifest) -> Manifest:
    """Drop managedFields, half of an object's size; a copy, the caller's object stays whole."""
    metadata = {k: v for k, v in manifest["metadata"].items() if k != "managedFields"}
    return {**manifest, "metadata": metadata}
