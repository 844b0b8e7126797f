"""The targets: what the model server shall reach beside its peers, in the same run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.runtime.plan import (
    CONNECTIONS,
    KSERVE,
    MAIN,
    MLSERVER,
    MLSERVER_BATCHING,
    OURS,
    UVICORN,
    Payload,
)
from benchmarks.runtime.results import Results
from benchmarks.runtime.rounds import Round

_PAYLOAD = Payload("JSON", 1)
_DEFAULT = (KSERVE, MLSERVER)
_WHOM = "KServe and MLServer"
_RATIOS = {1: 2.0, 16: 6.0, 64: 10.0}
_P99 = 0.010
_OF_UVICORN = 0.30


@dataclass(frozen=True)
class Verdict:
    """A target and what was found; `reached` is None when a server is missing."""

    what: str
    wanted: str
    found: str
    reached: bool | None


def verdicts(results: Results) -> list[Verdict]:
    """Judge each target with one row in JSON."""
    found = [_rate(results, connections) for connections in CONNECTIONS]
    found += [_cpu(results, connections) for connections in CONNECTIONS]
    return [*found, _latency(results), _floor(results)]


def _cell(results: Results, connections: int, title: str) -> Round | None:
    return results.figures(MAIN, _PAYLOAD, connections, title)


def _best(
    results: Results, connections: int, titles: Sequence[str], figure: Callable[[Round], float]
) -> float | None:
    """Return the largest figure of these peers, None when none was measured."""
    cells = [_cell(results, connections, title) for title in titles]
    return max((figure(one) for one in cells if one is not None), default=None)


def _rate(results: Results, connections: int) -> Verdict:
    wanted = _RATIOS[connections]
    what = f"requests/s at {_at(connections)}, to the best of {_WHOM}"
    return _compared(results, connections, (what, f"≥ {wanted:.0f} times", wanted), _requests)


def _cpu(results: Results, connections: int) -> Verdict:
    what = f"CPU per request at {_at(connections)}, the best of {_WHOM} to ours"
    return _compared(results, connections, (what, "≥ 6 times", 6.0), _requests_per_cpu)


def _requests(one: Round) -> float:
    return one.rate


def _requests_per_cpu(one: Round) -> float:
    return 1 / max(sum(one.cpu), 1e-9)


def _compared(
    results: Results,
    connections: int,
    target: tuple[str, str, float],
    figure: Callable[[Round], float],
) -> Verdict:
    """Judge by the best peer of all; say what it is to those in their default mode, too."""
    what, wanted, least = target
    ours = _cell(results, connections, OURS)
    best = _best(results, connections, (*_DEFAULT, MLSERVER_BATCHING), figure)
    if ours is None or best is None:
        return _missing(what, wanted)
    ratio = figure(ours) / best
    found = f"{ratio:.1f} times"
    usual = _best(results, connections, _DEFAULT, figure)
    if usual is not None and usual < best:
        found += f"; {figure(ours) / usual:.1f} times without MLServer's adaptive batching"
    return Verdict(what, wanted, found, ratio >= least)


def _latency(results: Results) -> Verdict:
    what = f"p99 at {_at(16)}"
    ours = _cell(results, 16, OURS)
    if ours is None:
        return _missing(what, "< 10 ms")
    return Verdict(what, "< 10 ms", f"{ours.p99 * 1e3:.1f} ms", ours.p99 < _P99)


def _floor(results: Results) -> Verdict:
    what = f"requests/s at {_at(64)}, to bare uvicorn"
    ours, bare = _cell(results, 64, OURS), _cell(results, 64, UVICORN)
    if ours is None or bare is None:
        return _missing(what, "≥ 30 %")
    share = ours.rate / bare.rate
    return Verdict(what, "≥ 30 %", f"{share:.0%}", share >= _OF_UVICORN)


def _at(connections: int) -> str:
    return f"{connections} connection{'' if connections == 1 else 's'}"


def _missing(what: str, wanted: str) -> Verdict:
    return Verdict(what, wanted, "not measured", None)
