"""Router pods that do not take traffic off a revision, and what to do about them.

A kubelet may hang, or an Envoy: such a pod goes on sending requests to a quarantined revision. It
is replaced, but only where that helps and costs no request:

- one at a time, and none while another starts or ends;
- none that refuses the configuration, for the next would do so too;
- by deletion only where another ready pod runs the route already. Where none does (and so wherever
  there is one router pod only), the Deployment is restarted instead: it brings up the new pods,
  which read the configuration as they start, before it ends the old ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lockstep_operator.core.failures import is_ready
from lockstep_operator.traffic.envoy.observation import PodView, Wanted

Manifest = dict[str, Any]

LATE_SECONDS = 5.0
# For how long a pod that is not Ready counts as one that starts. One that no node has room for
# must not keep the others from being replaced.
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Remedy:
    """`pod`: the router pod to delete; None: restart the router's Deployment."""

    pod: str | None


class Laggards:
    """What is remembered of the pods for one ModelDeployment.

    Since when a readable pod lags stands in the objects (when the route was written, when the pod
    became Ready). A pod that does not answer may run the route all the same: it lags only if it was
    not seen to run it, and from when it was first found silent.
    """

    def __init__(self) -> None:
        self._version: str | None = None
        self._took: set[str] = set()
        self._silent: dict[str, float] = {}
        self.views: Sequence[PodView] = ()

    def note(self, views: Sequence[PodView], wanted: Wanted, now: float) -> None:
        """Remember a look at the Ready pods; no views: nobody was asked."""
        if wanted.route_version != self._version:
            self._version, self._took = wanted.route_version, set()
        self.views = views
        silent = {view.uid for view in views if view.stats is None}
        self._silent = {uid: self._silent.get(uid, now) for uid in silent}
        self._took |= {view.uid for view in views if self._runs(view)}

    def remedy(
        self, version: str | None, since: str, pods: Sequence[Manifest], now: float
    ) -> Remedy | None:
        """Return what is to be done now, None: nothing.

        Args:
            version: of the urgent route.
            since: when it was written, ISO 8601.
            pods: all of the router's pods.
            now: seconds since the epoch.
        """
        if version != self._version or any(_in_motion(pod, now) for pod in pods):
            return None
        late = [view for view in self.views if self._is_late(view, _seconds(since), now)]
        if not late:
            return None
        if any(self._runs(view) for view in self.views):
            return Remedy(late[0].name)
        return Remedy(None) if len(late) == len(self.views) else None

    def _runs(self, view: PodView) -> bool:
        return view.stats is not None and view.stats.route_version == self._version

    def _is_late(self, view: PodView, since: float, now: float) -> bool:
        if self._runs(view) or (view.stats is None and view.uid in self._took):
            return False
        begun = max(since, view.ready_since, self._silent.get(view.uid, 0.0))
        return now - begun >= LATE_SECONDS


def _in_motion(pod: Manifest, now: float) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return True
    age = now - _seconds(pod["metadata"].get("creationTimestamp", ""))
    return not is_ready(pod) and age < START_SECONDS


def _seconds(moment: str) -> float:
    """Return seconds since the epoch; what is not readable counts as long ago."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return 0.0
