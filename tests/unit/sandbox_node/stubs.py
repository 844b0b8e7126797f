"""Stand-ins for what the node reads from an API server."""

from typing import Any, cast

from lockstep_sandbox.client import Client
from lockstep_sandbox.node.services import Services
from lockstep_sandbox.node.sources import MissingError, Sources
from lockstep_sandbox.objects import Key, Obj

Data = dict[str, dict[str, bytes]]


def pod(**spec: Any) -> Obj:
    return {
        "metadata": {
            "name": "p",
            "namespace": "ns",
            "uid": "0a1b2c3d-0000",
            "labels": {"app": "web"},
            "annotations": {"note": 'a "b"'},
            "resourceVersion": "1",
        },
        "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "n1", **spec},
        "status": {"podIP": "127.9.1.1", "hostIP": "127.9.0.1"},
    }


class StubSources(Sources):
    """ConfigMaps and Secrets from dicts."""

    def __init__(self, config_maps: Data | None = None, secrets: Data | None = None) -> None:
        self._maps, self._secrets = config_maps or {}, secrets or {}

    async def config_map(
        self, namespace: str, name: str, optional: bool = False
    ) -> dict[str, bytes] | None:
        return self._find(self._maps, "configmap", name, optional)

    async def secret(
        self, namespace: str, name: str, optional: bool = False
    ) -> dict[str, bytes] | None:
        return self._find(self._secrets, "secret", name, optional)

    async def token(self, pod: Obj, audience: str, seconds: int) -> str:
        return f"token for {audience or 'the API server'}"

    @staticmethod
    def _find(known: Data, kind: str, name: str, optional: bool) -> dict[str, bytes] | None:
        if name not in known and not optional:
            raise MissingError(f'{kind} "{name}" not found')
        return known.get(name)


class StubServices(Services):
    """Services by key, with the addresses of their endpoints."""

    def __init__(self, known: dict[Key, tuple[str, list[str]]]) -> None:
        super().__init__(cast(Client, None), 0.0)
        self.known = known

    def get(self, key: Key) -> Obj | None:
        if key not in self.known:
            return None
        return {"spec": {"clusterIP": self.known[key][0]}}

    def namespaces(self) -> set[str]:
        return {key[0] for key in self.known}

    def addresses(self, key: Key) -> list[str]:
        return self.known[key][1]
