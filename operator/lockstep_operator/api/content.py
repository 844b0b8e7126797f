"""What a revision is made of: everything in a manifest that can change an answer or its cost."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from lockstep_operator.api.base import FREE_FORM, ApiType, ObjectName, Quantity, cel
from lockstep_operator.api.input_schema import InputSchema

_SCHEMES = r"self.matches('^(file|pvc|https?|s3|gs|az|hf|oci|mlflow)://[^\\s]+$')"
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
            description="Where the model is: file:///path, pvc://claim/path, http(s)://host/path, "
            "s3://, gs:// or az://bucket/path, hf://org/repository@revision[/path], "
            "oci://registry/repository:tag or …@sha256:…, mlflow://name/version or …@alias. "
            "A file, an archive of a folder (.tar, .tar.gz, .tgz, .zip), or, but for http, a "
            "folder.",
            json_schema_extra=cel(
                (
                    _SCHEMES,
                    "must start with file://, pvc://, http://, https://, s3://, gs://, az://, "
                    "hf://, oci:// or mlflow:// and hold no blanks",
                ),
            ),
        ),
    ]
    format: Annotated[
        Literal["sklearn", "xgboost", "lightgbm", "onnx", "pytorch", "mlflow", "python"],
        Field(description="The framework that loads the model; `python`: a class of your own."),
    ]
    sha256: Annotated[
        str | None,
        Field(
            min_length=64,
            max_length=64,
            pattern="^[0-9a-f]{64}$",
            description="SHA-256 of the model's bytes in lower-case hex, "
            "checked before anything is loaded: of the file or archive, or of the folder's list.",
        ),
    ] = None
    allow_mutable: Annotated[
        bool,
        Field(
            description="Accept a URI that may stand for other bytes tomorrow: a tag, branch or "
            "alias. This revision stays with what its first pod found; what it stands for later "
            "is no new revision by itself. Not needed where sha256 is set.",
        ),
    ] = False
    credentials_secret: Annotated[
        ObjectName | None,
        Field(
            description="A Secret in the same namespace. All its keys become environment variables "
            "of the container that fetches the model, and of no other. Never read by the operator; "
            "new values are no new revision.",
        ),
    ] = None
    trust: Annotated[
        Literal["none", "pickle", "code"],
        Field(
            description="`pickle` allows formats that run code from the model file when they are "
            "loaded (.pkl, .joblib), `code` the same, and is the word for formats `python` and "
            "`pytorch`. Only for files you trust as you trust your own code.",
        ),
    ] = "none"
    input_schema: Annotated[
        InputSchema | None,
        Field(description="What values the features may have; checked for each request."),
    ] = None


class Batching(ContentType):
    """How waiting requests are computed together; nobody waits for company by default."""

    max_size: Annotated[
        int, Field(ge=1, le=65536, description="Most rows that requests are joined to.")
    ] = 64
    max_delay_milliseconds: Annotated[
        int, Field(ge=0, le=10000, description="Time a request may wait for others to join it.")
    ] = 0
    max_queue: Annotated[
        int, Field(ge=1, le=100000, description="Requests that may wait; one more gets 429.")
    ] = 1000


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
                "!has(self.type) || self.type != 'Custom' || !has(self.batching)",
                "runtime.batching is for Lockstep's own model server, not for type Custom",
            ),
            (
                "!has(self.type) || self.type != 'Custom' || has(self.image)",
                "runtime.type Custom needs an image",
            ),
            (
                "has(self.type) && self.type == 'Custom'"
                " || !has(self.port) && !has(self.healthPath)",
                "runtime.port and runtime.healthPath are for type Custom: Lockstep's own model "
                "server has its own",
            ),
        )
    )

    type: Annotated[
        Literal["Lockstep", "Custom"],
        Field(
            description="`Lockstep`: our model server. `Custom`: the image is a server of your "
            "own (Triton, vLLM, …), started as it is; it finds the model in /mnt/lockstep/model "
            "and listens on `port`. Command, arguments and other probes come from podTemplate.",
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
    port: Annotated[
        int | None,
        Field(
            ge=1,
            le=65535,
            description="Where a `Custom` server listens for HTTP; 8080 when absent.",
        ),
    ] = None
    health_path: Annotated[
        str | None,
        Field(
            max_length=256,
            pattern=r"^/[\x21-\x7e]*$",
            description="Path of a `Custom` server that answers 200 when it can take requests; its "
            "probes and the router ask it. `/v2/health/ready` when absent.",
        ),
    ] = None
    grpc: Annotated[
        bool,
        Field(
            description="Offer the Open Inference Protocol over gRPC too, on the same Service: its "
            "port `grpc`, and also port 80. A `Custom` server must listen on port 8082 for it.",
        ),
    ] = False
    batching: Batching | None = None
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
