"""The ModelRevision: created once, its content and pod template never written again."""

from lockstep_operator.api.content import Content
from lockstep_operator.api.group import API_VERSION, MODEL_REVISION
from lockstep_operator.core.content import NormalContent
from lockstep_operator.core.manifests.podtemplate import render_pod_template
from lockstep_operator.core.names import revision_labels
from lockstep_operator.core.plan import Defaults, Manifest


def build_revision(
    deployment: Manifest, name: str, content: NormalContent, defaults: Defaults
) -> Manifest:
    """Return the ModelRevision of this content, with the pod template resolved here and now.

    It has no owner: what was promoted and what was quarantined is found again by name when a
    ModelDeployment is deleted and created again.
    """
    metadata = deployment["metadata"]
    typed = Content.model_validate(deployment["spec"])
    template = render_pod_template(metadata["name"], name, typed, defaults)
    return {
        "apiVersion": API_VERSION,
        "kind": MODEL_REVISION,
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": revision_labels(metadata["name"]),
        },
        "spec": {
            "modelDeploymentName": metadata["name"],
            "content": content,
            "podTemplate": template,
        },
    }
