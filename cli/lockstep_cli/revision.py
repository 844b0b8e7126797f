"""A ModelRevision as the CLI reads it, and which one is stable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lockstep_cli.errors import Refused

Manifest = dict[str, Any]
Warmth = Literal["warm", "cold", "unrestorable"]


@dataclass(frozen=True, slots=True)
class Revision:
    """What serves, or served.

    `promotion`: the highest number that still counts, 0 for none; `promotions`: all, as recorded.
    `released`: who lifted its last quarantine. `orders`: spec.rollout, what people asked for in its
    rollout; `restore`: who wants it back.
    `analysis` and `evaluations`: what its gates found, as the operator reports it.
    """

    name: str
    resource_version: str
    role: str
    warmth: Warmth
    weight: float
    replicas: int
    ready: int
    model_uri: str
    digest: str | None
    promotion: int
    promotions: Sequence[Manifest]
    quarantine: Manifest | None
    released: Manifest | None
    orders: Manifest
    restore: Manifest | None
    message: str
    analysis: Manifest | None
    evaluations: Sequence[Manifest]
    manifest: Manifest

    @property
    def can_answer(self) -> bool:
        """Whether it has a pod that could answer a request right now."""
        return self.ready > 0

    @property
    def reason(self) -> str | None:
        """Why it is quarantined, None when it is not."""
        return None if self.quarantine is None else str(self.quarantine["reason"])

    @property
    def last_promotion(self) -> Manifest | None:
        """The promotion with the highest number, whether it still counts or not."""
        return max(self.promotions, key=lambda item: int(item["number"]), default=None)

    @property
    def promoted_at(self) -> str | None:
        """When it last became stable."""
        last = self.last_promotion
        return last["time"] if last else None

    def approval(self, step: int) -> Manifest | None:
        """Return the approval of a step that somebody gave."""
        given: list[Manifest] = self.orders.get("approvals") or []
        return next((item for item in given if item["step"] == step), None)


def parse_revisions(manifests: Sequence[Manifest]) -> list[Revision]:
    """Read ModelRevisions; a promotion that a later one took back counts no more."""
    taken_back: dict[str, int] = {}
    for manifest in manifests:
        for promotion in manifest["spec"].get("promotions") or []:
            for name in promotion.get("rollbackOf") or []:
                taken_back[name] = max(taken_back.get(name, 0), int(promotion["number"]))
    return [parse_revision(item, taken_back) for item in manifests]


def parse_revision(manifest: Manifest, taken_back: Mapping[str, int] | None = None) -> Revision:
    """Read one; one the operator has not yet reported on has zeros.

    `taken_back`: by revision, the number of the latest promotion that took over from it.
    """
    spec, status = manifest["spec"], manifest.get("status") or {}
    name, ready = manifest["metadata"]["name"], int(status.get("readyReplicas") or 0)
    promotions = spec.get("promotions") or []
    after = (taken_back or {}).get(name, 0)
    return Revision(
        name=name,
        resource_version=manifest["metadata"]["resourceVersion"],
        role=status.get("role") or "pending",
        warmth=status.get("warmth") or ("warm" if ready else "cold"),
        weight=float(status.get("weight") or 0),
        replicas=int(status.get("replicas") or 0),
        ready=ready,
        model_uri=spec["content"]["model"]["uri"],
        digest=(spec.get("observed") or {}).get("digest"),
        promotion=_standing(promotions, after),
        promotions=promotions,
        quarantine=spec.get("quarantine"),
        released=spec.get("released"),
        orders=spec.get("rollout") or {},
        restore=spec.get("restore"),
        message=status.get("message") or "",
        analysis=status.get("analysis"),
        evaluations=status.get("evaluations") or [],
        manifest=manifest,
    )


def _standing(promotions: Sequence[Manifest], after: int) -> int:
    numbers = (int(item["number"]) for item in promotions if not item.get("revoked"))
    return max((number for number in numbers if number > after), default=0)


def promoted(revisions: Sequence[Revision]) -> list[Revision]:
    """Return the revisions that traffic may go to because they were stable once, newest first.

    The first is stable: the highest promotion that still counts, and no quarantine.
    """
    able = [item for item in revisions if item.promotion and item.quarantine is None]
    return sorted(able, key=lambda item: item.promotion, reverse=True)


def find_revision(deployment: str, revisions: Sequence[Revision], text: str) -> Revision:
    """Return the revision that the user means: its name, the name's suffix, or a promotion number.

    Raises:
        Refused: there is none; the sentence lists those that there are.
    """
    for item in revisions:
        if item.name in (text, f"{deployment}-{text}"):
            return item
    for item in revisions:
        if text.isdecimal() and any(int(text) == one["number"] for one in item.promotions):
            return item
    known = ", ".join(_with_numbers(item) for item in revisions)
    raise Refused(f"{deployment} has no revision {text!r}; it has {known or 'none at all'}")


def _with_numbers(revision: Revision) -> str:
    numbers = ", ".join(str(item["number"]) for item in revision.promotions)
    return f"{revision.name} ({numbers})" if numbers else revision.name
