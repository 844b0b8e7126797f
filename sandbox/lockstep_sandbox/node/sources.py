"""What a pod's variables and volumes are filled from: ConfigMaps, Secrets, tokens, claims."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from pathlib import Path

from lockstep_sandbox.client import ApiError, Client, path_of
from lockstep_sandbox.objects import Obj, annotations_of, is_deleted

HOST_PATH = "sandbox.lockstep.dev/host-path"  # annotation of a claim: the folder that it stands for
_REFRESH = 0.8  # of a token's life


class MissingError(Exception):
    """Something that a pod refers to is not there (or not allowed); worded as kubelet does."""


@dataclass(frozen=True)
class _Token:
    text: str
    refresh_at: float  # monotonic


class Sources:
    """Reads with the kubelet's rights, each time afresh: callers decide how often."""

    def __init__(self, client: Client, claims: Path) -> None:
        self._client = client
        self._claims = claims
        self._tokens: dict[tuple[str, str, int], _Token] = {}

    @property
    def ca(self) -> str:
        """Return the certificate that the API server is known by."""
        return self._client.access.ca

    async def _read(self, kind: str, namespace: str, name: str, optional: bool) -> Obj | None:
        try:
            return await self._client.get(kind, namespace, name)
        except ApiError as error:
            if error.status != 404:
                raise MissingError(f"{kind.lower()} {name!r}: {error}") from error
            if optional:
                return None
            raise MissingError(f'{kind.lower()} "{name}" not found') from error

    async def config_map(
        self, namespace: str, name: str, optional: bool = False
    ) -> dict[str, bytes] | None:
        """Return a ConfigMap's data, None when it is absent and optional."""
        obj = await self._read("ConfigMap", namespace, name, optional)
        if obj is None:
            return None
        text = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
        binary = (obj.get("binaryData") or {}).items()
        return {**text, **{key: base64.b64decode(value) for key, value in binary}}

    async def secret(
        self, namespace: str, name: str, optional: bool = False
    ) -> dict[str, bytes] | None:
        """Return a Secret's data, None when it is absent and optional."""
        obj = await self._read("Secret", namespace, name, optional)
        if obj is None:
            return None
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}

    async def services(self, namespace: str) -> list[Obj]:
        """Return the Services of a namespace."""
        try:
            found = await self._client.request("GET", path_of("Service", namespace))
        except ApiError as error:
            raise MissingError(f"services: {error}") from error
        items: list[Obj] = found["items"]
        return items

    async def mounts_token(self, pod: Obj) -> bool:
        """Tell whether the pod, or else its service account, wants a token mounted."""
        own = pod["spec"].get("automountServiceAccountToken")
        if own is not None:
            return bool(own)
        namespace = pod["metadata"]["namespace"]
        account = await self._read("ServiceAccount", namespace, account_of(pod), True)
        return account is not None and account.get("automountServiceAccountToken") is not False

    async def token(self, pod: Obj, audience: str, seconds: int) -> str:
        """Return a token of the pod's service account, a new one when the last grows old."""
        meta = pod["metadata"]
        mark = (meta["uid"], audience, seconds)
        known = self._tokens.get(mark)
        if known is not None and time.monotonic() < known.refresh_at:
            return known.text
        bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        spec: Obj = {"expirationSeconds": seconds, "boundObjectRef": bound}
        spec["audiences"] = [audience] if audience else None
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        body["metadata"] = {"namespace": meta["namespace"]}
        try:
            answer = await self._client.create("ServiceAccount", body, account_of(pod), "token")
        except ApiError as error:
            raise MissingError(f"token of service account {account_of(pod)!r}: {error}") from error
        text = str(answer["status"]["token"])
        self._tokens[mark] = _Token(text, time.monotonic() + seconds * _REFRESH)
        return text

    async def claim(self, namespace: str, name: str) -> Path:
        """Return a PersistentVolumeClaim's folder: named by it, by its volume, or one of ours."""
        claim = await self._read("PersistentVolumeClaim", namespace, name, False)
        if claim is None or is_deleted(claim):
            raise MissingError(f'persistentvolumeclaim "{name}" not found')
        named = annotations_of(claim).get(HOST_PATH)
        volume = claim["spec"].get("volumeName")
        if not named and volume:
            backing = await self._read("PersistentVolume", "", volume, False)
            named = ((backing or {}).get("spec", {}).get("hostPath") or {}).get("path")
        folder = Path(named) if named else self._claims / namespace / name
        folder.mkdir(parents=True, exist_ok=True)
        if claim.get("status", {}).get("phase") != "Bound":
            await self._client.patch(
                "PersistentVolumeClaim", claim, {"status": {"phase": "Bound"}}, "status"
            )
        return folder

    def forget(self, pod: Obj) -> None:
        """Drop the tokens of a pod that is gone."""
        uid = pod["metadata"]["uid"]
        self._tokens = {mark: token for mark, token in self._tokens.items() if mark[0] != uid}


def account_of(pod: Obj) -> str:
    """Return the name of a pod's service account."""
    return str(pod["spec"].get("serviceAccountName") or "default")
