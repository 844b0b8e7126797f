"""ModelRevision: what serves. Made by the operator, one per distinct content."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from lockstep_operator.api.base import FREE_FORM, ApiType, ObjectName, Text, Timestamp, cel
from lockstep_operator.api.conditions import Conditions
from lockstep_operator.api.content import Content
from lockstep_operator.api.gates import Analysis, EvaluationRecord

_IMMUTABLE = cel(("self == oldSelf", "is immutable: a change is a new revision"))

Role = Literal["stable", "candidate", "warm", "cold", "quarantined"]
Warmth = Literal["warm", "cold", "unrestorable"]

RESTORE_MARKS = 10
"""How many revisions one order to restore quarantines at most."""


class RevisionContent(Content):
    """The content that this revision was made from, normalised: defaults are absent."""

    model_config = ConfigDict(json_schema_extra=_IMMUTABLE)


class ObservedModel(ApiType):
    """What the first pod that loaded the model found; every later pod must find the same."""

    digest: Annotated[str, Field(max_length=71, pattern="^sha256:[0-9a-f]{64}$")]
    version: Annotated[str | None, Field(max_length=256)] = None


class Promotion(ApiType):
    """One time this revision became stable; `number` rises over all revisions of a deployment."""

    number: Annotated[int, Field(ge=1, le=2**53)]
    time: Timestamp
    revoked: Annotated[bool, Field(description="Undone by a quarantine; counts no more.")] = False
    rollback_of: Annotated[
        list[ObjectName],
        Field(
            max_length=10,
            description="The quarantined revisions it took over from; their promotions before "
            "this one count no more, whether they are released or not.",
        ),
    ] = []
    by: Annotated[
        str | None,
        Field(max_length=256, description="Who asked for it, where a person did."),
    ] = None
    reason: Text = ""


class Quarantine(ApiType):
    """Why this revision must not get traffic. Remove it to release the revision."""

    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    by: Annotated[str | None, Field(max_length=256)] = None
    time: Timestamp | None = None


class Order(ApiType):
    """What a person asked for: who, when and why."""

    reason: Text = ""
    by: Annotated[str | None, Field(max_length=256)] = None
    time: Timestamp | None = None


class Approval(Order):
    """Somebody lets the rollout go on after a step."""

    step: Annotated[int, Field(ge=1, le=20)]


class RolloutOrders(ApiType):
    """What people asked for in the rollout of this revision. Cleared when the rollout ends."""

    paused: Annotated[Order | None, Field(description="Stay at the weight it has.")] = None
    aborted: Annotated[
        Order | None,
        Field(description="Weight 0, without a quarantine. Remove it to start at step one."),
    ] = None
    promote: Annotated[
        Order | None, Field(description="Promote as soon as it is ready, whatever steps are left.")
    ] = None
    approvals: Annotated[list[Approval], Field(max_length=20)] = []


class Restore(Order):
    """Make this revision stable again: it is scaled up first, and takes over once it is ready."""

    quarantine: Annotated[
        list[ObjectName],
        Field(
            max_length=RESTORE_MARKS,
            description="Revisions that are quarantined when it takes over. The one that was "
            "stable is added if the manifest still asks for it: it would come back at once.",
        ),
    ] = []


class ModelRevisionSpec(ApiType):
    """Pinned together: model, server, configuration and the pod template they were rendered to."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(oldSelf.observed)"
                " || (has(self.observed) && self.observed == oldSelf.observed)",
                "observed is written once: a revision always serves the bytes it served first",
            ),
        )
    )

    model_deployment_name: Annotated[
        str, Field(min_length=1, max_length=45, json_schema_extra=_IMMUTABLE)
    ]
    content: RevisionContent
    pod_template: Annotated[
        dict[str, Any],
        Field(
            description="The rendered pod template. Never rendered again, so no upgrade of the "
            "operator can change it.",
            json_schema_extra=FREE_FORM | _IMMUTABLE,
        ),
    ]
    observed: ObservedModel | None = None
    promotions: Annotated[list[Promotion], Field(max_length=10)] = []
    quarantine: Quarantine | None = None
    released: Annotated[
        Order | None, Field(description="Who lifted its last quarantine, when and why.")
    ] = None
    rollout: RolloutOrders | None = None
    restore: Restore | None = None


class ModelRevisionStatus(ApiType):
    """What was observed."""

    observed_generation: Annotated[int, Field(ge=0, le=2**53)] = 0
    conditions: Conditions = []
    role: Role | None = None
    warmth: Annotated[
        Warmth | None,
        Field(
            description="`warm`: its pods run. `cold`: they would have to be started. "
            "`unrestorable`: the last start failed; message says why.",
        ),
    ] = None
    replicas: Annotated[int, Field(ge=0, le=100000)] = 0
    ready_replicas: Annotated[int, Field(ge=0, le=100000)] = 0
    weight: Annotated[float, Field(ge=0, le=100)] = 0
    message: Text = ""
    analysis: Analysis | None = None
    evaluations: Annotated[
        list[EvaluationRecord], Field(max_length=10, description="The last ones, newest last.")
    ] = []


class ModelRevision(ApiType):
    """One immutable version of a model together with everything that serves it."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.metadata.name.startsWith(self.spec.modelDeploymentName + '-')",
                "metadata.name must start with spec.modelDeploymentName and '-'",
            ),
        )
    )

    spec: ModelRevisionSpec
    status: ModelRevisionStatus | None = None
