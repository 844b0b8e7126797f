"""The router's pods."""

from typing import Any
from zlib import crc32

from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.settings import RouterSettings

Manifest = dict[str, Any]

# How long a removed listener keeps its connections, and its inotify instance (see `settings`).
LISTENER_DRAIN_SECONDS = 60
# Between SIGTERM, which Envoy obeys at once, and SIGKILL.
EXIT_SECONDS = 15


def pod_template(
    settings: RouterSettings, namespace: str, bootstrap_version: str, restart: str | None = None
) -> Manifest:
    """Return the pod template; another bootstrap, or value of `restart`, restarts the pods."""
    user = _user(namespace)
    annotations = {names.BOOTSTRAP_ANNOTATION: bootstrap_version}
    if restart is not None:
        annotations[names.RESTART_ANNOTATION] = restart
    return {
        "metadata": {
            "labels": dict(names.ROUTER_LABELS),
            "annotations": annotations,
        },
        "spec": {
            "containers": [_container(settings)],
            "volumes": [
                {"name": "config", "configMap": {"name": names.ROUTER}},
                {"name": "admin", "emptyDir": {}},
            ],
            "topologySpreadConstraints": [
                _spread("kubernetes.io/hostname"),
                _spread("topology.kubernetes.io/zone"),
            ],
            "terminationGracePeriodSeconds": settings.drain_seconds + EXIT_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }


def _user(namespace: str) -> int:
    """Return a user of the namespace's own: Linux counts inotify instances per user and node.

    Below 65536, which is all that a cluster in rootless containers has.
    """
    return 20_000 + crc32(namespace.encode()) % 40_000


def _container(settings: RouterSettings) -> Manifest:
    return {
        "name": "envoy",
        "image": settings.image,
        "command": ["envoy"],
        "args": [
            *("-c", f"{names.CONFIG_DIR}/{names.BOOTSTRAP_FILE}"),
            *("--service-node", "$(POD_NAME)"),
            *("--service-cluster", names.ROUTER),
            *("--concurrency", str(settings.cpu)),
            *("--drain-time-s", str(LISTENER_DRAIN_SECONDS)),
            *("--log-level", "warning"),
        ],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [
            {"name": "stats", "containerPort": names.STATS_PORT, "protocol": "TCP"},
            {"name": "ready", "containerPort": names.READY_PORT, "protocol": "TCP"},
        ],
        "resources": {
            "requests": {"cpu": settings.cpu_request, "memory": settings.memory_request},
            "limits": {"cpu": str(settings.cpu), "memory": settings.memory_limit},
        },
        **_probes(),
        # Time to leave the Services, and for open connections to end (see `connections`).
        "lifecycle": {"preStop": {"sleep": {"seconds": settings.drain_seconds}}},
        "volumeMounts": [
            {"name": "config", "mountPath": names.CONFIG_DIR, "readOnly": True},
            {"name": "admin", "mountPath": names.ADMIN_DIR},
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _probes() -> Manifest:
    return {
        "readinessProbe": {
            "httpGet": {"path": names.READY_PATH, "port": names.READY_PORT},
            "periodSeconds": 2,
            "timeoutSeconds": 2,
            "failureThreshold": 3,
        },
        # Through the admin interface: it asks Envoy's main thread, not only a worker. Slow, so
        # that neither a starved node nor a slow start (DNS) ends a router that serves.
        "livenessProbe": {
            "httpGet": {"path": "/stats?filter=server.live", "port": names.STATS_PORT},
            "initialDelaySeconds": 30,
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
    }


def _spread(key: str) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(names.ROUTER_LABELS)},
    }
