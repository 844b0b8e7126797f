"""Models on the Hugging Face hub: `hf://ORG/REPOSITORY[@REVISION][/PATH]`.

The hub's library looks up the commit and its files; the files come over plain http like any
others, so that limits, progress and going on are the same. HF_ENDPOINT and HF_TOKEN are its own
variables. Only whole commits (40 hex digits) cannot move.
"""

import os
import re
from dataclasses import dataclass, replace
from urllib.parse import unquote

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported

import httpx2
from huggingface_hub import HfApi, get_token, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.hf_api import RepoSibling

from lockstep_runtime.errors import FetchFailure, first_line
from lockstep_runtime.storage.golden import GOLDEN
from lockstep_runtime.storage.redaction import redact
from lockstep_runtime.storage.source import (
    RETRY_STATUS,
    Found,
    SourceFile,
    SourceOptions,
    Transient,
)
from lockstep_runtime.storage.web import WebReader

_URI = re.compile(
    r"hf://(?P<repository>[^/@?#]+/[^/@?#]+)(?:@(?P<revision>[^/?#]+))?(?:/(?P<path>[^?#]*))?"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MAIN = "main"
_OURS = frozenset({".gitattributes"})  # of the repository, not of the model


def parse(uri: str, options: SourceOptions) -> "HubSource":
    """Take an hf URI apart.

    Raises:
        FetchFailure: it is malformed.
    """
    parts = _URI.fullmatch(uri)
    if parts is None:
        raise FetchFailure(
            f"model URI {redact(uri)!r}: it must be hf://ORG/REPOSITORY@REVISION or "
            "hf://ORG/REPOSITORY@REVISION/PATH (a / in a revision is %2F)"
        )
    token = get_token()
    return HubSource(
        HfApi(library_name="lockstep", token=token or False),
        WebReader(options.limits, {"authorization": f"Bearer {token}"} if token else None),
        unquote(parts["repository"]),
        unquote(parts["revision"] or _MAIN),
        unquote(parts["path"] or "").strip("/"),
        uri,
        options.limits.read_timeout,
    )


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository of the hub, or a file or folder in it; `timeout` in seconds."""

    api: HfApi
    reader: WebReader
    repository: str
    revision: str
    path: str
    display: str
    timeout: float

    @property
    def moving(self) -> str | None:
        """The branch or tag, unless it is a commit."""
        return None if _COMMIT.fullmatch(self.revision) else f"the revision {self.revision!r}"

    def at(self, version: str) -> "HubSource":
        """Return the same at a commit."""
        return replace(self, revision=version)

    def find(self) -> Found:
        """Look up the commit and its files.

        Raises:
            Transient, FetchFailure: see `Source.find`.
        """
        commit, siblings = self._look_up()
        files = {file.rfilename: file for file in siblings}
        if self.path in files:
            golden = f"{self.path.rpartition('/')[0]}/{GOLDEN}".lstrip("/")
            beside = files.get(golden) if golden != self.path else None
            return Found(
                (self._file(commit, files[self.path], self.path.rpartition("/")[2]),),
                version=commit,
                golden=self._file(commit, beside, GOLDEN) if beside else None,
            )
        below = f"{self.path}/" if self.path else ""
        tree = tuple(
            self._file(commit, file, name.removeprefix(below))
            for name, file in sorted(files.items())
            if name.startswith(below) and name not in _OURS
        )
        if not tree:
            raise FetchFailure(f"{self.display}: there is no such file or folder in {commit}")
        return Found(tree, directory=True, version=commit)

    def close(self) -> None:
        """Close all connections."""
        self.reader.close()

    def _look_up(self) -> tuple[str, list[RepoSibling]]:
        try:
            info = self.api.model_info(
                self.repository, revision=self.revision, files_metadata=True, timeout=self.timeout
            )
        except HFValidationError as error:
            raise FetchFailure(f"model URI {self.display!r}: {first_line(error)}") from error
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in RETRY_STATUS:
                raise Transient(first_line(error)) from error
            raise FetchFailure(f"cannot fetch {self.display}: {first_line(error)}") from error
        except httpx2.HTTPError as error:
            raise Transient(first_line(error)) from error
        if not info.sha or not _COMMIT.fullmatch(info.sha):
            raise FetchFailure(f"{self.display}: the hub names no commit, but {info.sha!r}")
        return info.sha, info.siblings or []

    def _file(self, commit: str, file: RepoSibling, path: str) -> SourceFile:
        url = hf_hub_url(
            self.repository, file.rfilename, revision=commit, endpoint=self.api.endpoint
        )
        # Files in git itself have a digest of another kind, which says nothing to us.
        digest = f"sha256:{file.lfs.sha256}" if file.lfs else None
        return self.reader.file(url, path, size=file.size, digest=digest)
