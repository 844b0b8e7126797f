"""Reading files over http or https, for all sources that have such addresses.

httpx's own `HTTPTransport(retries=…)` covers failed connects only and, being a transport of ours,
would switch off the proxy variables; so `storage.transfer` tries again, and goes on with a range
request (RFC 9110, sections 13.1.5 and 14) where the server lets one be sure of the same bytes.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial

import httpx

from lockstep_runtime.errors import FetchFailure, first_line
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.redaction import redact
from lockstep_runtime.storage.source import RETRY_STATUS, Changed, SourceFile, Stream, Transient

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_SURE = timedelta(seconds=60)


class WebReader:
    """Opens addresses; one pool of connections for all of them.

    `headers`: sent to the first server only, not to where it redirects on another host.
    """

    def __init__(
        self,
        limits: TransferLimits,
        headers: Mapping[str, str] | None = None,
        *,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        timeout = httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout)
        # identity: digest and Content-Length are of the file, not of a compressed transfer.
        self._headers = {"accept-encoding": "identity", **(headers or {})}
        self._client = httpx.Client(
            timeout=timeout, follow_redirects=True, max_redirects=5, verify=verify
        )

    def file(
        self, url: str, path: str, *, size: int | None = None, digest: str | None = None
    ) -> SourceFile:
        """Return the file at an address."""
        return SourceFile(path, redact(url), partial(self._open, url), size, digest)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @contextmanager
    def _open(self, url: str, offset: int, mark: str | None) -> Iterator[Stream]:
        try:
            with self._client.stream("GET", url, headers=self._asking(offset, mark)) as response:
                yield self._stream(response, url, offset, mark)
        except httpx.UnsupportedProtocol as error:
            raise FetchFailure(f"cannot fetch {redact(url)}: {first_line(error)}") from error
        except httpx.TransportError as error:
            raise Transient(first_line(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchFailure(f"cannot fetch {redact(url)}: {first_line(error)}") from error

    def _asking(self, offset: int, mark: str | None) -> dict[str, str]:
        if not offset or mark is None:
            return self._headers
        return self._headers | {"range": f"bytes={offset}-", "if-range": mark}

    def _stream(self, response: httpx.Response, url: str, offset: int, mark: str | None) -> Stream:
        shown = redact(url)
        if url.startswith("https:") and response.url.scheme != "https":
            raise FetchFailure(f"{shown} redirects from https to {redact(str(response.url))}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise FetchFailure(f"{shown} comes compressed although that was not asked for")
        chunks = response.iter_raw()
        if response.status_code == 200:
            length = response.headers.get("content-length", "")
            size = int(length) if length.isdecimal() else None
            return Stream(chunks, 0, size, _mark(response.headers))
        if response.status_code == 206 and offset:
            return Stream(chunks, offset, _rest(response, offset, mark), mark)
        raise _refusal(response, shown)


def _rest(response: httpx.Response, offset: int, mark: str | None) -> int | None:
    """Check that this is the rest of the same file; return the file's whole size if known."""
    range_ = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    etag = response.headers.get("etag")
    other = etag is not None and mark is not None and mark.startswith('"') and etag != mark
    if range_ is None or int(range_[1]) != offset or other:
        raise Changed("the server sent another part than was asked for")
    return None if range_[2] == "*" else int(range_[2])


def _refusal(response: httpx.Response, shown: str) -> Exception:
    text = f"the server answered {response.status_code} {response.reason_phrase}".strip()
    if response.status_code == 416:
        return Changed(text)
    if response.status_code in RETRY_STATUS:
        return Transient(text)
    return FetchFailure(f"cannot fetch {shown}: {text}")


def _mark(headers: httpx.Headers) -> str | None:
    """Return what If-Range takes: a strong entity tag, or a date that is old enough to be one.

    A file could change twice within the second of its date (RFC 9110, section 8.8.2.2).
    """
    etag = headers.get("etag", "")
    if etag.startswith('"'):
        return str(etag)
    modified = headers.get("last-modified")
    try:
        age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(modified or "")
    except (KeyError, ValueError):
        return None
    return modified if age >= _SURE else None
