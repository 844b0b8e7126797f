"""Names of the API group, its kinds, and the labels that the operator's objects carry."""

GROUP = "serving.lockstep.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MODEL_DEPLOYMENT = "ModelDeployment"
MODEL_REVISION = "ModelRevision"

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "lockstep"
COMPONENT_LABEL = "app.kubernetes.io/component"
DEPLOYMENT_LABEL = f"{GROUP}/model-deployment"
ORPHANED_ANNOTATION = f"{GROUP}/orphaned-at"  # on tombstones: since when their deployment is gone
REVISION_LABEL = f"{GROUP}/revision"
