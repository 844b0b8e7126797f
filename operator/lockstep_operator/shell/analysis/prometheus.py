"""Prometheus' instant query API, as far as one number goes.

https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

import json
import math
import re
from typing import Any

import aiohttp

from lockstep_operator.api.gates import Gate, PrometheusQuery
from lockstep_operator.core.gates.samples import QueryResult
from lockstep_operator.core.gates.target import Target
from lockstep_operator.shell.analysis.access import Access, access_for
from lockstep_operator.shell.analysis.problems import Uncomputable
from lockstep_operator.shell.bodies import BodyTooLong, in_words, read_body
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.keys import Key

_SECONDS = 5.0
_LONGEST_ANSWER = 1024 * 1024
_LONGEST_REASON = 300
_REVISION = "{{revision}}"
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|Inf)|NaN", re.ASCII)
_HINT = "PromQL info:"  # as releases before 3 tell among the warnings


class Queries:
    """Asks the queries of gates; each answer is one number, or a problem."""

    def __init__(self, client: Client, default_address: str | None = None) -> None:
        self._client = client
        self._default_address = default_address
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, key: Key, target: Target, gate: Gate) -> QueryResult:
        """Return the answer for the candidate, and for stable where the query names the revision.

        Raises:
            Uncomputable: there is no such number; the message says why.
        """
        query = gate.prometheus
        if query is None:
            raise Uncomputable("the gate has no prometheus.query: add one")
        access = await access_for(self._client, key[0], query, self._default_address)
        value = await self._number(access, filled_in(query, key, target.candidate))
        if target.stable is None or _REVISION not in query.query:
            return QueryResult(value)
        stable = await self._number(access, filled_in(query, key, target.stable))
        return QueryResult(value, stable)

    async def close(self) -> None:
        """Close kept connections."""
        if self._session is not None:
            await self._session.close()

    async def _number(self, access: Access, query: str) -> float:
        where = access.where
        headers = {"Authorization": access.authorization} if access.authorization else {}
        try:
            async with self._http().post(
                f"{access.address}/api/v1/query",
                data={"query": query},
                headers=headers,
                allow_redirects=False,  # the credentials are for this address only
                ssl=access.tls or True,
            ) as answer:
                body = await read_body(answer, _LONGEST_ANSWER)
        except BodyTooLong as error:
            raise Uncomputable(
                f"{where} answered with more than {_LONGEST_ANSWER} bytes: the query must give one "
                "number, as with sum()"
            ) from error
        except TimeoutError as error:
            raise Uncomputable(
                f"{where} gave no complete answer within {_SECONDS:g} s: see its address, its "
                "state and the cost of the query"
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # An address from a Secret is not told.
            reason = in_words(error) if access.told else type(error).__name__
            raise Uncomputable(
                f"{where} did not answer: {reason}; see its address and state"
            ) from error
        return number_in(body, answer.status, where)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=_SECONDS)
            self._session = aiohttp.ClientSession(
                timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


def filled_in(query: PrometheusQuery, key: Key, revision: str) -> str:
    """Return the query with its placeholders filled in: names, which need no quoting."""
    namespace, name = key
    values = {"namespace": namespace, "modelDeployment": name, "revision": revision}
    text = query.query
    for placeholder, value in values.items():
        text = text.replace("{{" + placeholder + "}}", value)
    return text


def number_in(body: bytes, status: int, where: str) -> float:
    """Return the number in an answer: a scalar, or a vector with exactly one sample.

    Raises:
        Uncomputable: anything else; `where` names who answered.
    """
    told = _json(body)
    if status != 200 or not isinstance(told, dict) or told.get("status") != "success":
        raise Uncomputable(_refusal(told, status, where))
    try:
        number = _parsed(_sample(told["data"], where))
    except (KeyError, TypeError, ValueError) as error:
        raise Uncomputable(f"{where} answered what no Prometheus does: see its address") from error
    _check_warnings(told.get("warnings"), where)
    if not math.isfinite(number):
        raise Uncomputable(
            f"{where} answered {number}: there was nothing to divide by, or nothing in the range; "
            "see whether the query has data"
        )
    return number


def _sample(data: Any, where: str) -> Any:
    """Return the one pair of time and value."""
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return result
    if kind != "vector":
        raise Uncomputable(
            f"{where} answered with a {str(kind)[:20]}: the query must give one number"
        )
    if not isinstance(result, list):
        raise TypeError("a vector is a list")
    if not result:
        raise Uncomputable(f"{where} has no data for the query: see its metric and labels")
    if len(result) > 1:
        raise Uncomputable(
            f"{where} answered with {len(result)} series: aggregate them to one, as with sum()"
        )
    if "histogram" in result[0]:
        raise Uncomputable(f"{where} answered with a histogram: the query must give one number")
    return result[0]["value"]


def _parsed(sample: Any) -> float:
    """Return the value of a pair; it is a text, since JSON has neither NaN nor infinity."""
    if not isinstance(sample, list) or len(sample) != 2 or not isinstance(sample[1], str):
        raise TypeError("a sample is a list of a time and a text")
    if not _NUMBER.fullmatch(sample[1]):
        raise ValueError("the text is no number")
    return float(sample[1])


def _check_warnings(warnings: Any, where: str) -> None:
    """A warning says that the number may lack something; a mere hint to the query's author not."""
    told = warnings if isinstance(warnings, list) else []
    for warning in told:
        words = " ".join(str(warning).split())
        if words and not words.startswith(_HINT):
            raise Uncomputable(
                f"{where} warns of its answer, which may be incomplete: {words[:_LONGEST_REASON]}"
            )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _refusal(told: Any, status: int, where: str) -> str:
    """Only Prometheus' own words are passed on: other answers may hold anything."""
    reason = told.get("error") if isinstance(told, dict) else None
    if isinstance(reason, str) and told.get("status") == "error":
        return f"{where} refuses the query: {' '.join(reason.split())[:_LONGEST_REASON]}"
    if status in (401, 403):
        return f"{where} answered {status}: see the credentials in the gate's Secret"
    if 300 <= status < 400:
        return f"{where} redirects ({status}), which is not followed: set the final address"
    return f"{where} answered {status} without a result: see its address"
