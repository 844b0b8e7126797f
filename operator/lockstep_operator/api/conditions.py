"""The conditions that the operator reports (kstatus conventions) and their schema."""

from typing import Annotated, Literal

from pydantic import Field

from lockstep_operator.api.base import ApiType, Timestamp

AVAILABLE = "Available"
READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
NAME_CONFLICT = "NameConflict"
LOADED = "Loaded"


class Condition(ApiType):
    """One observed aspect, as metav1.Condition."""

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    message: Annotated[str, Field(max_length=32768)]
    observed_generation: Annotated[int, Field(ge=0, le=2**53)] | None = None
    last_transition_time: Timestamp


Conditions = Annotated[
    list[Condition],
    Field(
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]
