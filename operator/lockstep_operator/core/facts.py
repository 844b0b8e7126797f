"""The facts that one decision rests on, worked out once from what was gathered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lockstep_operator.api.gates import Analysis
from lockstep_operator.api.group import REVISION_LABEL
from lockstep_operator.api.modeldeployment import (
    ModelDeploymentSpec,
    ModelDeploymentStatus,
    RolloutStatus,
    Step,
)
from lockstep_operator.api.modelrevision import Approval, RolloutOrders
from lockstep_operator.core.failures import is_ready
from lockstep_operator.core.plan import Manifest, Observed
from lockstep_operator.core.revisions import Revision, bans, previous_of, stable_of
from lockstep_operator.core.routing import LiveRoute
from lockstep_operator.core.times import parse_duration, parse_time

_NO_ORDERS = RolloutOrders()


@dataclass(frozen=True, slots=True)
class Facts:
    """One ModelDeployment as it stands.

    `desired`: the revision whose content the manifest asks for. `ready`: Ready pods by revision.
    `asked_at`, `asked`: since when a revision's pods are wanted, and how many, as its Deployment
    has it. `status`: what was reported last; losing it may delay, never advance. `analysis`: what
    the gates found at the step at hand.
    """

    spec: ModelDeploymentSpec
    revisions: Sequence[Revision]
    desired: Revision
    ready: Mapping[str, int]
    live: LiveRoute
    now: datetime
    status: ModelDeploymentStatus
    asked_at: Mapping[str, datetime] = field(default_factory=dict)
    asked: Mapping[str, int] = field(default_factory=dict)
    analysis: Analysis | None = None

    @property
    def stable(self) -> Revision | None:
        """The revision promoted last that is not quarantined."""
        return stable_of(self.revisions)

    @property
    def previous(self) -> Revision | None:
        """Where a rollback of the stable revision goes."""
        return previous_of(self.revisions, self.stable)

    @property
    def candidate(self) -> Revision | None:
        """The desired revision, while it is neither stable nor quarantined, nor about to be."""
        stable, desired = self.stable, self.desired
        if desired.quarantined or (stable is not None and stable.name == desired.name):
            return None
        condemned = stable.spec.restore.quarantine if stable and stable.spec.restore else ()
        return None if desired.name in condemned else desired

    @property
    def restoring(self) -> Revision | None:
        """The revision that somebody wants back, until it is stable."""
        stable = self.stable
        asked = [
            one
            for one in self.revisions
            if one.spec.restore and not one.quarantined and (not stable or one.name != stable.name)
        ]
        return max(asked, key=_restore_time, default=None)

    @property
    def orders(self) -> RolloutOrders:
        """What people asked for in the candidate's rollout."""
        candidate = self.candidate
        return (candidate.spec.rollout if candidate else None) or _NO_ORDERS

    @property
    def void_approvals(self) -> list[Approval]:
        """Approvals of steps that the rollout does not have."""
        return [one for one in self.orders.approvals if one.step > len(self.steps)]

    @property
    def paused_by(self) -> str | None:
        """What pauses the rollout, None when nothing does."""
        if self.spec.paused:
            return "spec.paused of the manifest"
        order = self.orders.paused
        if order is None:
            return None
        return f"{order.by or 'an order'}" + (f": {order.reason}" if order.reason else "")

    @property
    def warm_until(self) -> datetime | None:
        """Until when the previous stable revision keeps its pods."""
        promoted_at = self.stable.promoted_at if self.stable else None
        return promoted_at + self.keep_warm if promoted_at else None

    @property
    def keep_warm(self) -> timedelta:
        """How long the previous stable revision keeps its pods after a promotion."""
        return parse_duration(self.spec.rollout.keep_warm)

    @property
    def kept_warm(self) -> Revision | None:
        """The previous stable revision, while it is to have pods for a way back."""
        until, previous, stable = self.warm_until, self.previous, self.stable
        if until is None or previous is None or stable is None or self.now >= until:
            return None
        if self.replaces:  # there is no room for a second revision's pods
            return None
        # After a rollback the number before was revoked, and nothing cold is started for it.
        return previous if previous.number == stable.number - 1 else None

    @property
    def warm(self) -> Revision | None:
        """The previous stable revision, if it has been wanted since before it was left.

        Told by the age of its Deployment, not by pods: those that are ready now may have been
        started just now, for the manifest that asks for it again.
        """
        kept, left_at = self.kept_warm, self.stable.promoted_at if self.stable else None
        since = self.asked_at.get(kept.name) if kept else None
        if kept is None or since is None or left_at is None or self.stopped(kept):
            return None
        return kept if since <= left_at else None

    def stopped(self, revision: Revision) -> bool:
        """Tell whether a revision has a Deployment that asks for no pods: it made room."""
        return self.asked.get(revision.name) == 0

    @property
    def steps(self) -> Sequence[Step]:
        """The steps that a rollout has: none where one revision takes the place of another."""
        return () if self.replaces else self.spec.rollout.walk

    @property
    def replaces(self) -> bool:
        """Whether the old pods stop before the new ones start."""
        return self.spec.rollout.strategy == "Replace"

    @property
    def replacing(self) -> bool:
        """Whether stable's pods were stopped to make room for a candidate's."""
        stable = self.stable
        if not self.replaces or self.candidate is None or stable is None:
            return False
        return self.stopped(stable)

    @property
    def recorded(self) -> RolloutStatus | None:
        """What the status says of this candidate's rollout."""
        candidate = self.candidate
        same = candidate is not None and self.status.candidate_revision == candidate.name
        return self.status.rollout if same else None

    @property
    def stable_down_since(self) -> datetime | None:
        """Since when stable has neither a ready pod nor one that the router sees healthy.

        None when it has, and while the router was not asked and nothing was recorded.
        """
        stable, recorded = self.stable, self.recorded
        if self.candidate is None or stable is None or self.ready.get(stable.name):
            return None
        healthy = self.live.healthy.get(stable.name)
        if healthy:
            return None
        if recorded and recorded.stable_down_since:
            return parse_time(recorded.stable_down_since)
        return self.now if healthy == 0 else None

    def weight(self, revision: str) -> int:
        """Return the weight of a revision in the router's configuration, in hundredths."""
        return self.live.weights.get(revision, 0)

    def may_serve(self, revision: str) -> bool:
        """Tell whether a revision may have traffic: there, not quarantined, not aborted."""
        candidate = self.candidate
        over = set() if candidate and candidate.name == revision else {"aborted"}
        return any(
            one.name == revision and not bans(one.manifest["spec"]) - over for one in self.revisions
        )

    def capacity(self, revision: str) -> int:
        """Return the pods that are Ready and that every router pod sees healthy.

        Zero while the router's configuration lacks the cluster, though it may still run it.
        """
        if revision not in self.live.weights:
            return 0
        return min(self.ready.get(revision, 0), self.live.healthy.get(revision, 0))


