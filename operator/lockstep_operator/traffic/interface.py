"""The interface of a traffic provider, and what it needs from the shell."""

from collections.abc import Sequence
from typing import Any, Protocol

from lockstep_operator.core.routing import LiveRoute, Route, RouterCount

Manifest = dict[str, Any]


class Cluster(Protocol):
    """Reads come from the operator's own store, writes go to the API server."""

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Return one of our objects (Deployment, Service, ConfigMap, Pod …), or None."""

    def select(self, kind: str, namespace: str, labels: dict[str, str]) -> list[Manifest]:
        """Return our objects of a kind in a namespace that carry all these labels."""

    async def apply(self, manifest: Manifest, resource_version: str | None = None) -> Manifest:
        """Server-side apply one object of ours; skipped when nothing would change.

        Raises:
            NameConflict: an object of that name exists and is not ours.
            Conflict: it changed since `resource_version`.
        """

    async def annotate(
        self, kind: str, namespace: str, name: str, annotations: dict[str, str]
    ) -> None:
        """Merge-patch annotations; an object that is gone is no error."""

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete one of our objects; gone already is no error."""


class PodReader(Protocol):
    """HTTP GET against a pod."""

    async def get(self, pod: Manifest, port: int, path: str) -> bytes:
        """Return the body of a 200 answer.

        Raises:
            PodUnreachable: no 200 answer within the time limit.
        """


class TrafficProvider(Protocol):
    """Exact weights between the revisions of a ModelDeployment."""

    async def observe(self, namespace: str, deployment: str, ask: bool = True) -> LiveRoute:
        """Read back what the router runs for this ModelDeployment.

        `ask` False: only what is configured, at once; no router pod is waited for, so `applied` is
        False, `healthy` empty and `rejected` None. Enough for taking traffic off a revision.
        """

    async def counts(
        self, namespace: str, deployment: str, revisions: Sequence[str]
    ) -> tuple[RouterCount, ...]:
        """Return the counts of every router pod that could be read, for gates.

        Raises:
            LockstepError: none could be read; the message says why.
        """

    async def reconcile(self, route: Route, live: LiveRoute, owners: Sequence[Manifest]) -> None:
        """Make the router run `route`; idempotent. `owners`: the namespace's ModelDeployments."""

    async def finalize(self, namespace: str, deployment: str, owners: Sequence[Manifest]) -> None:
        """Forget a deleted ModelDeployment; with no owners left, remove the router itself."""
