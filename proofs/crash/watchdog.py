"""What must never happen on the way, checked at every write that reaches the API server."""

from collections.abc import Collection, Mapping
from typing import Any

from lockstep_operator.api.group import REVISION_LABEL
from lockstep_operator.traffic.envoy import names
from lockstep_sandbox.apiserver.store import Event, Store
from proofs.crash import clock
from proofs.crash.nodes import DEPLOYMENTS, Nodes
from proofs.crash.routers import reachable, route_weights

Json = Any
REVISIONS = "modelrevisions.serving.lockstep.dev"
DEPLOYMENTS_OF_MODELS = "modeldeployments.serving.lockstep.dev"
NAMESPACE = "prod"
# A mark that a person wrote this moment cannot be known before the watch tells of it; then a write
# may be on its way.
_ON_ITS_WAY_SECONDS = 0.2


class Watchdog:
    """Collects sentences about what was broken; `peaks`: the most weight a revision ever had."""

    def __init__(self, store: Store, nodes: Nodes, deployment: str, late: float) -> None:
        self._store = store
        self._unseen = late + _ON_ITS_WAY_SECONDS
        self._nodes = nodes
        self._deployment = deployment
        self._marked: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._lost: dict[str, int] = {}
        self.broken: list[str] = []
        self.peaks: dict[str, int] = {}
        store.listeners.append(self._noticed)

    def _noticed(self, key: str, event: Event) -> None:
        if key == REVISIONS:
            self._note_mark(event)
        elif key == "configmaps" and event.obj["metadata"]["name"] == names.ROUTER:
            self._check_weights(event)
        elif key == DEPLOYMENTS and event.old is not None and event.type == "MODIFIED":
            self._check_template(event)

    def _note_mark(self, event: Event) -> None:
        name = event.obj["metadata"]["name"]
        if event.type != "DELETED" and event.obj["spec"].get("quarantine"):
            self._marked.setdefault(name, clock.elapsed())
        else:
            self._marked.pop(name, None)

    def _check_weights(self, event: Event) -> None:
        if event.type == "DELETED":
            self._lost = route_weights(event.obj.get("data"), self._deployment)
            return
        # What the operator writes again after somebody deleted it is not given anew.
        known = route_weights((event.old or {}).get("data"), self._deployment)
        before = known if event.old is not None else self._lost
        after = route_weights(event.obj["data"], self._deployment)
        if after and sum(after.values()) != 10_000:
            self._say(f"weights sum to {sum(after.values())}")
        if event.old is None or event.old["data"] != event.obj["data"]:
            for revision in reachable(event.obj["data"], self._deployment):
                self._check_mark(revision)
        for revision in after.keys() | before.keys():
            if after.get(revision, 0) != before.get(revision, 0):
                self._check_hold(revision, before, after.get(revision, 0))
                self._since[revision] = clock.elapsed()
        for revision, weight in after.items():
            self.peaks[revision] = max(weight, self.peaks.get(revision, 0))
            gains = weight > before.get(revision, 0)
            if gains and not self._nodes.ready(revision) and not self._must_be_cold(before):
                self._say(f"weight {weight} given to {revision}, which has no ready pod")

    def _must_be_cold(self, before: Collection[str]) -> bool:
        """Whether nothing that had traffic may keep it, and nothing else could have been warm."""
        found = self._store.get(DEPLOYMENTS_OF_MODELS, NAMESPACE, self._deployment)
        replaces = found is not None and found["spec"]["rollout"].get("strategy") == "Replace"
        return replaces and bool(before) and all(name in self._marked for name in before)

    def _check_mark(self, revision: str) -> None:
        since = self._marked.get(revision)
        if since is not None and clock.elapsed() - since > self._unseen:
            self._say(f"{revision} is quarantined and gets requests")

    def _check_hold(self, revision: str, weights: Mapping[str, int], after: int) -> None:
        """Time lost by a crash may prolong a step, never shorten it.

        Where nothing else that had traffic has a pod, it stands in, whatever is left of its step.
        """
        before = weights.get(revision, 0)
        if not any(self._nodes.ready(one) for one in weights if one != revision):
            return
        deployment = self._store.get(DEPLOYMENTS_OF_MODELS, NAMESPACE, self._deployment)
        found = self._store.get(REVISIONS, NAMESPACE, revision)
        if after <= before or deployment is None or found is None or _may_jump(found):
            return
        steps = deployment["spec"]["rollout"].get("steps", ())
        holds = [_seconds(one["hold"]) for one in steps if round(one["weight"] * 100) == before]
        lasted = clock.elapsed() - self._since.get(revision, 0.0)
        if holds and lasted < min(holds):
            self._say(f"{revision} left {before / 100} % after {lasted:.1f} s")

    def _check_template(self, event: Event) -> None:
        labels = event.obj["metadata"].get("labels") or {}
        old = event.old or {}
        if REVISION_LABEL in labels and old["spec"]["template"] != event.obj["spec"]["template"]:
            self._say(f"the pod template of {event.obj['metadata']['name']} was rewritten")

    def _say(self, sentence: str) -> None:
        self.broken.append(f"after {clock.elapsed():.1f} s: {sentence}")


def _may_jump(revision: Json) -> bool:
    """Whether it is no candidate, or a person asked for its promotion at once."""
    spec = revision["spec"]
    return bool(spec.get("promotions") or (spec.get("rollout") or {}).get("promote"))


def _seconds(duration: str) -> float:
    assert duration.endswith("s"), "steps of paths are in seconds"
    return float(duration[:-1])
