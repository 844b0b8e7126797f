"""What is gathered for the gates in one look: cumulative counts, recent answers, results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lockstep_operator.core.routing import RouterCount


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative since the process started.

    `bounds`: upper bounds in ascending order, the last is inf; `counts`: not accumulated over the
    bounds, one per bound.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One recent answer of a model pod, as the runtime's ring tells it.

    `outputs`: flat values by output name (numbers, strings or booleans); None instead: too large
    to be kept, then `digest` (of the outputs' bytes) is all there is.
    """

    request_id: str
    assignment: str
    outputs: Mapping[str, tuple[float | int | str | bool | None, ...]] | None
    digest: str


@dataclass(frozen=True, slots=True)
class ModelReading:
    """What one model pod reports.

    Attributes:
        source: the pod's UID and container start: counts begin again with a new one.
        latency: by assignment (`split`, `mirror`), in seconds; successful answers only.
        outputs: by (assignment, output): counts by bin, of one row of each answer. A bin is a
            class label, or for numbers the bin's lower bound in the runtime's spelling; see
            `core.gates.shift`.
        numeric: outputs whose bins are numbers, in ascending order of their value.
        answers: since the last look, oldest first.
    """

    source: str
    revision: str
    latency: Mapping[str, Histogram] = field(default_factory=dict)
    outputs: Mapping[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    numeric: frozenset[str] = frozenset()
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldenResult:
    """Golden requests answered by one pod of the candidate; `first_miss` says what differed."""

    asked: int
    wrong: int
    first_miss: str = ""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Answers of one Prometheus query; `stable` None where it was not asked for stable."""

    value: float
    stable: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """One look at everything that the target's gates need.

    `router`, `models`: empty where no gate needs them. `golden`, `queries`: by gate name, only
    those that were due. `problems`: by gate name, why what it needs could not be had, one
    sentence that names the thing and what to do; such a gate is inconclusive.
    """

    time: datetime
    router: tuple[RouterCount, ...] = ()
    models: tuple[ModelReading, ...] = ()
    golden: Mapping[str, GoldenResult] = field(default_factory=dict)
    queries: Mapping[str, QueryResult] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
