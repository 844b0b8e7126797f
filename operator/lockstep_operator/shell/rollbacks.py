"""Counts promotions and rollbacks, and measures how long a rollback takes."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram

from lockstep_operator.core.marks import OPERATOR
from lockstep_operator.core.plan import Manifest, Observed
from lockstep_operator.core.routing import LiveRoute
from lockstep_operator.core.times import parse_time
from lockstep_operator.shell.keys import Key

_CAUSES = ("gate", "person", "revert")
_BUCKETS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass(slots=True)
class _Known:
    """What was seen of a ModelDeployment before. `leaving`: since when each should be without."""

    quarantined: set[str]
    promoted: int
    leaving: dict[str, str] = field(default_factory=dict)


class Rollbacks:
    """Sees the marks on revisions come and their traffic go.

    What happened while no operator ran is not counted: the marks say when, not whether somebody
    has counted them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        own = ["namespace", "model_deployment"]
        self.total = Counter(
            "lockstep_rollbacks",
            "Rollbacks: by a gate, by a person's quarantine, or to an earlier manifest (revert)",
            [*own, "cause"],
            registry=registry,
        )
        self.promotions = Counter(
            "lockstep_promotions",
            "Revisions that became stable by a rollout",
            own,
            registry=registry,
        )
        self.seconds = Histogram(
            "lockstep_rollback_seconds",
            "From a quarantine's time to all router pods being seen without its revision",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._known: dict[Key, _Known] = {}

    def see(self, key: Key, observed: Observed) -> None:
        """Compare one pass with the one before."""
        marks = _quarantines(observed)
        number, promoted = _last_promotion(observed)
        known = self._known.get(key)
        if known is None:
            serving = {name for name in marks if observed.route.weights.get(name)}
            known = self._known[key] = _Known(marks.keys() - serving, number)
            self._begin_at_zero(key)
        for name in marks.keys() - known.quarantined:
            self.total.labels(*key, _cause(marks[name])).inc()
            if marks[name].get("time"):
                known.leaving[name] = marks[name]["time"]
        known.quarantined = set(marks)
        if promoted is not None and number > known.promoted:
            self._count_promotion(key, promoted)
        known.promoted = max(known.promoted, number)
        self._measure(known, observed)

    def forget(self, key: Key) -> None:
        """Stop publishing a ModelDeployment that is gone."""
        self._known.pop(key, None)
        labels = dict(zip(("namespace", "model_deployment"), key, strict=True))
        self.total.remove_by_labels(labels)
        self.promotions.remove_by_labels(labels)

    def _begin_at_zero(self, key: Key) -> None:
        """Prometheus sees no increase in a series that begins with one."""
        self.promotions.labels(*key)
        for cause in _CAUSES:
            self.total.labels(*key, cause)

    def _count_promotion(self, key: Key, revision: Manifest) -> None:
        promotions = revision["spec"]["promotions"]
        if promotions[-1].get("rollbackOf"):
            return  # the quarantine was counted
        if len(promotions) > 1:
            self.total.labels(*key, "revert").inc()
        else:
            self.promotions.labels(*key).inc()

    def _measure(self, known: _Known, observed: Observed) -> None:
        for name, since in list(known.leaving.items()):
            if name not in known.quarantined:  # released before it was gone
                del known.leaving[name]
            elif _is_without(observed.route, name):
                del known.leaving[name]
                passed = (observed.now - parse_time(since)).total_seconds()
                self.seconds.observe(max(0.0, passed))  # the mark's writer may have another clock


def _cause(mark: Manifest) -> str:
    by_gate = mark.get("by") == OPERATOR and mark.get("reason", "").startswith("gate ")
    return "gate" if by_gate else "person"


def _quarantines(observed: Observed) -> dict[str, Manifest]:
    return {
        one["metadata"]["name"]: one["spec"]["quarantine"]
        for one in observed.revisions
        if one["spec"].get("quarantine")
    }


def _last_promotion(observed: Observed) -> tuple[int, Manifest | None]:
    """Return the highest number of a promotion and its revision; (0, None) before the first."""
    numbers = [
        (promotion["number"], index)
        for index, one in enumerate(observed.revisions)
        for promotion in one["spec"].get("promotions") or []
    ]
    if not numbers:
        return 0, None
    number, index = max(numbers)
    return number, observed.revisions[index]


def _is_without(route: LiveRoute, revision: str) -> bool:
    """Whether every router pod runs a configuration that sends the revision nothing."""
    return route.applied and not route.weights.get(revision)
