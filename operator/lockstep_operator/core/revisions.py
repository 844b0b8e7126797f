"""The revisions of one ModelDeployment: which is stable, which came before, which is asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lockstep_operator.api.modelrevision import ModelRevisionSpec, Promotion
from lockstep_operator.core.content import NormalContent, normalise
from lockstep_operator.core.times import parse_time

PROMOTIONS_KEPT = 10


@dataclass(frozen=True, slots=True)
class Revision:
    """A ModelRevision as the core sees it."""

    name: str
    spec: ModelRevisionSpec
    content: NormalContent
    manifest: dict[str, Any]

    @property
    def quarantined(self) -> bool:
        """Whether it must get no traffic."""
        return self.spec.quarantine is not None

    @property
    def promotion(self) -> Promotion | None:
        """Its latest promotion that still counts."""
        standing = [item for item in self.spec.promotions if not item.revoked]
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
    revisions = [
        Revision(
            name=manifest["metadata"]["name"],
            spec=ModelRevisionSpec.model_validate(manifest["spec"]),
            content=normalise(manifest["spec"]["content"]),
            manifest=manifest,
        )
        for manifest in manifests
        if "deletionTimestamp" not in manifest["metadata"]
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
