"""Reading objects without a process for each look: a test that waits looks ten times a second."""

import functools
import json
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient

_OURS = "apis/serving.lockstep.dev/v1alpha1"
_KINDS = {
    "md": (_OURS, "modeldeployments"),
    "mrev": (_OURS, "modelrevisions"),
    "deployment": ("apis/apps/v1", "deployments"),
    "service": ("api/v1", "services"),
    **{
        plural: (group, plural)
        for group, plurals in (
            ("api/v1", ("configmaps", "events", "pods", "services")),
            ("apis/apps/v1", ("deployments", "replicasets")),
            ("apis/policy/v1", ("poddisruptionbudgets",)),
        )
        for plural in plurals
    },
}


class Reader:
    """An API server, with the credentials of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api: ApiClient = config.new_client_from_config(str(kubeconfig))

    def find(self, namespace: str, kind: str, name: str) -> dict[str, Any] | None:
        """Return an object, None when there is none."""
        return self._read(namespace, kind, f"/{name}")

    def select(
        self, namespace: str, kinds: str, labels: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        """Return all objects of some kinds, as `kubectl get a,b` does."""
        query = [("labelSelector", labels), ("fieldSelector", fields)]
        lists = [self._read(namespace, kind, "", query) for kind in kinds.split(",")]
        return [item for one in lists if one for item in _items(one)]

    def _read(
        self, namespace: str, kind: str, name: str, query: list[tuple[str, str]] | None = None
    ) -> dict[str, Any] | None:
        group, plural = _KINDS[kind]
        request = self._api.param_serialize(
            "GET",
            f"/{group}/namespaces/{namespace}/{plural}{name}",
            query_params=query or [],
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        answer = self._api.call_api(*request, _request_timeout=30)
        body = json.loads(answer.read())
        if name and answer.status == 404:
            return None
        assert answer.status == 200, body
        return dict(body)


def _items(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Items of a list need not say what they are."""
    what = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
    return [what | item for item in found["items"]]


@functools.cache
def reader(kubeconfig: Path) -> Reader:
    """Return the one reader of a kubeconfig."""
    return Reader(kubeconfig)
