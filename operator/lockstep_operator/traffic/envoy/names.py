"""Names, labels, ports and paths that the router's objects share."""

from lockstep_operator.api.group import COMPONENT_LABEL, GROUP, MANAGED_BY, MANAGED_BY_LABEL

ROUTER = "lockstep-router"

ROUTER_LABELS = {MANAGED_BY_LABEL: MANAGED_BY, COMPONENT_LABEL: "router"}

BOOTSTRAP_ANNOTATION = f"{GROUP}/router-bootstrap"
RESTART_ANNOTATION = f"{GROUP}/router-restart"
CONFIG_ANNOTATION = f"{GROUP}/router-config"
NUDGED_ANNOTATION = f"{GROUP}/router-config-nudged"

CONFIG_DIR = "/etc/lockstep/router"
ADMIN_DIR = "/var/run/lockstep"
ADMIN_SOCKET = f"{ADMIN_DIR}/admin.sock"

# The kubelet links a new key beside `..data` only after it has swapped `..data`; Envoy, woken by
# the swap, would not find a new route file there. In `..data` itself all files come at once.
DATA_DIR = f"{CONFIG_DIR}/..data"

BOOTSTRAP_FILE = "bootstrap.yaml"
LISTENERS_FILE = "lds.yaml"
CLUSTERS_FILE = "cds.yaml"

LISTEN_ADDRESS = "0.0.0.0"  # noqa: S104  # a router is there to be reached from other pods
STATS_PORT = 15020
READY_PORT = 15021
READY_PATH = "/ready"
FIRST_PORT = 20_000
LAST_PORT = 29_999

# Names that no ModelDeployment or ModelRevision can have: an underscore is no DNS label.
READY_LISTENER = "_ready"
STATS_LISTENER = "_stats"
ADMIN_CLUSTER = "_admin"


# Set by the router on every request, whatever the client sent in them. The second is the same on a
# mirrored copy, and unlike `x-request-id` no client can repeat it.
ASSIGNMENT_HEADER = "x-lockstep-assignment"
REQUEST_ID_HEADER = "x-lockstep-request-id"

# Key of what we keep in the `filter_metadata` of a resource.
METADATA = "lockstep"

# Of the Service's second port; clients of gRPC expect one, though the first takes it too.
GRPC_SERVICE_PORT = 8001

_MIRROR, _MATCH, _GRPC = "mirror_", "match_", "grpc_"


def mirror_cluster(revision: str) -> str:
    """Return the name of the cluster that a revision's mirrored requests go to."""
    return f"{_MIRROR}{revision}"


def match_cluster(revision: str) -> str:
    """Return the name of the cluster that requests go to which a match assigned to a revision."""
    return f"{_MATCH}{revision}"


def grpc_cluster(cluster: str) -> str:
    """Return the name of the cluster for those of a cluster's requests that are gRPC."""
    return f"{_GRPC}{cluster}"


def is_grpc(cluster: str) -> bool:
    """Whether it gets gRPC only."""
    return cluster.startswith(_GRPC)


def is_mirror(cluster: str) -> bool:
    """Whether it gets copies only."""
    return cluster.startswith(_MIRROR)


def is_split(cluster: str) -> bool:
    """Whether it is a revision's own cluster, not one of mirror, matches or gRPC."""
    return revision_of(cluster) == cluster


def revision_of(cluster: str) -> str:
    """Return the revision whose pods a cluster has; the split's cluster has the same name."""
    return cluster.removeprefix(_GRPC).removeprefix(_MIRROR).removeprefix(_MATCH)


def route_file(deployment: str) -> str:
    """Return the ConfigMap key of one ModelDeployment's route file."""
    return f"route-{deployment}.yaml"
