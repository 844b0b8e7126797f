"""The pod template of a revision: rendered once, when the revision is made, and stored in it."""

import json
from typing import Any
from urllib.parse import urlsplit

from lockstep_operator.api.content import Batching, Content, Model, Runtime
from lockstep_operator.api.input_schema import InputSchema
from lockstep_operator.core.errors import InvalidSpec
from lockstep_operator.core.manifests.overlay import merged
from lockstep_operator.core.names import (
    GRPC_PORT,
    HEALTH_PATH,
    MODEL_PORT,
    TELEMETRY_PORT,
    model_labels,
    observed_name,
)
from lockstep_operator.core.plan import Defaults, Manifest
from lockstep_operator.core.routing import Endpoint

_ROOT = "/mnt/lockstep"
_MODEL_DIR = f"{_ROOT}/model"
_OBSERVED_DIR = f"{_ROOT}/observed"
_CLAIMS_DIR = f"{_ROOT}/pvc"
_TERMINATION_LOG = "/dev/termination-log"

# Long enough for the router's health checks to notice, well within the grace period.
_DRAIN_SECONDS = 5
_GRACE_SECONDS = 45
_LOAD_SECONDS = 600
_PROBE_SECONDS = 2


def render_pod_template(
    deployment: str, revision: str, content: Content, defaults: Defaults
) -> Manifest:
    """Return the pod template, the user's overlay merged in last."""
    template = {
        "metadata": {"labels": model_labels(deployment, revision)},
        "spec": _pod_spec(deployment, revision, content, defaults),
    }
    overlay = content.runtime.pod_template or {}
    _check(overlay)
    with_overlay: Manifest = merged(template, overlay)
    # The labels are how everything finds its pods; an overlay adds to them only.
    with_overlay["metadata"]["labels"] |= template["metadata"]["labels"]
    return with_overlay


def _check(overlay: dict[str, Any]) -> None:
    """The API server cannot check a free-form field; what would break the template is refused."""
    metadata = overlay.get("metadata", {})
    parts = {"metadata": metadata, "spec": overlay.get("spec", {})}
    if isinstance(metadata, dict):
        parts["metadata.labels"] = metadata.get("labels", {})
    for path, part in parts.items():
        if not isinstance(part, dict):
            raise InvalidSpec(f"spec.runtime.podTemplate.{path} must be a map")


def _pod_spec(
    deployment: str, revision: str, content: Content, defaults: Defaults
) -> dict[str, Any]:
    runtime = content.runtime
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [_fetch_container(content, defaults)],
        "containers": [
            _custom_container(content, defaults)
            if runtime.type == "Custom"
            else _model_container(deployment, revision, content, defaults)
        ],
        "volumes": _volumes(revision, content.model),
    }
    if runtime.service_account_name:
        spec["serviceAccountName"] = runtime.service_account_name
    return spec


def _fetch_container(content: Content, defaults: Defaults) -> dict[str, Any]:
    """It brings the bytes, checks them, and says their digest in its termination message."""
    command = ["lockstep-runtime", "fetch", "--model-uri", content.model.uri]
    command += ["--into", _MODEL_DIR, "--observed-dir", _OBSERVED_DIR]
    if content.model.sha256:
        command += ["--sha256", content.model.sha256]
    if _claim(content.model):
        command += ["--pvc-root", _CLAIMS_DIR]
    if content.model.allow_mutable:
        command += ["--allow-mutable"]
    ours = content.runtime
    if ours.type == "Custom":  # their image need not have our program
        ours = ours.model_copy(update={"image": None})
    container = _container("fetch", command, ours, defaults)
    if secret := content.model.credentials_secret:
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    return container | {"volumeMounts": _mounts(content.model, writable_model=True)}


