"""Marks written straight to the API server, with the moment of the write taken around it."""

import base64
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

_MERGE = {"Content-Type": "application/merge-patch+json", "User-Agent": "kubectl/proofs"}


@dataclass(frozen=True)
class Written:
    """When a write was sent and when its answer was there, in seconds since the epoch."""

    sent: float
    answered: float


class Patcher:
    """Patches ModelRevisions without the start-up time of a command."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = kubeconfig.with_suffix(".ca.pem")
        authority.write_bytes(_decoded(cluster["certificate-authority-data"]))
        self._client = httpx.Client(
            base_url=cluster["server"],
            headers={"Authorization": f"Bearer {user['token']}", **_MERGE},
            verify=ssl.create_default_context(cafile=str(authority)),
            trust_env=False,
        )
        self._root = f"/apis/serving.lockstep.dev/v1alpha1/namespaces/{namespace}/modelrevisions"

    def quarantine(self, revision: str, reason: str) -> Written:
        """Quarantine a revision as `kubectl patch` does."""
        body: Any = {"spec": {"quarantine": {"reason": reason}}}
        sent = time.time()
        answer = self._client.patch(f"{self._root}/{revision}", json=body)
        while answer.status_code == 429:
            time.sleep(float(answer.headers.get("Retry-After", "1")))
            sent = time.time()
            answer = self._client.patch(f"{self._root}/{revision}", json=body)
        answer.raise_for_status()
        return Written(sent, time.time())

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text)
