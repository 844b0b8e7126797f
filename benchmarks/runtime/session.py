"""The rounds of all parts: servers in turn, A B C A B C, so that a slow minute meets them all."""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.runtime import wrk
from benchmarks.runtime.errors import BenchmarkError
from benchmarks.runtime.models import Served
from benchmarks.runtime.plan import CONNECTIONS, Contender, Part, Payload
from benchmarks.runtime.pool import Pool
from benchmarks.runtime.results import Results
from benchmarks.runtime.rounds import Target, measure

_WARM_UP = 16  # connections


@dataclass(frozen=True)
class Size:
    """How much is measured: rounds per cell, and seconds per round."""

    rounds: int
    seconds: int


class Session:
    """Measures parts on two cores."""

    def __init__(
        self, folder: Path, served: dict[str, Served], size: Size, cores: tuple[int, int]
    ) -> None:
        """Give the servers the first core, the load generator the second."""
        self._work = folder / "load"
        self._work.mkdir()
        self._pool = Pool(folder, served, server=cores[0], load=cores[1])
        self._size = size

    def run(self, parts: list[Part]) -> Results:
        """Measure everything; a server that fails is left out of what follows."""
        results = Results(parts)
        try:
            for index, part in enumerate(parts):
                for payload in part.payloads:
                    self._payload(part, payload, results)
                if index + 1 == len(parts) or parts[index + 1].model != part.model:
                    self._pool.stop()  # the next part's servers have the core for themselves
        finally:
            self._pool.stop()
        self._describe(results)
        return results

    def _payload(self, part: Part, payload: Payload, results: Results) -> None:
        targets: dict[str, tuple[Contender, Target]] = {}
        for contender in part.contenders:
            try:
                target = self._pool.target(contender, part.model, payload)
                wrk.run(target.url, target.request, _WARM_UP, 1, self._work)
                targets[contender.title] = (contender, target)
            except BenchmarkError as error:
                results.failed.append(f"{part.title}, {payload}: {error}")
        seconds = self._size.seconds * (2 if part.slow else 1)
        for connections in CONNECTIONS:
            for _ in range(self._size.rounds):
                for title, (_, target) in list(targets.items()):
                    try:
                        found = measure(target, connections, seconds, self._work)
                    except BenchmarkError as error:
                        results.failed.append(f"{part.title}, {payload}: {error}")
                        del targets[title]
                        continue
                    cell = (part.title, payload, connections, title)
                    results.rounds.setdefault(cell, []).append(found)
            sys.stderr.write(_progress(part, payload, connections, results))
        for contender, _ in targets.values():
            try:
                self._pool.target(contender, part.model, payload)  # it still answers right
            except BenchmarkError as error:
                results.failed.append(f"{part.title}, {payload}, afterwards: {error}")

    def _describe(self, results: Results) -> None:
        results.notes += self._pool.notes
        peaks = self._pool.peak_bytes()
        told = set()
        for part in results.parts:
            for contender in part.contenders:
                place = (contender.server.key, part.model)
                if place in self._pool.settings:
                    results.settings[contender.title, part.model] = self._pool.settings[place]
                if place in peaks and place not in told and not contender.routed:
                    results.peaks[contender.title, part.model] = peaks[place]
                    told.add(place)


def _progress(part: Part, payload: Payload, connections: int, results: Results) -> str:
    rates = []
    for contender in part.contenders:
        found = results.figures(part.title, payload, connections, contender.title)
        rates.append(f"{contender.title} {found.rate:,.0f}" if found else f"{contender.title} -")
    return f"{part.title}, {payload}, {connections} at once: {', '.join(rates)}\n"
