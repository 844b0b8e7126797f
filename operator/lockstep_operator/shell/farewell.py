"""What is left to do for a ModelDeployment that is gone.

What runs has ownerReferences, so the cluster's garbage collector removes it, also while no operator
runs. The operator removes the route, and what has no owner: the revisions, which are found again if
the ModelDeployment is created again soon, and what lost its ownerReferences.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from lockstep_operator.api.group import MODEL_REVISION, ORPHANED_ANNOTATION
from lockstep_operator.core.errors import NameConflict, NotFound
from lockstep_operator.core.plan import RevisionPatch
from lockstep_operator.core.times import format_time, parse_time
from lockstep_operator.shell.gather import children_of, revisions_of, tenants_of
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.store import Manifest, Store
from lockstep_operator.shell.writer import Writer
from lockstep_operator.traffic.interface import TrafficProvider

TOMBSTONE_DAYS = 30
ORPHAN_SECONDS = 600.0
"""How long ownerless objects wait for their ModelDeployment: a restore may bring it after them."""


class Farewell:
    """Cleans up after ModelDeployments that are gone or going."""

    def __init__(self, store: Store, writer: Writer, provider: TrafficProvider) -> None:
        self._store = store
        self._writer = writer
        self._provider = provider
        self._missed_since: dict[Key, float] = {}

    def cancel(self, namespace: str, name: str) -> None:
        """The ModelDeployment is there (again)."""
        self._missed_since.pop((namespace, name), None)

    async def say(self, namespace: str, name: str, gone: bool) -> float | None:
        """Clean up once; return in how many seconds there may be more to do.

        `gone`: the API server said that there is no such ModelDeployment, it is not just going.
        """
        with suppress(NameConflict):  # a stranger has the router's name: no route of ours there
            await self._provider.finalize(namespace, name, tenants_of(self._store, namespace))
        for revision in revisions_of(self._store, namespace, name):
            if _quarantined(revision):
                await self._keep_tombstone(namespace, revision)
        if not gone:
            return None
        return await self._clean(namespace, name)

    async def _clean(self, namespace: str, name: str) -> float | None:
        now = asyncio.get_running_loop().time()
        waited = now - self._missed_since.setdefault((namespace, name), now)
        pending = False
        for left in self._leftovers(namespace, name):
            if _owners(left):
                continue  # the collector's; with --cascade=orphan it is about to lose its owner
            if not _quarantined_kind(left) and waited < ORPHAN_SECONDS:
                pending = True
                continue
            await self._writer.delete(left["kind"], namespace, left["metadata"]["name"])
        if pending:
            return ORPHAN_SECONDS - waited
        self._missed_since.pop((namespace, name), None)
        return None

    def _leftovers(self, namespace: str, name: str) -> list[Manifest]:
        revisions = revisions_of(self._store, namespace, name)
        expired = [one for one in revisions if not _quarantined(one) or _is_expired(one)]
        return [*children_of(self._store, namespace, name), *expired]

    async def _keep_tombstone(self, namespace: str, revision: Manifest) -> None:
        """Part it from its owner, and note when, for the days are counted from then."""
        metadata = revision["metadata"]
        if not _owners(revision) and _orphaned_at(revision):
            return
        since = {ORPHANED_ANNOTATION: _orphaned_at(revision) or format_time(datetime.now(UTC))}
        body = {"metadata": {"ownerReferences": None, "annotations": since}}
        patch = RevisionPatch(metadata["name"], metadata["resourceVersion"], body)
        try:
            await self._writer.patch(MODEL_REVISION, namespace, patch)
        except NotFound:  # the garbage collector was faster
            return


def _owners(manifest: Manifest) -> list[Manifest]:
    return manifest["metadata"].get("ownerReferences") or []


def _orphaned_at(revision: Manifest) -> str | None:
    annotations = revision["metadata"].get("annotations") or {}
    return annotations.get(ORPHANED_ANNOTATION)


def _quarantined(revision: Manifest) -> bool:
    return bool(revision["spec"].get("quarantine"))


def _quarantined_kind(manifest: Manifest) -> bool:
    """Expired tombstones are ownerless too, but nobody need wait for their ModelDeployment."""
    return manifest["kind"] == MODEL_REVISION and _quarantined(manifest)


def _is_expired(revision: Manifest) -> bool:
    since = _orphaned_at(revision)
    return since is not None and datetime.now(UTC) - parse_time(since) > timedelta(
        days=TOMBSTONE_DAYS
    )
