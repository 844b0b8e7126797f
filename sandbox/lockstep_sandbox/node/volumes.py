"""A pod's volumes: folders below the pod's own, filled from their sources on each sync."""

from __future__ import annotations

import shutil
from pathlib import Path

from lockstep_sandbox.node import atomic, downward
from lockstep_sandbox.node.atomic import File
from lockstep_sandbox.node.rewrite import Rewriter
from lockstep_sandbox.node.sources import MissingError, Sources
from lockstep_sandbox.objects import Obj

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 (a path)
_TOKEN_SECONDS = 3607  # what the ServiceAccount admission plugin asks for
_PROJECTED = ("configMap", "secret", "downwardAPI", "projected")
_HOST_CHECKS = {"Directory": Path.is_dir, "File": Path.is_file, "Socket": Path.is_socket}

Files = dict[str, File]


class Volumes:
    """The volumes of one pod."""

    def __init__(self, folder: Path, sources: Sources) -> None:
        self._folder = folder
        self._sources = sources
        self._places: dict[str, Path] = {}

    def place(self, volume: str) -> Path:
        """Return the folder (or hostPath file) of a volume that was refreshed before."""
        if volume not in self._places:
            raise MissingError(f'no volume "{volume}" in the pod')
        return self._places[volume]

    async def refresh(self, pod: Obj, rewriter: Rewriter) -> None:
        """Fill every volume from its source as it is now.

        Raises:
            MissingError: a source is missing; the volumes before it are filled.
        """
        for volume in pod["spec"].get("volumes") or ():
            name = volume["name"]
            try:
                self._places[name] = await self._fill(pod, volume, rewriter)
            except (OSError, ValueError, MissingError) as error:
                text = f'MountVolume.SetUp failed for volume "{name}" : {error}'
                raise MissingError(text) from error

    async def _fill(self, pod: Obj, volume: Obj, rewriter: Rewriter) -> Path:
        folder = self._folder / atomic.check_path(volume["name"])
        if "hostPath" in volume:
            return _host_path(volume["hostPath"])
        if "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"]
            return await self._sources.claim(pod["metadata"]["namespace"], claim)
        kind = next((each for each in _PROJECTED if each in volume), None)
        if kind is None and "emptyDir" not in volume:
            kinds = ", ".join(set(volume) - {"name"})
            raise MissingError(f"volumes of kind {kinds} are not in the sandbox")
        folder.mkdir(parents=True, exist_ok=True)
        if kind is not None:
            atomic.write(folder, await self._collect(pod, kind, volume[kind], rewriter))
        return folder

    async def _collect(self, pod: Obj, kind: str, source: Obj, rewriter: Rewriter) -> Files:
        mode = source.get("defaultMode")
        mode = 0o644 if mode is None else mode
        parts = source.get("sources") or [] if kind == "projected" else [{kind: source}]
        found: Files = {}
        for part in parts:
            found |= await self._part(pod, part, mode, rewriter)
        return found

    async def _part(self, pod: Obj, part: Obj, mode: int, rewriter: Rewriter) -> Files:
        namespace = pod["metadata"]["namespace"]
        (kind, source), *_ = part.items()
        optional = bool(source.get("optional"))
        match kind:
            case "configMap":
                data = await self._sources.config_map(namespace, source["name"], optional)
                files = {key: _rewritten(value, rewriter) for key, value in (data or {}).items()}
                return _choose(files, source, mode, optional)
            case "secret":
                name = source.get("secretName") or source.get("name")
                secret = await self._sources.secret(namespace, name, optional)
                return _choose(secret or {}, source, mode, optional)
            case "downwardAPI":
                return {
                    item["path"]: File(_own(pod, item).encode(), item.get("mode") or mode)
                    for item in source.get("items") or ()
                }
            case "serviceAccountToken":
                seconds = source.get("expirationSeconds") or 3600
                text = await self._sources.token(pod, source.get("audience") or "", seconds)
                return {source["path"]: File(text.encode(), mode)}
            case "sandboxCertificate":
                return {source["path"]: File(self._sources.ca.encode(), mode)}
            case _:
                raise MissingError(f"projected {kind} is not in the sandbox")


def token_volume() -> Obj:
    """Return the volume that the API server's admission adds to pods, for one that does not.

    The certificate comes from the kubelet's own kubeconfig, as there may be no kube-root-ca.crt.
    """
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
        {"sandboxCertificate": {"path": "ca.crt"}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": "kube-api-access", "projected": {"sources": sources}}


def mount(root: Path, mounts: list[Obj], volumes: Volumes) -> None:
    """Put a container's mounts in place below `root`, as links; outer paths first.

    A subPath of a file is copied: as on a node, it never changes while the container runs.
    """
    for entry in sorted(mounts, key=lambda each: len(each["mountPath"])):
        target = Path(f"{root}{entry['mountPath'].rstrip('/')}")
        source = volumes.place(entry["name"])
        if entry.get("subPath"):
            source = source / atomic.check_path(entry["subPath"])
            if not source.exists():
                source.mkdir(parents=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and not target.is_symlink():
            target.rmdir()  # what is in a volume is not ours to remove
        target.unlink(missing_ok=True)
        if entry.get("subPath") and source.is_file():
            shutil.copy(source, target)
        else:
            target.symlink_to(source)


def _rewritten(content: bytes, rewriter: Rewriter) -> bytes:
    try:
        return rewriter(content.decode()).encode()
    except UnicodeDecodeError:
        return content


def _choose(data: dict[str, bytes], source: Obj, mode: int, optional: bool) -> Files:
    """Return all keys, or the `items` under the paths they ask for."""
    items = source.get("items")
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    found = {}
    for item in items:
        if item["key"] in data:
            found[item["path"]] = File(data[item["key"]], item.get("mode") or mode)
        elif not optional:
            raise MissingError(f"references non-existent config key: {item['key']}")
    return found


def _own(pod: Obj, item: Obj) -> str:
    if "fieldRef" in item:
        return downward.field(pod, item["fieldRef"]["fieldPath"])
    reference = item["resourceFieldRef"]
    containers = list(pod["spec"]["containers"])
    wanted = [each for each in containers if each["name"] == reference.get("containerName")]
    return downward.resource((wanted or containers)[0], reference)


def _host_path(source: Obj) -> Path:
    path, kind = Path(source["path"]), source.get("type") or ""
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        path.touch()
    elif kind in _HOST_CHECKS and not _HOST_CHECKS[kind](path):
        raise MissingError(f"hostPath type check failed: {path} is not a {kind.lower()}")
    elif not path.exists():
        path.mkdir(parents=True)
    return path
