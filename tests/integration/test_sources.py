"""Models from a bucket with credentials, and from a registry whose tag moves."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from runtime.object_server import Objects, serving
from runtime.registry_server import RegistryState, registry

KEYS = {"AWS_ACCESS_KEY_ID": "an-access-key", "AWS_SECRET_ACCESS_KEY": "a-secret-key-of-s3"}


def deployment(models: ModelStore, model: dict[str, Any], **spec: Any) -> dict[str, Any]:
    manifest = models.deployment("wine", "v1", **spec)
    manifest["spec"]["model"] = {"format": "sklearn", **model}
    return manifest


def push(state: RegistryState, tag: str, model: Path) -> str:
    """Store a model of one file as an artifact; return the manifest's digest."""
    data = model.read_bytes()
    layer = "sha256:" + hashlib.sha256(data).hexdigest()
    state.blobs[layer] = data
    descriptor = {
        "mediaType": "application/octet-stream",
        "digest": layer,
        "size": len(data),
        "annotations": {"org.opencontainers.image.title": model.name},
    }
    manifest = json.dumps({"schemaVersion": 2, "layers": [descriptor]}).encode()
    digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
    stored = ("application/vnd.oci.image.manifest.v1+json", manifest)
    state.manifests |= {tag: stored, digest: stored}
    return digest


def test_a_bucket_with_credentials(cluster: Cluster, models: ModelStore) -> None:
    data = {name: base64.b64encode(value.encode()).decode() for name, value in KEYS.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bucket"}, "data": data}
    cluster.apply(secret)
    bytes_ = (models.folder / "v1" / "model.skops").read_bytes()
    with serving(Objects({"wine/1/model.skops": bytes_})) as bucket:
        env = [{"name": "AWS_ENDPOINT_URL", "value": bucket.url}]
        model = {"uri": "s3://models/wine/1/model.skops", "credentialsSecret": "bucket"}
        cluster.apply(deployment(models, model, runtime={"env": env}))
        cluster.wait_ready("wine")
    signed = "AWS4-HMAC-SHA256 Credential=an-access-key/"
    assert all((sent or "").startswith(signed) for sent in bucket.authorizations)
    revision = cluster.get("mrev", cluster.status("wine")["stableRevision"])
    observed = {"digest": f"sha256:{models.sha256('v1/model.skops')}"}
    assert revision["spec"]["observed"] == observed
    spec = revision["spec"]["podTemplate"]["spec"]
    assert spec["initContainers"][0]["envFrom"] == [{"secretRef": {"name": "bucket"}}]
    assert "envFrom" not in spec["containers"][0]


def test_a_tag_moves_and_the_revision_does_not(cluster: Cluster, models: ModelStore) -> None:
    with registry() as state:
        first = push(state, "v1", models.folder / "v1" / "model.skops")
        uri = f"oci://{state.host}/models/wine:v1"
        cluster.apply(deployment(models, {"uri": uri}))
        cluster.wait_condition("wine", "Stalled", "True", "FetchFailed")
        cluster.apply(deployment(models, {"uri": uri, "allowMutable": True}))
        cluster.wait_ready("wine")
        name = cluster.status("wine")["stableRevision"]
        observed = cluster.get("mrev", name)["spec"]["observed"]
        assert observed == {
            "digest": f"sha256:{models.sha256('v1/model.skops')}",
            "version": first,
        }
        push(state, "v1", models.folder / "v2" / "model.skops")
        state.asked.clear()
        cluster.apply(deployment(models, {"uri": uri, "allowMutable": True}, replicas=2))
        wait_for("two pods", lambda: cluster.get("mrev", name)["status"]["readyReplicas"] == 2)
    assert cluster.status("wine")["stableRevision"] == name
    assert [path for path in state.asked if "/manifests/" in path] == [
        f"/v2/models/wine/manifests/{first}"
    ]
