"""Prometheus' instant query API, as far as one number goes.

https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

import json
import math
from typing import Any

import aiohttp

from lockstep_operator.api.gates import Gate, PrometheusQuery
from lockstep_operator.core.gates.samples import QueryResult
from lockstep_operator.core.gates.target import Target
from lockstep_operator.shell.analysis.access import Access, access_for
from lockstep_operator.shell.analysis.problems import Uncomputable
from lockstep_operator.shell.bodies import BodyTooLong, read_body
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.keys import Key

_SECONDS = 5.0
_LONGEST_ANSWER = 1024 * 1024
_LONGEST_REASON = 300
_REVISION = "{{revision}}"


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
        except (aiohttp.ClientError, OSError, BodyTooLong, ValueError) as error:
            said = " ".join(str(error).split()) if access.told else ""
            reason = said or type(error).__name__  # an address from a Secret is not told
            raise Uncomputable(
                f"{where} did not answer: {reason[:_LONGEST_REASON]}; see its address and state"
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
        number = float(_sample(told["data"], where)[1])
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise Uncomputable(f"{where} answered what no Prometheus does: see its address") from error
    if not math.isfinite(number):
        raise Uncomputable(
            f"{where} answered {number}: there was nothing to divide by, or nothing in the range; "
            "see whether the query has data"
        )
    return number


def _sample(data: Any, where: str) -> Any:
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return result
    if kind != "vector":
        raise Uncomputable(
            f"{where} answered with a {str(kind)[:20]}: the query must give one number"
        )
    if len(result) == 1:
        return result[0]["value"]
    if not result:
        raise Uncomputable(f"{where} has no data for the query: see its metric and labels")
    raise Uncomputable(
        f"{where} answered with {len(result)} series: aggregate them to one, as with sum()"
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
