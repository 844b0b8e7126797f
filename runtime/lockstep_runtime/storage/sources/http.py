"""One file behind `http://` or `https://`."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.redaction import redact
from lockstep_runtime.storage.source import Found, SourceOptions
from lockstep_runtime.storage.web import WebReader


def parse(uri: str, options: SourceOptions) -> "HttpSource":
    """Take an http or https URI apart.

    Raises:
        FetchFailure: it names no host, or no file.
    """
    parts = urlsplit(uri)
    if not parts.hostname:
        raise FetchFailure(f"model URI {redact(uri)!r} names no host")
    name = PurePosixPath(unquote(parts.path)).name
    if not name or name.startswith(".") or not name.isprintable():
        raise FetchFailure(
            f"model URI on {parts.hostname} ends with no usable file name: {parts.path!r}"
        )
    return HttpSource(uri, redact(uri), name, WebReader(options.limits))


@dataclass(frozen=True, slots=True)
class HttpSource:
    """One file; `display` has neither credentials nor the query. Nothing can be listed."""

    url: str
    display: str
    name: str
    reader: WebReader

    @property
    def moving(self) -> None:
        """Nothing: an address is taken for the identity of what it answers."""
        return

    def at(self, version: str) -> "HttpSource":
        """Return itself."""
        return self

    def find(self) -> Found:
        """Return the one file; it is asked for when it is opened."""
        return Found((self.reader.file(self.url, self.name),))

    def close(self) -> None:
        """Close all connections."""
        self.reader.close()
