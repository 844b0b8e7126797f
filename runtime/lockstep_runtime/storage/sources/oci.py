"""Models as OCI artifacts in a registry: `oci://REGISTRY/REPOSITORY:TAG` or `…@sha256:HEX`.

A layer is a file, called as its annotation says, or an archive of a folder. Manifests and layers
are checked against their digests. Protocol: OCI distribution specification 1.1, "Pull"; artifacts:
OCI image specification 1.1, as `oras push` writes them, and the CNCF model format specification.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.digest import is_digest
from lockstep_runtime.storage.redaction import redact
from lockstep_runtime.storage.registry import Registry, is_local
from lockstep_runtime.storage.source import Found, SourceFile, SourceOptions, Stream, Transient

_URI = re.compile(
    r"oci://(?P<registry>[-.:\[\]A-Za-z0-9]+)"
    r"/(?P<repository>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[-.\w]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_MANIFEST_BYTES = 4 << 20  # what registries take, by the specification
_EMPTY = "application/vnd.oci.empty.v1+json"
_PACKED_FOLDER = "application/vnd.oci.image.layer.v1.tar+gzip"
_TITLES = ("org.opencontainers.image.title", "org.cncf.model.filepath")
_UNPACK = "io.deis.oras.content.unpack"
_CNCF_PACKED = re.compile(r"application/vnd\.cncf\.model\..*\.tar(\+gzip)?")
_CHUNK = 64 << 10  # a broken connection loses the piece that was not full


def parse(uri: str, options: SourceOptions) -> "OciSource":
    """Take an oci URI apart.

    Raises:
        FetchFailure: it is malformed.
    """
    parts = _URI.fullmatch(uri)
    if parts is None:
        raise FetchFailure(
            f"model URI {redact(uri)!r}: it must be oci://REGISTRY/REPOSITORY:TAG or "
            "oci://REGISTRY/REPOSITORY@sha256:HEX"
        )
    host = parts["registry"]
    insecure = options.plain_http or is_local(host)
    registry = Registry(host, options.limits, insecure=insecure)
    reference = parts["digest"] or parts["tag"] or "latest"
    return OciSource(registry, parts["repository"], reference, uri)


@dataclass(frozen=True, slots=True)
class OciSource:
    """An artifact; `reference` is a tag or a digest."""

    registry: Registry
    repository: str
    reference: str
    display: str

    @property
    def moving(self) -> str | None:
        """The tag, if it is one."""
        return None if is_digest(self.reference) else f"the tag {self.reference!r}"

    def at(self, version: str) -> "OciSource":
        """Return the artifact with this digest."""
        return replace(self, reference=version)

    def find(self) -> Found:
        """Read the manifest.

        Raises:
            Transient, FetchFailure: see `Source.find`.
        """
        manifest, digest = self._manifest()
        if "manifests" in manifest:
            count = len(manifest["manifests"])
            raise FetchFailure(
                f"{self.display} is an index of {count} artifacts; name one by digest"
            )
        try:
            layers = [_Layer.of(number, layer) for number, layer in enumerate(manifest["layers"])]
        except (KeyError, TypeError, AttributeError) as error:
            raise FetchFailure(f"{self.display} is no OCI artifact: {error!r}") from error
        return self._found([layer for layer in layers if layer.media_type != _EMPTY], digest)

    def close(self) -> None:
        """Close all connections."""
        self.registry.close()

    def _found(self, layers: list["_Layer"], version: str) -> Found:
        files = tuple(
            SourceFile(
                layer.path,
                f"{layer.path} of {self.display}",
                partial(self._open, layer),
                layer.size,
                layer.digest,
            )
            for layer in layers
        )
        packed = frozenset(layer.path for layer in layers if layer.packed)
        single = len(layers) == 1
        return Found(
            files,
            directory=bool(packed) or not single,
            version=version,
            packed=packed,
            root=layers[0].folder if single else None,
        )

    def _manifest(self) -> tuple[dict[str, Any], str]:
        path = f"{self.repository}/manifests/{self.reference}"
        with self.registry.get(path, self.display, {"accept": ", ".join(_MANIFESTS)}) as response:
            body = b"".join(self._bounded(response.iter_content(_CHUNK)))
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if is_digest(self.reference) and digest != self.reference:
            raise FetchFailure(f"{self.display}: the registry sent another manifest, {digest}")
        try:
            manifest = json.loads(body)
            if not isinstance(manifest, dict):
                raise ValueError("no object")
        except ValueError as error:
            raise FetchFailure(f"{self.display}: its manifest is no JSON: {error}") from error
        return manifest, digest

    def _bounded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        left = _MANIFEST_BYTES
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise FetchFailure(f"{self.display}: its manifest is over {_MANIFEST_BYTES} bytes")
            yield chunk

    @contextmanager
    def _open(self, layer: "_Layer", offset: int, _mark: str | None) -> Iterator[Stream]:
        path = f"{self.repository}/blobs/{layer.digest}"
        headers = {"range": f"bytes={offset}-"} if offset else {}
        with self.registry.get(path, self.display, headers) as response:
            if response.status_code == 206:
                begin = response.headers.get("content-range", "").removeprefix("bytes ")
                if not begin.startswith(f"{offset}-"):
                    raise Transient("the registry sent another part than was asked for")
            else:
                offset = 0
            # A blob's digest is its name: whatever is here of it can be continued.
            yield Stream(response.iter_content(_CHUNK), offset, layer.size, layer.digest)


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer's descriptor; `folder`: where an archive of one folder unpacks to."""

    path: str
    digest: str
    size: int
    media_type: str
    packed: bool
    folder: str | None

    @classmethod
    def of(cls, number: int, layer: dict[str, Any]) -> "_Layer":
        media_type, digest, size = layer["mediaType"], layer["digest"], layer["size"]
        if not is_digest(digest) or not isinstance(size, int):
            raise FetchFailure(f"layer {number} has digest {digest!r} and size {size!r}")
        notes = layer.get("annotations") or {}
        title = next((notes[name] for name in _TITLES if name in notes), None)
        if title is None:
            packed = media_type.endswith((".tar", ".tar+gzip", ".tar.gzip"))
            if not packed and media_type != _EMPTY:
                raise FetchFailure(f"layer {number} ({media_type}) has no title, so no file name")
        else:
            packed = (
                notes.get(_UNPACK) == "true"
                or media_type == _PACKED_FOLDER
                or _CNCF_PACKED.fullmatch(media_type) is not None
            )
        path = f".layers/{number}.tar" if packed or title is None else title
        return cls(path, digest, size, media_type, packed, title if packed else None)
