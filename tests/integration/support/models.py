"""Manifests of real models, trained once and offered over HTTP."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.models import served, train


@dataclass(frozen=True)
class ModelStore:
    """A folder of model files and the URL that offers it."""

    folder: Path
    url: str

    def uri(self, path: str) -> str:
        """Return the URI of a file of the store."""
        return f"{self.url}/{path}"

    def sha256(self, path: str) -> str:
        """Return the digest of a file of the store."""
        return hashlib.sha256((self.folder / path).read_bytes()).hexdigest()

    def deployment(self, name: str, version: str, **spec: Any) -> dict[str, Any]:
        """Return a ModelDeployment of one version; `spec` is laid over its spec."""
        path = f"{version}/model.skops"
        model = {"uri": self.uri(path), "format": "sklearn", "sha256": self.sha256(path)}
        model |= spec.pop("model", {})
        rollout = {"steps": [{"weight": 10, "hold": "1h"}]}
        return {
            "apiVersion": "serving.lockstep.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {"model": model, "rollout": rollout, **spec},
        }


@contextmanager
def model_store(folder: Path) -> Iterator[ModelStore]:
    """Train versions v1 and v2 and offer them."""
    asyncio.run(train(folder))
    with served(folder) as url:
        yield ModelStore(folder, url)
