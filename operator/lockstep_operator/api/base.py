"""The base of the API types, and the annotations that the CRD generator reads."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class ApiType(BaseModel):
    """A typed part of an API object: camelCase in manifests, unknown fields ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    def manifest(self) -> dict[str, Any]:
        """Return the plain form for a manifest: camelCase names, absent rather than null."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """Return schema extras for CEL rules given as (expression, message for the user)."""
    return {
        "x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]
    }


LONGER_THAN_ZERO = cel(("duration(self) > duration('0s')", "must be longer than 0s"))
TWO_DECIMALS = cel(
    (
        "double(int(self * 100.0 + 0.5)) / 100.0 == self",
        "must be a percentage with at most two decimals",
    ),
)
FREE_FORM: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}

Duration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=20,
        pattern=r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$",
        description="Hours, minutes and seconds, such as `90s`, `5m` or `1h30m`.",
    ),
]
ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
Text = Annotated[str, Field(max_length=1024)]
Timestamp = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
_QUANTITY = r"^\+?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)(m|k|[MGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?$"
Quantity = Annotated[
    int | str,
    Field(
        json_schema_extra={
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "maxLength": 64,
            "pattern": _QUANTITY,
        }
    ),
]
