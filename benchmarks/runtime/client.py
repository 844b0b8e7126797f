"""Single requests, to see that a server answers what the model says."""

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from benchmarks.runtime.dialects import Dialect
from benchmarks.runtime.errors import BenchmarkError
from benchmarks.runtime.models import Rows

_STATUS_LINE = len("HTTP/1.1 200 OK\r\n")


@dataclass(frozen=True)
class Asked:
    """A server under its name in messages, where it answers, and what it must answer."""

    name: str
    address: tuple[str, int]
    path: str
    dialect: Dialect
    expected: Callable[[Rows], list[int]]


def checked(asked: Asked, rows: Rows) -> int:
    """Ask for each of up to ten rows and for all together; return the last answer's bytes.

    Raises:
        BenchmarkError: an answer is not 200, or not what the model says.
    """
    size = 0
    connection = HTTPConnection(*asked.address, timeout=30)
    try:
        for some in [*(rows[index : index + 1] for index in range(min(len(rows), 10))), rows]:
            size = _answered(connection, asked, some)
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        raise BenchmarkError(f"{asked.name} does not answer as it should: {error!r}") from error
    finally:
        connection.close()
    return size


def _answered(connection: HTTPConnection, asked: Asked, rows: Rows) -> int:
    request = asked.dialect.request(rows)
    connection.request("POST", asked.path, request.body, dict(request.headers))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise BenchmarkError(f"{asked.name} answers {answer.status}: {body[:200]!r}")
    headers = {key.lower(): value for key, value in answer.getheaders()}
    found = asked.dialect.classes(body, headers)
    if found is not None and found != (wanted := asked.expected(rows)):
        raise BenchmarkError(f"{asked.name} answers {found[:5]} instead of {wanted[:5]}")
    head = sum(len(key) + len(value) + 4 for key, value in answer.getheaders()) + 2
    return _STATUS_LINE + head + len(body)
