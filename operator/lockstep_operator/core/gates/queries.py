"""The prometheus gate: answers of a query beyond a bound, several in a row.

A query is not a sample of requests, so there is no test here: one number is asked for every
interval, and the gate fails when `failures` numbers in a row are beyond the bound.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from lockstep_operator.api.gates import Gate, PrometheusQuery
from lockstep_operator.core.gates.judging import Finding, Look, number
from lockstep_operator.core.gates.samples import QueryResult
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.times import format_time, parse_duration, parse_time


@dataclass(frozen=True, slots=True)
class Query:
    """Judge of `prometheus`.

    Attributes:
        asked: when it was asked last, whether or not there was an answer.
        answers: usable answers so far.
        streak: the latest answers that are beyond the bound, in a row.
        last: the last answer.
        trouble: why the last answer is of no use.
    """

    gate: Gate
    target: Target
    asked: datetime | None = None
    answers: int = 0
    streak: int = 0
    last: QueryResult | None = None
    trouble: str | None = None

    @property
    def _query(self) -> PrometheusQuery:
        if self.gate.prometheus is None:
            raise ValueError(f"gate {self.gate.title} has metric prometheus and no query")
        return self.gate.prometheus

    def add(self, look: Look) -> Self:
        """Return the judge that has seen this look too."""
        if not look.complete:
            return replace(self, asked=look.time)
        if look.query is None:
            return self
        trouble = self._useless(look.query)
        asked = replace(self, asked=look.time, last=look.query, trouble=trouble)
        if trouble:
            return asked
        streak = self.streak + 1 if self._beyond(look.query) else 0
        return replace(asked, answers=self.answers + 1, streak=streak)

    def _useless(self, answer: QueryResult) -> str | None:
        """Return why nothing follows from an answer."""
        if math.isnan(answer.value):
            return "the query gives NaN for the candidate"
        if self.gate.max_ratio_to_stable is None:
            return None
        if self.target.stable is None:
            return "there is no stable revision to compare with; a gate with max needs none"
        if answer.stable is None or math.isnan(answer.stable):
            return "the query gives no number for stable"
        if answer.stable < 0 or math.isinf(answer.stable):
            return f"the query gives {answer.stable:g} for stable, of which there is no multiple"
        return None

    def _limit(self, answer: QueryResult) -> float | None:
        if self.gate.max_ratio_to_stable is not None and answer.stable is not None:
            return self.gate.max_ratio_to_stable * answer.stable
        return self.gate.max

    def _beyond(self, answer: QueryResult) -> bool:
        limit, least = self._limit(answer), self.gate.min
        over = limit is not None and answer.value > limit
        return over or (least is not None and answer.value < least)

    def finding(self) -> Finding:
        """Return what it found so far."""
        needed = self._query.failures
        if self.last is None or self.trouble:
            message = self.trouble or "not answered yet"
            return Finding("inconclusive", message, samples=self.answers)
        limit = self._limit(self.last)
        return Finding(
            self._verdict(needed),
            self._message(needed, self.last),
            value=self.last.value,
            stable_value=self.last.stable,
            limit=self.gate.min if limit is None else limit,
            samples=self.answers,
            evidence=self.streak / needed,
        )

    def _verdict(self, needed: int) -> Any:
        if self.streak >= needed:
            return "fail"
        return "inconclusive" if self.streak or self.answers < needed else "pass"

    def _message(self, needed: int, answer: QueryResult) -> str:
        bounds = []
        limit = self._limit(answer)
        if limit is not None:
            bounds.append(f"at most {number(limit)}{self._multiple(answer)}")
        if self.gate.min is not None:
            bounds.append(f"at least {number(self.gate.min)}")
        text = f"{self.gate.title} {number(answer.value)}, allowed is {' and '.join(bounds)}"
        if self.streak:
            return f"{text}; {self.streak} of {needed} answers in a row beyond it"
        if self.answers < needed:
            return f"{text}; {self.answers} of {needed} answers"
        return text

    def _multiple(self, answer: QueryResult) -> str:
        ratio = self.gate.max_ratio_to_stable
        if ratio is None or answer.stable is None:
            return ""
        return f" ({number(ratio)} x stable {number(answer.stable)})"

    def state(self) -> dict[str, Any]:
        """Return what to go on from, as JSON."""
        asked = format_time(self.asked) if self.asked else None
        last = None
        if self.last and not self.trouble:
            last = [repr(self.last.value), None if self.last.stable is None else self.last.stable]
        return {"t": asked, "n": self.answers, "k": self.streak, "l": last, "w": self.trouble}

    def resume(self, state: Mapping[str, Any]) -> Self:
        """Return the judge with what `state` wrote."""
        last = None
        if state["l"]:
            value, stable = state["l"]
            last = QueryResult(float(value), None if stable is None else float(stable))
        return replace(
            self,
            asked=parse_time(state["t"]) if state["t"] else None,
            answers=int(state["n"]),
            streak=int(state["k"]),
            last=last,
            trouble=state["w"],
        )

    def due(self, now: datetime) -> bool:
        """Return whether the interval since the last time is over, or the clock went backwards."""
        if self.asked is None or now < self.asked:
            return True
        return now - self.asked >= parse_duration(self._query.interval)
