"""From a source to a folder laid out like a model directory, and unpacked if it is an archive."""

from dataclasses import dataclass, replace
from pathlib import Path

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.archive import is_archive, unpack
from lockstep_runtime.storage.digest import directory_digest, tree_digest
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.manifest import CONTENT
from lockstep_runtime.storage.retry import retried
from lockstep_runtime.storage.source import Found, Source
from lockstep_runtime.storage.transfer import Transfer, check_path

_PACKED, _WHOLE = "packed", "whole"


@dataclass(frozen=True, slots=True)
class Brought:
    """What a folder holds now; the fields are those of a `Manifest`."""

    digest: str
    directory: bool
    content_digest: str | None = None
    version: str | None = None


def bring(source: Source, incoming: Path, limits: TransferLimits) -> Brought:
    """Fill `incoming` like a model directory, archives still packed.

    Raises:
        FetchFailure: see `Source.find` and `Transfer.run`.
    """
    found = retried(source.find, source.display, limits)
    if not found.files:
        raise FetchFailure(f"{source.display} holds no file")
    content = incoming / CONTENT
    if found.packed:
        _bring_parts(found, source, incoming, limits)
        digest = directory_digest(content)
    else:
        digests = Transfer(found.files, source.display, limits).run(content)
        digest = tree_digest(digests) if found.directory else next(iter(digests.values()))
    if found.golden:
        Transfer([found.golden], f"{GOLDEN} beside {source.display}", limits).run(incoming)
    return Brought(digest, found.directory, version=found.version)


def unpacked(brought: Brought, incoming: Path, limits: TransferLimits) -> Brought:
    """Unpack the single file in `incoming` when it is an archive.

    The digest stays that of the archive: that is the number people have. The tree gets one of its
    own, so that it can be verified before it is loaded.

    Raises:
        FetchFailure: the archive is damaged, or holds what it must not.
    """
    content = incoming / CONTENT
    if brought.directory:
        return brought
    archive = next(content.iterdir())
    if not is_archive(archive.name):
        return brought
    packed = incoming / _PACKED
    content.rename(packed)
    content.mkdir()
    unpack(packed / archive.name, archive.name, content, limits)
    if not any(path.is_file() for path in content.rglob("*")):
        raise FetchFailure(f"{archive.name} holds no file")
    return replace(brought, directory=True, content_digest=directory_digest(content))


def _bring_parts(found: Found, source: Source, incoming: Path, limits: TransferLimits) -> None:
    """Bring a tree of which some files are archives of parts of it."""
    content, packed = incoming / CONTENT, incoming / _PACKED
    Transfer(found.files, source.display, limits).run(packed)
    for file in found.files:
        if file.path in found.packed:
            unpack(packed / file.path, file.path, content, limits)
        else:
            target = content / file.path
            if target.exists():
                raise FetchFailure(f"{source.display}: {file.path!r} is in it twice")
            target.parent.mkdir(parents=True, exist_ok=True)
            (packed / file.path).rename(target)
    if found.root:
        check_path(found.root, source.display)
        if (content / found.root).is_dir():
            content.rename(incoming / _WHOLE)
            (incoming / _WHOLE / found.root).rename(content)
