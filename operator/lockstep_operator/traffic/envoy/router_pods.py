"""The pods of a namespace's router: asking them, and waking their kubelets."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.core.failures import is_ready
from lockstep_operator.core.routing import RouterCount
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.counts import counts_path, parse_counts
from lockstep_operator.traffic.envoy.discovery import version
from lockstep_operator.traffic.envoy.nudges import nudge
from lockstep_operator.traffic.envoy.observation import PodView, Wanted
from lockstep_operator.traffic.envoy.stats import RouterStats, parse_stats, stats_path
from lockstep_operator.traffic.interface import Cluster, PodReader

Manifest = dict[str, Any]

READ_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class RouterPods:
    """Reads and annotates them; `clock` gives seconds since the epoch."""

    def __init__(self, cluster: Cluster, reader: PodReader, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._reader = reader
        self._clock = clock

    def every(self, namespace: str) -> list[Manifest]:
        """Return the router's pods, also those that start or end."""
        return self._cluster.select("Pod", namespace, dict(names.ROUTER_LABELS))

    def ready(self, namespace: str) -> list[Manifest]:
        """Return those that get requests."""
        return [pod for pod in self.every(namespace) if is_ready(pod)]

    async def views(self, pods: Sequence[Manifest], wanted: Wanted) -> list[PodView]:
        """Ask pods what they run for a ModelDeployment."""
        return list(await asyncio.gather(*(self._view(pod, wanted) for pod in pods)))

    async def counts(
        self, namespace: str, deployment: str, revisions: Sequence[str]
    ) -> tuple[RouterCount, ...]:
        """Ask the pods that are ready how many requests each revision got, and of what end.

        Raises:
            LockstepError: none could be read.
        """
        pods = self.ready(namespace)
        every = await asyncio.gather(*(self._counts(pod, revisions) for pod in pods))
        read = [counts for counts in every if counts is not None]
        if not read:
            raise LockstepError(
                f"requests of {namespace}/{deployment} could not be counted: none of "
                f"{len(pods)} ready router pods could be read"
            )
        return tuple(count for counts in read for count in counts)

    async def nudge(self, namespace: str, data: dict[str, str], applied: bool) -> None:
        """Annotate the pods that may not have `data` yet, so that their kubelets look again."""
        config = version(json.dumps(data, sort_keys=True))
        now = self._clock()
        writes = []
        for pod in self.every(namespace):
            if "deletionTimestamp" in pod["metadata"]:
                continue
            # A pod that is not Ready cannot say what it has; it reads the files when it starts.
            if annotations := nudge(pod, config, applied or not is_ready(pod), now):
                name = pod["metadata"]["name"]
                writes.append(self._cluster.annotate("Pod", namespace, name, annotations))
        await asyncio.gather(*writes)

    async def _view(self, pod: Manifest, wanted: Wanted) -> PodView:
        body = await self._read(pod, stats_path(wanted.deployment, wanted.clusters))
        stats = None if body is None else self._parsed(pod, body, wanted.deployment)
        metadata = pod["metadata"]
        return PodView(metadata["name"], metadata["uid"], stats, _ready_since(pod))

    def _parsed(self, pod: Manifest, body: bytes, deployment: str) -> RouterStats | None:
        try:
            return parse_stats(body, deployment)
        except LockstepError as error:
            _not_read(pod, str(error))
            return None

    async def _counts(
        self, pod: Manifest, revisions: Sequence[str]
    ) -> tuple[RouterCount, ...] | None:
        body = await self._read(pod, counts_path(revisions))
        try:
            return None if body is None else parse_counts(body, pod["metadata"]["uid"], revisions)
        except LockstepError as error:
            _not_read(pod, str(error))
            return None

    async def _read(self, pod: Manifest, path: str) -> bytes | None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._reader.get(pod, names.STATS_PORT, path)
        except (LockstepError, TimeoutError) as error:
            _not_read(pod, str(error) or "no answer in time")
            return None


def _not_read(pod: Manifest, reason: str) -> None:
    _log.info("router pod not read", pod=pod["metadata"]["name"], because=reason)


def _ready_since(pod: Manifest) -> float:
    """Return since when a pod is Ready, in seconds since the epoch; 0 when it does not say."""
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "Ready" and "lastTransitionTime" in condition:
            return datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
    return 0.0