def _model_container(
    deployment: str, revision: str, content: Content, defaults: Defaults
) -> dict[str, Any]:
    model = content.model
    command = ["lockstep-runtime", "serve", "--model-dir", _MODEL_DIR, "--format", model.format]
    command += ["--name", deployment, "--revision", revision]
    command += ["--host", "$(POD_IP)", "--port", str(MODEL_PORT)]
    command += ["--telemetry-port", str(TELEMETRY_PORT)]
    if content.runtime.grpc:
        command += ["--grpc-port", str(GRPC_PORT)]
    command += ["--drain-seconds", str(_DRAIN_SECONDS)]
    if model.trust != "none":
        command += ["--trust", model.trust]
    if model.input_schema:
        command += ["--schema", _json(model.input_schema)]
    command += _batching_flags(content.runtime.batching)
    ready, live = _http_probe(HEALTH_PATH), _http_probe("/v2/health/live")
    return _container("model", command, content.runtime, defaults) | {
        "ports": [
            _port("http", MODEL_PORT),
            _port("telemetry", TELEMETRY_PORT),
            *_grpc_port(content.runtime),
        ],
        "volumeMounts": _mounts(model, writable_model=False),
        "startupProbe": ready | {"periodSeconds": 1, "failureThreshold": _LOAD_SECONDS},
        "readinessProbe": ready | {"periodSeconds": 2, "failureThreshold": 3},
        "livenessProbe": live | {"periodSeconds": 10, "failureThreshold": 6},
    }


def _json(schema: InputSchema) -> str:
    found = schema.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    # Kubernetes expands $(NAME) in a command, and takes $$ for a dollar.
    return json.dumps(found, sort_keys=True, separators=(",", ":")).replace("$", "$$")


def _batching_flags(batching: Batching | None) -> list[str]:
    if batching is None:
        return []
    flags = ["--max-batch-rows", str(batching.max_size), "--max-queue", str(batching.max_queue)]
    if batching.max_delay_milliseconds:
        flags += ["--max-batch-delay", f"{batching.max_delay_milliseconds / 1000:g}"]
    return flags


def _custom_container(content: Content, defaults: Defaults) -> dict[str, Any]:
    """A server of the user's own, started as its image says; an overlay says more.

    The sleep lets the router notice that it leaves, whatever the server does on SIGTERM.
    """
    runtime = content.runtime
    endpoint = Endpoint.of(runtime.port, runtime.health_path)
    ready = _http_probe(endpoint.health_path, endpoint.port)
    container = _container("model", [], runtime, defaults)
    del container["command"]
    return container | {
        "ports": [_port("http", endpoint.port), *_grpc_port(runtime)],
        "volumeMounts": _mounts(content.model, writable_model=False),
        "startupProbe": ready | {"periodSeconds": 1, "failureThreshold": _LOAD_SECONDS},
        "readinessProbe": ready | {"periodSeconds": 2, "failureThreshold": 3},
        "lifecycle": {"preStop": {"sleep": {"seconds": _DRAIN_SECONDS}}},
    }


def _container(
    name: str, command: list[str], runtime: Runtime, defaults: Defaults
) -> dict[str, Any]:
    pod_ip = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    container = {
        "name": name,
        "image": runtime.image or defaults.runtime_image,
        "command": [*command, "--termination-log", _TERMINATION_LOG],
        "env": [pod_ip, *(variable.manifest() for variable in runtime.env)],
        "terminationMessagePath": _TERMINATION_LOG,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if runtime.resources:
        container["resources"] = runtime.resources.manifest()
    return container


def _port(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def _grpc_port(runtime: Runtime) -> list[dict[str, Any]]:
    return [_port("grpc", GRPC_PORT)] if runtime.grpc else []


def _http_probe(path: str, port: int = MODEL_PORT) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}, "timeoutSeconds": _PROBE_SECONDS}


def _claim(model: Model) -> str | None:
    parts = urlsplit(model.uri)
    return parts.netloc if parts.scheme == "pvc" else None


def _mounts(model: Model, *, writable_model: bool) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "model", "mountPath": _MODEL_DIR, "readOnly": not writable_model},
        {"name": "observed", "mountPath": _OBSERVED_DIR, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - an emptyDir of the pod's own
    ]
    if claim := _claim(model):
        mounts.append({"name": "claim", "mountPath": f"{_CLAIMS_DIR}/{claim}", "readOnly": True})
    return mounts


def _volumes(revision: str, model: Model) -> list[dict[str, Any]]:
    observed = {"name": observed_name(revision), "optional": True}
    volumes: list[dict[str, Any]] = [
        {"name": "model", "emptyDir": {}},
        {"name": "observed", "configMap": observed},
        {"name": "tmp", "emptyDir": {}},
    ]
    if claim := _claim(model):
        source = {"claimName": claim, "readOnly": True}
        volumes.append({"name": "claim", "persistentVolumeClaim": source})
    return volumes
