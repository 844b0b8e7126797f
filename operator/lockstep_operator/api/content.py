"""What a revision is made of: everything in a manifest that can change an answer or its cost."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from lockstep_operator.api.base import FREE_FORM, ApiType, ObjectName, Quantity, cel

_SCHEMES = r"self.matches('^(file|https?|pvc)://[^\\s]+$')"
_ENV_NAME = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"


class ContentType(ApiType):
    """A part of the content: fields of another build are kept, so that equality can see them."""

    model_config = ConfigDict(extra="allow")


class Model(ContentType):
    """The model: where its bytes are and what they are."""

    uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            description="Where the model is: file:///path, http(s)://host/path or pvc://claim/path.",
            json_schema_extra=cel(
                (
                    _SCHEMES,
                    "must start with file://, http://, https:// or pvc:// and hold no blanks",
                ),
            ),
        ),
    ]
    format: Annotated[Literal["sklearn"], Field(description="The framework that loads the model.")]
    sha256: Annotated[
        str | None,
        Field(
            min_length=64,
            max_length=64,
            pattern="^[0-9a-f]{64}$",
            description="SHA-256 of the model's bytes in lower-case hex, "
            "checked before anything is loaded.",
        ),
    ] = None
    trust: Annotated[
        Literal["none", "pickle"],
        Field(
            description="`pickle` allows formats that run code from the model file when they are "
            "loaded (.pkl, .joblib). Only for files you trust as you trust your own code.",
        ),
    ] = "none"


class SecretKeyRef(ApiType):
    """A key of a Secret in the same namespace; read by the pod, never by the operator."""

    name: ObjectName
    key: ObjectName
    optional: bool | None = None


class EnvVarSource(ApiType):
    """Where an environment variable's value comes from."""

    secret_key_ref: SecretKeyRef


class EnvVar(ContentType):
    """An environment variable of the model server."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("!(has(self.value) && has(self.valueFrom))", "set value or valueFrom, not both"),
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=253, pattern=_ENV_NAME)]
    value: Annotated[str | None, Field(max_length=4096)] = None
    value_from: EnvVarSource | None = None


ResourceMap = Annotated[dict[str, Quantity], Field(max_length=16)]


class Resources(ContentType):
    """Compute resources of the model server, as in a container."""

    requests: ResourceMap | None = None
    limits: ResourceMap | None = None


class Runtime(ContentType):
    """The server that runs the model."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.type) || self.type != 'Custom' || has(self.image)",
                "runtime.type Custom needs an image",
            ),
        )
    )

    type: Annotated[
        Literal["Lockstep", "Custom"],
        Field(
            description="`Lockstep`: our model server. `Custom`: the image is a server of your "
            "own, started as it is; it finds the model in /mnt/lockstep/model and listens on "
            "port 8080. Command, arguments and probes come from podTemplate.",
        ),
    ] = "Lockstep"
    image: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1024,
            description="Image of the model server; the operator's own default when absent. "
            "Resolved once, when the revision is made.",
        ),
    ] = None
    env: Annotated[
        list[EnvVar],
        Field(
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = []
    resources: Resources | None = None
    service_account_name: ObjectName | None = None
    pod_template: Annotated[
        dict[str, Any] | None,
        Field(
            description="Overlay merged into the model server's pod template: maps are merged, "
            "lists of named items are merged by name, everything else is replaced.",
            json_schema_extra=FREE_FORM,
        ),
    ] = None


class Content(ContentType):
    """The content of a revision, normalised: fields equal to their default are absent."""

    model: Model
    runtime: Runtime = Runtime()
