"""The facts that one decision rests on, worked out once from what was gathered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lockstep_operator.api.modeldeployment import (
    ModelDeploymentSpec,
    ModelDeploymentStatus,
    RolloutStatus,
)
from lockstep_operator.core.revisions import Revision, previous_of, stable_of
from lockstep_operator.core.routing import LiveRoute
from lockstep_operator.core.times import parse_duration


@dataclass(frozen=True, slots=True)
class Facts:
    """One ModelDeployment as it stands.

    `desired`: the revision whose content the manifest asks for. `ready`: Ready pods by revision.
    `recorded`: what the status says of the rollout; losing it may delay, never advance.
    """

    spec: ModelDeploymentSpec
    revisions: Sequence[Revision]
    desired: Revision
    ready: Mapping[str, int]
    live: LiveRoute
    now: datetime
    status: ModelDeploymentStatus

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
        """The desired revision, while it is neither stable nor quarantined."""
        stable = self.stable
        is_stable = stable is not None and stable.name == self.desired.name
        return None if is_stable or self.desired.quarantined else self.desired

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
    def warm(self) -> Revision | None:
        """The previous stable revision, while it is kept warm."""
        until, previous, stable = self.warm_until, self.previous, self.stable
        if until is None or previous is None or stable is None or self.now >= until:
            return None
        # After a rollback the number before was revoked, and nothing cold is started for it.
        return previous if previous.number == stable.number - 1 else None

    @property
    def recorded(self) -> RolloutStatus | None:
        """What the status says of this candidate's rollout."""
        candidate = self.candidate
        same = candidate is not None and self.status.candidate_revision == candidate.name
        return self.status.rollout if same else None

    def weight(self, revision: str) -> int:
        """Return the weight of a revision in the router's configuration, in hundredths."""
        return self.live.weights.get(revision, 0)

    def capacity(self, revision: str) -> int:
        """Return the pods that are Ready and that every router pod sees healthy.

        Zero while the router's configuration lacks the cluster, though it may still run it.
        """
        if revision not in self.live.weights:
            return 0
        return min(self.ready.get(revision, 0), self.live.healthy.get(revision, 0))
