"""Names, labels, ports and paths that the router's objects share."""

from lockstep_operator.api.group import COMPONENT_LABEL, GROUP, MANAGED_BY, MANAGED_BY_LABEL

ROUTER = "lockstep-router"

ROUTER_LABELS = {MANAGED_BY_LABEL: MANAGED_BY, COMPONENT_LABEL: "router"}

BOOTSTRAP_ANNOTATION = f"{GROUP}/router-bootstrap"
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


def route_file(deployment: str) -> str:
    """Return the ConfigMap key of one ModelDeployment's route file."""
    return f"route-{deployment}.yaml"