def facts_from(observed: Observed, revisions: Sequence[Revision], desired: Revision) -> Facts:
    """Return the facts about what was gathered."""
    deployment = observed.deployment
    workloads = {
        name: child for (kind, name), child in observed.children.items() if kind == "Deployment"
    }
    return Facts(
        spec=ModelDeploymentSpec.model_validate(deployment["spec"]),
        revisions=revisions,
        desired=desired,
        ready=_ready_pods(observed),
        live=observed.route,
        now=observed.now,
        status=ModelDeploymentStatus.model_validate(deployment.get("status") or {}),
        asked_at=_asked_at(workloads),
        asked={name: one.get("spec", {}).get("replicas", 1) for name, one in workloads.items()},
        analysis=observed.analysis,
    )


def _ready_pods(observed: Observed) -> dict[str, int]:
    counts: dict[str, int] = {}
    for pod in observed.pods:
        name = pod["metadata"].get("labels", {}).get(REVISION_LABEL)
        if name and is_ready(pod):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _asked_at(workloads: Mapping[str, Manifest]) -> dict[str, datetime]:
    created = {name: one["metadata"].get("creationTimestamp") for name, one in workloads.items()}
    return {name: parse_time(moment) for name, moment in created.items() if moment}


def _restore_time(revision: Revision) -> tuple[float, str]:
    restore = revision.spec.restore
    moment = parse_time(restore.time).timestamp() if restore and restore.time else 0.0
    return (moment, revision.name)
