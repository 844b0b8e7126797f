"""Leader election by a Lease: of several operators, the one that holds it acts."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import structlog

from lockstep_operator.core.errors import (
    ApiError,
    Conflict,
    Forbidden,
    LockstepError,
    NotFound,
    Unavailable,
)
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.connection import StartupError
from lockstep_operator.shell.store import Manifest

DURATION = 15.0
RENEW_EVERY = 5.0
RENEW_DEADLINE = 12.0
RETRY_EVERY = 1.5
_log = structlog.get_logger(__name__)


class LeaseLost(LockstepError):
    """Somebody else may act now: this process must end."""


class Leader:
    """Takes, renews and releases one Lease.

    Whether a stranger's Lease has run out is judged by our own clock from when we last saw it
    change, as client-go does, so that clocks need not agree; one that ran out long ago by its own
    time is taken at once. So is one of an earlier process of our own pod: a container is started
    again only when its process has ended.

    The times are those of Kubernetes' own components. Shorter ones would end leaders, and with them
    the rollouts' pace, whenever an API server is slow for some seconds.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        own_pod: str | None = None,
    ) -> None:
        """Act as `identity`; those of all processes of our pod begin with `own_pod`."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._own_pod = own_pod
        self._lease: Manifest = {}
        self._changed_at = 0.0
        self._renewed_at = float("-inf")

    def holds(self) -> bool:
        """Return whether nobody else can hold the Lease now; also false after a long standstill."""
        return _now() - self._renewed_at < DURATION

    async def acquire(self) -> None:
        """Wait until the Lease is ours.

        Raises:
            StartupError: there is no such namespace, or no right to write Leases in it.
        """
        while not await self._try_acquire():  # noqa: ASYNC110 (others write the Lease)
            await asyncio.sleep(_jittered(RETRY_EVERY))
        _log.info("leading", lease=f"{self._namespace}/{self._name}", identity=self._identity)

    async def hold(self) -> NoReturn:
        """Renew the Lease until that fails.

        Raises:
            LeaseLost: somebody else took it, or it could not be renewed in time.
        """
        while True:
            await asyncio.sleep(_jittered(RENEW_EVERY))
            while not await self._try_renew():
                if _now() - self._renewed_at > RENEW_DEADLINE:
                    raise LeaseLost(f"the Lease was not renewed for {RENEW_DEADLINE:.0f} s")
                await asyncio.sleep(_jittered(1.0))

    async def release(self) -> None:
        """Let a successor start at once; the Lease runs out by itself if this fails."""
        if not self.holds():
            return
        self._renewed_at = float("-inf")
        try:
            try:
                await self._write_free()
            except Conflict:  # edited by somebody, or renewed by a request whose answer is lost
                self._lease = await self._client.get("Lease", self._namespace, self._name)
                if self._lease["spec"].get("holderIdentity") == self._identity:
                    await self._write_free()
        except ApiError as error:
            _log.warning("lease not released", error=str(error))

    async def _write_free(self) -> None:
        spec = self._lease["spec"] | {"leaseDurationSeconds": 1}
        spec.pop("holderIdentity", None)
        await self._client.replace(self._lease | {"spec": spec})

    async def _try_acquire(self) -> bool:
        try:
            try:
                self._see(await self._client.get("Lease", self._namespace, self._name))
            except NotFound:
                return await self._create()
            return await self._take() if self._is_free() else False
        except Forbidden as error:
            raise StartupError(f"no right to use the Lease: {error}") from error
        except (Conflict, NotFound, Unavailable) as error:
            _log.warning("lease not taken", error=str(error))
            return False

    async def _create(self) -> bool:
        metadata = {"namespace": self._namespace, "name": self._name}
        kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        since = _now()
        try:
            self._lease = await self._client.create(
                kind | {"metadata": metadata, "spec": self._claim()}
            )
        except NotFound as error:
            hint = f"no namespace {self._namespace!r} for the Lease: create it or pass --namespace"
            raise StartupError(hint) from error
        except Conflict:
            return False
        self._renewed_at = since
        return True

    async def _take(self) -> bool:
        before = self._lease.get("spec") or {}
        _log.info("taking the lease", from_holder=before.get("holderIdentity"))
        transitions = before.get("leaseTransitions", 0) + 1
        await self._write(self._claim() | {"leaseTransitions": transitions})
        return True

    async def _try_renew(self) -> bool:
        renewal = {"renewTime": _micro_time(), "leaseDurationSeconds": int(DURATION)}
        try:
            await self._write(self._lease["spec"] | renewal)
        except (Conflict, NotFound):
            return await self._look_again()
        except ApiError as error:
            _log.warning("lease not renewed", error=str(error))
            return False
        return True

    async def _look_again(self) -> bool:
        """A 409 may be an edit of the Lease, or the echo of our own write whose answer got lost."""
        try:
            self._lease = await self._client.get("Lease", self._namespace, self._name)
        except NotFound:
            return await self._create_again()
        except ApiError as error:
            _log.warning("lease not read", error=str(error))
            return False
        holder = self._lease["spec"].get("holderIdentity")
        if holder != self._identity:
            raise LeaseLost(f"the Lease was taken by {holder or 'nobody'}")
        return False

    async def _create_again(self) -> bool:
        """Somebody deleted the Lease: whoever creates it first has it."""
        try:
            return await self._create()
        except (ApiError, StartupError) as error:
            _log.warning("lease not created", error=str(error))
            return False

    async def _write(self, spec: dict[str, Any]) -> None:
        since = _now()  # the Lease runs from before the request at the latest
        self._lease = await self._client.replace(self._lease | {"spec": spec})
        self._renewed_at = since

    def _see(self, lease: Manifest) -> None:
        known = self._lease.get("metadata", {}).get("resourceVersion")
        if lease["metadata"]["resourceVersion"] != known:
            self._changed_at = _now()
        self._lease = lease

    def _is_free(self) -> bool:
        spec = self._lease.get("spec") or {}
        holder = spec.get("holderIdentity")
        duration = spec.get("leaseDurationSeconds") or DURATION
        if holder in (None, "", self._identity) or self._is_of_our_pod(holder):
            return True
        if _now() - self._changed_at > duration:
            return True
        return _ran_out_long_ago(spec.get("renewTime"), duration)

    def _is_of_our_pod(self, holder: str) -> bool:
        return self._own_pod is not None and holder.startswith(self._own_pod)

    def _claim(self) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(DURATION),
            "acquireTime": _micro_time(),
            "renewTime": _micro_time(),
            "leaseTransitions": 0,
        }


def _ran_out_long_ago(renewed: str | None, duration: float) -> bool:
    """Twice the duration: clocks in a cluster may differ by seconds, not by this."""
    if renewed is None:
        return True
    age = datetime.now(UTC) - datetime.fromisoformat(renewed)
    return age > timedelta(seconds=2 * duration)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 (keeps operators out of step)


def _micro_time() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
