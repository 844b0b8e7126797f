"""Downloading one file over http or https, digest on the way.

httpx's own `HTTPTransport(retries=…)` covers failed connects only and, being a transport of ours,
would switch off the proxy variables; so a download is tried as a whole, a few times.
"""

import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from lockstep_runtime.errors import FetchFailure, first_line
from lockstep_runtime.storage.copy import SizeLimit
from lockstep_runtime.storage.source import HttpSource, redact

_RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """Bounds of a download; times in seconds, `max_bytes` of the file."""

    max_bytes: int
    total_timeout: float = 600.0
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    attempts: int = 4
    backoff: float = 0.5


class _Transient(Exception):
    """This attempt failed in a way that the next one may not."""


def download(source: HttpSource, target: Path, limits: DownloadLimits) -> str:
    """Write the file to `target` and return its digest.

    Raises:
        FetchFailure: no 200 answer after all attempts, too large, too slow, or incomplete.
    """
    timeout = httpx.Timeout(limits.read_timeout, connect=limits.connect_timeout)
    deadline = time.monotonic() + limits.total_timeout
    reason = ""
    with httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=5) as client:
        for attempt in range(limits.attempts):
            if attempt:
                _log.warning("download failed, trying again", extra={"fields": {"reason": reason}})
                time.sleep(limits.backoff * 2 ** (attempt - 1))
            try:
                return _attempt(client, source, target, limits, deadline)
            except (_Transient, httpx.TransportError) as error:
                reason = first_line(error)
            except httpx.HTTPError as error:
                raise FetchFailure(f"cannot fetch {source.display}: {first_line(error)}") from error
            except OSError as error:
                raise FetchFailure(f"cannot store {source.display}: {error}") from error
    raise FetchFailure(f"cannot fetch {source.display}: {reason} (tried {limits.attempts} times)")


def _attempt(
    client: httpx.Client, source: HttpSource, target: Path, limits: DownloadLimits, deadline: float
) -> str:
    sha256 = hashlib.sha256()
    budget = SizeLimit(limits.max_bytes, source.display)
    # identity: the digest and Content-Length are of the file, not of a compressed transfer.
    headers = {"accept-encoding": "identity"}
    with (
        client.stream("GET", source.url, headers=headers) as response,
        target.open("wb") as writer,
    ):
        expected = _check(response, source, limits)
        received = 0
        for chunk in response.iter_raw():
            received += len(chunk)
            budget.add(len(chunk))
            sha256.update(chunk)
            writer.write(chunk)
            if time.monotonic() > deadline:
                raise FetchFailure(f"{source.display} took over {limits.total_timeout:g} s")
    if expected is not None and received != expected:
        raise _Transient(f"got {received} of {expected} bytes")
    return "sha256:" + sha256.hexdigest()


def _check(response: httpx.Response, source: HttpSource, limits: DownloadLimits) -> int | None:
    """Refuse an answer that is not the plain file; return its Content-Length if it has one."""
    if source.url.startswith("https:") and response.url.scheme != "https":
        raise FetchFailure(f"{source.display} redirects from https to {redact(str(response.url))}")
    if response.status_code != 200:
        text = f"the server answered {response.status_code} {response.reason_phrase}".strip()
        if response.status_code in _RETRY_STATUS:
            raise _Transient(text)
        raise FetchFailure(f"cannot fetch {source.display}: {text}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchFailure(f"{source.display} comes compressed although that was not asked for")
    length = response.headers.get("content-length", "")
    if not length.isdigit():
        return None
    SizeLimit(limits.max_bytes, source.display).add(int(length))
    return int(length)
