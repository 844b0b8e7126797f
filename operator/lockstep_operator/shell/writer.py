"""The one place that writes to the cluster. Every answer goes into the store at once."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import structlog

from lockstep_operator.api.group import (
    COMPONENT_LABEL,
    DEPLOYMENT_LABEL,
    GROUP,
    MANAGED_BY,
    MANAGED_BY_LABEL,
)
from lockstep_operator.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LockstepError,
    NameConflict,
    NotFound,
)
from lockstep_operator.core.plan import RevisionPatch
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.comparison import (
    covers,
    fingerprint,
    merge_patch,
    projection,
    same_news,
)
from lockstep_operator.shell.kinds import KINDS
from lockstep_operator.shell.store import Manifest, Store

APPLIED_ANNOTATION = f"{GROUP}/applied"
ObjectKey = tuple[str, str, str]
_REFUSAL_SECONDS = 5.0
_log = structlog.get_logger(__name__)


def is_ours(live: Manifest, wanted: Manifest) -> bool:
    """Return whether a live object was made by us for the same parent as the wanted one."""
    labels = live["metadata"].get("labels") or {}
    asked = wanted["metadata"].get("labels") or {}
    same_parent = all(
        labels.get(label) == asked.get(label) for label in (DEPLOYMENT_LABEL, COMPONENT_LABEL)
    )
    return labels.get(MANAGED_BY_LABEL) == MANAGED_BY and same_parent and not _has_stranger(live)


def _has_stranger(live: Manifest) -> bool:
    owners = live["metadata"].get("ownerReferences") or []
    groups = [owner["apiVersion"].partition("/")[0] for owner in owners if owner.get("controller")]
    return any(group != GROUP for group in groups)


class Writer:
    """Reads from the store, writes to the API server: `traffic.interface.Cluster` and more."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store
        self._settled: dict[ObjectKey, tuple[str, Any]] = {}
        self._refused: dict[ObjectKey, tuple[str, float, LockstepError]] = {}

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Return one of our objects, None when there is none."""
        return self._store.get(kind, namespace, name)

    def select(self, kind: str, namespace: str, labels: dict[str, str]) -> list[Manifest]:
        """Return our objects of a kind in a namespace that carry all these labels."""
        return self._store.select(kind, namespace, labels)

    async def apply(self, manifest: Manifest, resource_version: str | None = None) -> Manifest:
        """Server-side apply one object of ours; skipped when nothing would change.

        Raises:
            NameConflict: an object of that name exists and is not ours.
            Conflict: it changed since `resource_version`.
        """
        key, stamp = _key(manifest), fingerprint(manifest)
        self._raise_known_refusal(key, stamp)
        try:
            return await self._apply(manifest, stamp, resource_version)
        except (NameConflict, Invalid, Forbidden) as error:
            now = asyncio.get_running_loop().time()
            self._refused[key] = (stamp, now + _REFUSAL_SECONDS, error)
            _log.warning("not applied", kind=key[0], name=key[2], error=str(error))
            raise

    async def _apply(
        self, manifest: Manifest, stamp: str, resource_version: str | None
    ) -> Manifest:
        kind, namespace, name = key = _key(manifest)
        live = self._store.get(*key) or await self._look_up(*key)
        if live is not None and not is_ours(live, manifest):
            raise NameConflict(kind, name)
        if live is not None and self._is_settled(live, manifest, stamp):
            return live
        body = _stamped(manifest, stamp, live, resource_version)
        answer = await self._kept(*key, self._client.apply(body))
        self._remember(key, manifest, stamp, answer)
        _log.info("applied", kind=kind, namespace=namespace, name=name)
        return answer

    def _raise_known_refusal(self, key: ObjectKey, stamp: str) -> None:
        """Plans are made several times a second; the same refusal is not asked for as often."""
        refused, until, error = self._refused.get(key, ("", 0.0, None))
        if error is None:
            return
        if refused == stamp and asyncio.get_running_loop().time() < until:
            raise error.with_traceback(None)
        del self._refused[key]

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object that is never applied again; `Conflict` when it exists."""
        kind, namespace, name = key = _key(manifest)
        answer = await self._kept(*key, self._client.create(manifest))
        _log.info("created", kind=kind, namespace=namespace, name=name)
        return answer

    async def patch(self, kind: str, namespace: str, patch: RevisionPatch) -> None:
        """Merge-patch an object of ours as it was when the patch was planned.

        Raises:
            Conflict: it changed since.
        """
        metadata = patch.body.get("metadata") or {}
        guarded = metadata | {"resourceVersion": patch.resource_version}
        body = patch.body | {"metadata": guarded}
        write = self._client.patch(kind, namespace, patch.name, body)
        try:
            await self._kept(kind, namespace, patch.name, write)
        except NotFound as error:
            raise Conflict(f"{kind} {patch.name!r} is gone") from error
        fields = sorted(body.get("spec") or metadata)
        _log.info("patched", kind=kind, namespace=namespace, name=patch.name, fields=fields)

    async def annotate(
        self, kind: str, namespace: str, name: str, annotations: dict[str, str]
    ) -> None:
        """Merge-patch annotations; an object that is gone is no error."""
        live = self._store.get(kind, namespace, name)
        if live is not None and covers(live["metadata"].get("annotations") or {}, annotations):
            return
        body = {"metadata": {"annotations": annotations}}
        try:
            await self._kept(kind, namespace, name, self._client.patch(kind, namespace, name, body))
        except NotFound:
            return

    async def status(self, kind: str, namespace: str, name: str, wanted: Manifest) -> None:
        """Make the status of an object of ours exactly `wanted`; one that is gone is no error.

        Raises:
            Conflict: it changed since we last heard of it.
        """
        live = self._store.get(kind, namespace, name)
        if live is None:
            return
        before = live.get("status") or {}
        if same_news(before, wanted):
            return
        # Not by uid: the status subresource of custom resources does not look at it.
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        body = {"metadata": version, "status": merge_patch(before, wanted)}
        write = self._client.patch(kind, namespace, name, body, subresource="status")
        try:
            await self._kept(kind, namespace, name, write)
        except NotFound:
            return

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete one of our objects; gone already is no error, a stranger's is left alone."""
        live = self._store.get(kind, namespace, name) or await self._look_up(kind, namespace, name)
        if live is None or not _may_keep(live):
            return
        try:
            left = await self._client.delete(kind, namespace, name, live["metadata"]["uid"])
        except NotFound:
            left = {}
        except Conflict:
            await self.refresh(kind, namespace, name)
            raise
        self._settled.pop((kind, namespace, name), None)
        if left:
            self._store.put(left)
        else:
            self._store.remove(live)
        _log.info("deleted", kind=kind, namespace=namespace, name=name)

    async def refresh(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Read an object into the store; return it, None when it does not exist."""
        live = await self._look_up(kind, namespace, name)
        known = self._store.get(kind, namespace, name)
        if known is not None and (live is None or not _may_keep(live)):
            self._store.remove(known)
        return live

    async def _look_up(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """A stranger's object is returned, but is nothing for the store."""
        try:
            live = await self._client.get(kind, namespace, name)
        except NotFound:
            return None
        if _may_keep(live):
            self._store.put(live)
        return live

    async def _kept(
        self, kind: str, namespace: str, name: str, write: Awaitable[Manifest]
    ) -> Manifest:
        try:
            answer = await write
        except (Conflict, NotFound):
            await self.refresh(kind, namespace, name)
            raise
        self._store.put(answer)
        return answer

    def _remember(self, key: ObjectKey, wanted: Manifest, stamp: str, answer: Manifest) -> None:
        """Where the server writes values its own way, that is as good as it gets: no second try."""
        self._settled.pop(key, None)
        if not covers(answer, wanted):
            self._settled[key] = (stamp, projection(answer, wanted))

    def _is_settled(self, live: Manifest, wanted: Manifest, stamp: str) -> bool:
        annotations = live["metadata"].get("annotations") or {}
        if annotations.get(APPLIED_ANNOTATION) != stamp:
            return False
        if covers(live, wanted):
            return True
        return self._settled.get(_key(wanted)) == (stamp, projection(live, wanted))


def _key(manifest: Manifest) -> ObjectKey:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["namespace"], metadata["name"]


def _may_keep(live: Manifest) -> bool:
    labels = live["metadata"].get("labels") or {}
    return KINDS[live["kind"]].selector is None or labels.get(MANAGED_BY_LABEL) == MANAGED_BY


def _stamped(
    manifest: Manifest, stamp: str, live: Manifest | None, resource_version: str | None
) -> Manifest:
    """Add what the server needs to refuse the write if the object is no longer the one we know."""
    metadata = manifest["metadata"]
    annotations = (metadata.get("annotations") or {}) | {APPLIED_ANNOTATION: stamp}
    same = {"uid": live["metadata"]["uid"]} if live is not None else {}
    if resource_version is not None:
        same["resourceVersion"] = resource_version
    return manifest | {"metadata": metadata | {"annotations": annotations} | same}
