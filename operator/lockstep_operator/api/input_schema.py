"""What values a model's features may have, as a manifest declares it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lockstep_operator.api.base import ApiType, cel

_BOUND = 1e15
_FEATURE = cel(
    (
        "!(has(self.min) && has(self.max)) || self.min <= self.max",
        "min must not be above max",
    ),
    (
        "!(has(self.min) || has(self.max)) || !has(self.type)"
        " || self.type in ['number', 'integer']",
        "min and max are for numbers and integers",
    ),
    (
        "!has(self.categories) || (has(self.type) && self.type == 'string')",
        "categories are for type string",
    ),
)


class Feature(ApiType):
    """One feature: a column of the table that the model takes, or an input by that name."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_FEATURE)

    name: Annotated[str, Field(min_length=1, max_length=253)]
    type: Literal["number", "integer", "string", "boolean"] = "number"
    min: Annotated[
        float | None, Field(ge=-_BOUND, le=_BOUND, description="Least value, included.")
    ] = None
    max: Annotated[
        float | None, Field(ge=-_BOUND, le=_BOUND, description="Greatest value, included.")
    ] = None
    categories: Annotated[
        list[Annotated[str, Field(max_length=253)]] | None,
        Field(min_length=1, max_length=256, description="The texts there are."),
    ] = None
    nullable: Annotated[bool, Field(description="A number may be missing.")] = False


class InputSchema(ApiType):
    """The features, in the order of the table's columns."""

    model_config = ConfigDict(extra="allow")

    mode: Annotated[
        Literal["enforce", "warn", "off"],
        Field(
            description="`enforce`: a request that breaks it gets 400, and the error names the "
            "feature. `warn`: it is counted and logged. `off`: nothing is checked.",
        ),
    ] = "enforce"
    features: Annotated[
        list[Feature],
        Field(
            min_length=1,
            max_length=256,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ]
