"""What a ModelDeployment and its revisions are up to: what every order is decided from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lockstep_cli.asking import differing
from lockstep_cli.errors import Refused
from lockstep_cli.revision import Revision, find_revision, parse_revisions, promoted

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Situation:
    """One ModelDeployment as it was read. `deployment` None: deleted, and marks were left."""

    name: str
    namespace: str
    deployment: Manifest | None
    revisions: tuple[Revision, ...]

    @property
    def spec(self) -> Manifest:
        """What the manifest asks for."""
        found: Manifest = (self.deployment or {}).get("spec") or {}
        return found

    @property
    def status(self) -> Manifest:
        """What the operator reported last."""
        found: Manifest = (self.deployment or {}).get("status") or {}
        return found

    @property
    def able(self) -> list[Revision]:
        """The stable revision, and behind it those that were stable before, newest first."""
        return promoted(self.revisions)

    @property
    def stable(self) -> Revision | None:
        """The revision that is promoted."""
        return next(iter(self.able), None)

    @property
    def candidate(self) -> Revision | None:
        """The revision being judged; the status may be older than promotions or quarantines."""
        name, stable = self.status.get("candidateRevision"), self.stable
        for item in self.revisions:
            is_stable = stable is not None and item.name == stable.name
            if item.name == name and item.quarantine is None and not is_stable:
                return item
        return None

    @property
    def restoring(self) -> Revision | None:
        """The revision that somebody wants back; of several, the one asked for last."""
        stable = self.stable
        wanted = [
            item
            for item in self.revisions
            if item.restore is not None
            and item.quarantine is None
            and (stable is None or item.name != stable.name)
        ]
        return max(wanted, key=lambda item: (item.restore or {}).get("time") or "", default=None)

    @property
    def phase(self) -> str | None:
        """Where the rollout stands, in a word."""
        return (self.status.get("rollout") or {}).get("phase")

    @property
    def step(self) -> int:
        """The step that the rollout is at, from 1; 0 before the first."""
        return int((self.status.get("rollout") or {}).get("step") or 0)

    @property
    def steps(self) -> int:
        """How many steps the rollout has."""
        return int((self.status.get("rollout") or {}).get("steps") or 0)

    @property
    def message(self) -> str:
        """What the operator says of the rollout."""
        return (self.status.get("rollout") or {}).get("message") or ""

    @property
    def held_by_manifest(self) -> bool:
        """Whether the manifest itself pauses the rollout."""
        return bool(self.spec.get("paused"))

    @property
    def replaces(self) -> bool:
        """Whether the old pods stop before the new ones start."""
        return (self.spec.get("rollout") or {}).get("strategy") == "Replace"

    @property
    def replacing(self) -> bool:
        """Whether stable's pods were stopped already to make room for the candidate's."""
        stable = self.stable
        return self.replaces and self.candidate is not None and bool(stable and not stable.replicas)

    @property
    def has_steps(self) -> bool:
        """Whether a rollout has steps; where the manifest gives none there are default ones."""
        return (self.spec.get("rollout") or {}).get("steps") != []

    def condition(self, kind: str) -> Manifest | None:
        """Return a condition as the operator reports it, None when it does not."""
        found: list[Manifest] = self.status.get("conditions") or []
        return next((one for one in found if one["type"] == kind), None)

    def weight(self, revision: str) -> float | None:
        """Return the percent that the router was seen to give it; None: nothing is reported."""
        shares = self.status.get("traffic") or []
        if not shares:
            return None
        return float(sum(share["weight"] for share in shares if share["revision"] == revision))

    def asks_for(self, revision: Revision) -> bool:
        """Tell whether the manifest asks for what this revision is made of."""
        return self.deployment is not None and not self.differing(revision)

    def differing(self, revision: Revision) -> tuple[str, ...]:
        """Return the fields in which the manifest asks for something else than this revision."""
        if self.deployment is None:
            return ()
        return differing(self.spec, revision.manifest["spec"]["content"])

    def named(self, text: str) -> Revision:
        """Return the revision that the user means, see `revision.find_revision`."""
        return find_revision(self.name, self.revisions, text)

    def now(self, revision: str) -> Revision | None:
        """Return a revision as it is in this situation, None when it is gone."""
        return next((item for item in self.revisions if item.name == revision), None)

    def rollout_of(self) -> Revision:
        """Return the candidate.

        Raises:
            Refused: no rollout is under way.
        """
        candidate = self.candidate
        if candidate is None:
            raise Refused(f"no rollout of {self.name} is under way: it has no candidate")
        return candidate


def read_situation(
    name: str, namespace: str, deployment: Manifest | None, revisions: Sequence[Manifest]
) -> Situation:
    """Put together what was read; revisions that are being deleted count no more."""
    living = [item for item in revisions if "deletionTimestamp" not in item["metadata"]]
    return Situation(name, namespace, deployment, tuple(parse_revisions(living)))
