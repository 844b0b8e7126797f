"""The revisions of one ModelDeployment: which is stable, which came before, which is asked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lockstep_operator.api.modelrevision import ModelRevisionSpec, Promotion
from lockstep_operator.core.content import NormalContent, normalise
from lockstep_operator.core.routing import Endpoint
from lockstep_operator.core.times import parse_time

PROMOTIONS_KEPT = 10


def bans(spec: Mapping[str, Any]) -> set[str]:
    """Return which fields of a ModelRevision's spec, or of a patch to it, take its traffic away.

    `aborted` does so for a candidate only. An empty mark is one too; null takes it away.
    """
    marks = {
        "quarantine": spec.get("quarantine"),
        "aborted": (spec.get("rollout") or {}).get("aborted"),
    }
    return {name for name, mark in marks.items() if mark is not None}


@dataclass(frozen=True, slots=True)
class Revision:
    """A ModelRevision as the core sees it."""

    name: str
    spec: ModelRevisionSpec
    content: NormalContent
    manifest: dict[str, Any]
    rolled_back_at: int = 0  # number of the latest promotion that took over from it

    @property
    def quarantined(self) -> bool:
        """Whether it must get no traffic."""
        return self.spec.quarantine is not None

    @property
    def offers_grpc(self) -> bool:
        """Whether its pods serve gRPC too."""
        return bool(self.content.get("runtime", {}).get("grpc"))

    @property
    def endpoint(self) -> Endpoint:
        """Where its pods take requests."""
        runtime = self.content.get("runtime", {})
        return Endpoint.of(runtime.get("port"), runtime.get("healthPath"))

    @property
    def promotion(self) -> Promotion | None:
        """Its latest promotion that still counts."""
        after = self.rolled_back_at
        standing = [one for one in self.spec.promotions if not one.revoked and one.number > after]
        return max(standing, key=lambda item: item.number, default=None)

    @property
    def number(self) -> int:
        """Number of the latest promotion that still counts, 0 when there is none."""
        return self.promotion.number if self.promotion else 0

    @property
    def promoted_at(self) -> datetime | None:
        """When it last became stable."""
        return parse_time(self.promotion.time) if self.promotion else None


def parse_revisions(manifests: Iterable[dict[str, Any]]) -> list[Revision]:
    """Return the revisions that are not being deleted, the latest promotion first."""
    living = [one for one in manifests if "deletionTimestamp" not in one["metadata"]]
    specs = {
        one["metadata"]["name"]: ModelRevisionSpec.model_validate(one["spec"]) for one in living
    }
    rollbacks = [
        (name, promotion.number)
        for spec in specs.values()
        for promotion in spec.promotions
        for name in promotion.rollback_of
    ]
    revisions = [
        Revision(
            name=name,
            spec=specs[name],
            content=normalise(one["spec"]["content"]),
            manifest=one,
            rolled_back_at=max((number for of, number in rollbacks if of == name), default=0),
        )
        for one in living
        for name in [one["metadata"]["name"]]
    ]
    return sorted(revisions, key=_recency, reverse=True)


def _recency(revision: Revision) -> tuple[int, str, str]:
    created = revision.manifest["metadata"].get("creationTimestamp", "")
    return (revision.number, created, revision.name)


def with_content(revisions: Sequence[Revision], content: NormalContent) -> Revision | None:
    """Return the revision made from this content; a quarantined one wins over a twin."""
    same = [revision for revision in revisions if revision.content == content]
    return next((one for one in same if one.quarantined), same[0] if same else None)


def stable_of(revisions: Sequence[Revision]) -> Revision | None:
    """Return the revision promoted last that is not quarantined."""
    standing = [one for one in revisions if one.number and not one.quarantined]
    return max(standing, key=lambda one: one.number, default=None)


def previous_of(revisions: Sequence[Revision], stable: Revision | None) -> Revision | None:
    """Return the stable revision before this one: where a rollback goes."""
    return stable_of([one for one in revisions if stable and one.name != stable.name])


def next_number(revisions: Sequence[Revision]) -> int:
    """Return a promotion number above all that were ever given out, revoked ones included."""
    return 1 + max((item.number for one in revisions for item in one.spec.promotions), default=0)
