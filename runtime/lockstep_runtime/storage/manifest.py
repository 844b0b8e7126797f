"""The record beside fetched bytes; its presence says that they are complete.

Layout of a model directory: `content/` (the file, or the tree), `manifest.json`, and perhaps
`golden.json` when the model is a single file (see `storage.golden`).
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lockstep_runtime.errors import LoadFailure
from lockstep_runtime.storage.digest import directory_digest, file_digest, is_digest

CONTENT = "content"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was fetched.

    Attributes:
        digest: `sha256:<hex>` of the file or the tree (see `storage.digest`); of the archive when
            it was one that was unpacked.
        directory: `content/` is a tree.
        source: the URI without credentials and query, for people.
        source_sha256: of the URI as given, so that another URI is not taken for this one.
        content_digest: of the tree that an archive unpacked to; None when it was no archive.
        version: what a moving reference stood for.
    """

    digest: str
    directory: bool
    source: str
    source_sha256: str
    content_digest: str | None = None
    version: str | None = None

    def is_of(self, uri: str) -> bool:
        """Tell whether this is what that URI was fetched to."""
        return self.source_sha256 == uri_sha256(uri)


def uri_sha256(uri: str) -> str:
    """Return the sha256 of a URI, hex."""
    return hashlib.sha256(uri.encode()).hexdigest()


def write_manifest(model_dir: Path, manifest: Manifest) -> None:
    """Write the manifest in one step."""
    temporary = model_dir / f".{MANIFEST}"
    temporary.write_text(json.dumps(asdict(manifest), indent=2) + "\n")
    temporary.replace(model_dir / MANIFEST)


def read_manifest(model_dir: Path) -> Manifest:
    """Read the manifest of a model directory.

    Raises:
        LoadFailure: it is missing or not ours.
    """
    path = model_dir / MANIFEST
    try:
        manifest = Manifest(**json.loads(path.read_text()))
        if not is_digest(manifest.digest):
            raise ValueError("no digest")
    except FileNotFoundError as error:
        raise LoadFailure(f"{path} is missing; run `lockstep-runtime fetch` first") from error
    except (OSError, ValueError, TypeError) as error:
        raise LoadFailure(f"{path} is damaged: {error}") from error
    return manifest


def verify(model_dir: Path) -> Manifest:
    """Hash the content again and return its manifest.

    Raises:
        LoadFailure: the manifest is missing or damaged, or the bytes are not those it records.
    """
    manifest = read_manifest(model_dir)
    content = model_dir / CONTENT
    try:
        digest = directory_digest(content) if manifest.directory else _only_file_digest(content)
    except OSError as error:
        raise LoadFailure(f"cannot read the model in {content}: {error}") from error
    expected = manifest.content_digest or manifest.digest
    if digest != expected:
        raise LoadFailure(
            f"the model in {content} was changed after it was fetched: "
            f"expected {expected}, found {digest}"
        )
    return manifest


def _only_file_digest(content: Path) -> str:
    files = sorted(content.iterdir())
    if len(files) != 1:
        raise LoadFailure(f"{content} must hold one file, it holds {len(files)}")
    return file_digest(files[0])
