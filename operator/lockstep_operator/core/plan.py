"""The contract between the pure core and the shell: `Observed` in, `Plan` out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lockstep_operator.api.gates import Analysis
from lockstep_operator.core.routing import LiveRoute, Route

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ref:
    """An API object by kind and name, in the namespace of the ModelDeployment at hand."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object that has a name we need and is not ours; it is left untouched."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that the API server refused (schema, admission, quota), with its sentence."""

    kind: str
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator's build and settings fill in where the manifest is silent."""

    runtime_image: str


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that was gathered about one ModelDeployment; manifests as the API server has them.

    `children`: our Deployments, Services and ConfigMaps of this ModelDeployment, by (kind, name);
    `pods`: the model pods of all its revisions; `analysis`: what the gates found at the step that
    `core.judgement.target_of` named, None when nothing is judged; `conflicts` and `refusals`: what
    this pass's own writes met, known only to the second plan of a pass, of which only status and
    events count.
    """

    deployment: Manifest
    revisions: tuple[Manifest, ...]
    children: Mapping[tuple[str, str], Manifest]
    pods: tuple[Manifest, ...]
    route: LiveRoute
    now: datetime
    analysis: Analysis | None = None
    conflicts: tuple[Conflict, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class RevisionPatch:
    """A merge patch of a ModelRevision, on the resourceVersion it was planned from."""

    name: str
    resource_version: str
    body: Manifest


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event about the ModelDeployment (`revision` None) or one of its revisions.

    `mark`: the revision whose patch in the same plan it tells of: it is true once that is written,
    whatever becomes of the rest. None: told from what the status does not say yet.
    """

    reason: str
    message: str
    warning: bool = False
    revision: str | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, in this order: creates, route, patches, children, prune, events, status.

    `creates`: ModelRevisions, created once and never applied again. `children`: server-side
    applied. `route` None: nothing wanted of the router. `status`/`revision_statuses`: whole status
    objects. `requeue_after`: seconds until time alone can change the plan, None: only an event can.
    """

    creates: tuple[Manifest, ...] = ()
    children: tuple[Manifest, ...] = ()
    route: Route | None = None
    patches: tuple[RevisionPatch, ...] = ()
    prune: tuple[Ref, ...] = ()
    status: Manifest = field(default_factory=dict)
    revision_statuses: Mapping[str, Manifest] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    requeue_after: float | None = None
