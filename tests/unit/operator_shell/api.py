"""An API server in memory, with the interface of the shell's client."""

import copy
from collections.abc import Callable
from typing import Any

from lockstep_operator.core.errors import Conflict, NotFound
from lockstep_operator.shell.kinds import KINDS
from lockstep_operator.shell.store import Manifest


def merged(target: Any, patch: Any) -> Any:
    """JSON merge patch, RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Api:
    """Objects with uid and resourceVersion, a list of what was asked, and planned failures."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.calls: list[str] = []
        self.failures: dict[str, list[Exception]] = {}
        self.normalise: Callable[[Manifest], Manifest] = lambda manifest: manifest
        self._version = 100

    def seed(self, manifest: Manifest) -> Manifest:
        """Put an object there as somebody else would."""
        self._version += 1
        known = self.objects.get(_key(manifest), {"metadata": {}})["metadata"]
        uid = known.get("uid", f"uid-{self._version}")
        stored = copy.deepcopy(manifest)
        stored["metadata"] = {"uid": uid} | stored["metadata"]
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[_key(manifest)] = stored
        return copy.deepcopy(stored)

    def fail(self, verb: str, kind: str, error: Exception) -> None:
        """Have the next such call fail."""
        self.failures.setdefault(f"{verb} {kind}", []).append(error)

    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith(("get", "list"))]

    async def get(self, kind: str, namespace: str, name: str) -> Manifest:
        self._called("get", kind, name)
        return copy.deepcopy(self._find(kind, namespace, name))

    async def list(self, kind: str) -> tuple[list[Manifest], int]:
        self._called("list", kind, "")
        selector = KINDS[kind].selector
        found = [one for one in self.objects.values() if one["kind"] == kind]
        if selector:
            found = [one for one in found if _matches(one, selector)]
        return copy.deepcopy(found), self._version

    async def create(self, manifest: Manifest) -> Manifest:
        self._called("create", manifest["kind"], manifest["metadata"]["name"])
        if _key(manifest) in self.objects:
            raise Conflict("already exists", 409, "AlreadyExists")
        return self.seed(manifest)

    async def apply(self, manifest: Manifest) -> Manifest:
        self._called("apply", manifest["kind"], manifest["metadata"]["name"])
        live = self.objects.get(_key(manifest))
        self._check(manifest["metadata"], live)
        return self.seed(self.normalise(merged(live or {}, manifest)))

    async def patch(
        self, kind: str, namespace: str, name: str, body: Manifest, *, subresource: str = ""
    ) -> Manifest:
        self._called("patch", f"{kind}/{subresource}" if subresource else kind, name)
        live = self._find(kind, namespace, name)
        self._check(body.get("metadata", {}), live)
        return self.seed(merged(live, body))

    async def replace(self, manifest: Manifest) -> Manifest:
        self._called("replace", manifest["kind"], manifest["metadata"]["name"])
        self._check(manifest["metadata"], self._find(*_key(manifest)))
        return self.seed(manifest)

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> Manifest:
        self._called("delete", kind, name)
        live = self._find(kind, namespace, name)
        self._check({"uid": uid}, live)
        del self.objects[(kind, namespace, name)]
        return {}

    def _called(self, verb: str, kind: str, name: str) -> None:
        self.calls.append(f"{verb} {kind} {name}".rstrip())
        failures = self.failures.get(f"{verb} {kind}")
        if failures:
            raise failures.pop(0)

    def _find(self, kind: str, namespace: str, name: str) -> Manifest:
        try:
            return self.objects[(kind, namespace, name)]
        except KeyError:
            raise NotFound(f"{kind} {name!r} not found", 404, "NotFound") from None

    def _check(self, asked: Manifest, live: Manifest | None) -> None:
        for field in ("uid", "resourceVersion"):
            if field in asked and (live is None or live["metadata"][field] != asked[field]):
                raise Conflict(f"{field} differs", 409, "Conflict")


def _key(manifest: Manifest) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["namespace"], metadata["name"]


def _matches(manifest: Manifest, selector: str) -> bool:
    key, _, value = selector.partition("=")
    return manifest["metadata"].get("labels", {}).get(key) == value
