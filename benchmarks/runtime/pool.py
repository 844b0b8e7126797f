"""The servers that run: started when first needed, in the best of their settings."""

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.runtime.client import Asked, checked
from benchmarks.runtime.environments import BIN, environment
from benchmarks.runtime.errors import BenchmarkError
from benchmarks.runtime.models import Rows, Served, expected, rows_of
from benchmarks.runtime.plan import Contender, Payload
from benchmarks.runtime.process import Launch, Process
from benchmarks.runtime.rounds import Target, measure
from benchmarks.runtime.router import router
from benchmarks.runtime.servers import Place

_TRIAL = Payload("JSON", 1)
_TRIAL_CONNECTIONS = 16
_TRIAL_SECONDS = 2


class Pool:
    """Starts and keeps servers; says which of their settings won, and which failed."""

    def __init__(self, folder: Path, served: dict[str, Served], *, server: int, load: int) -> None:
        """Use these two cores."""
        self.settings: dict[tuple[str, str], str] = {}
        self.notes: list[str] = []
        self._folder = folder
        self._served = served
        self._server_core, self._load_core = server, load
        self._running: dict[tuple[str, str], Process] = {}
        self._routers: dict[tuple[str, str], Process] = {}
        self._peaks: dict[tuple[str, str], int] = {}
        self._expected: dict[str, Callable[[Rows], list[int]]] = {}
        self._count = 0

    def target(self, contender: Contender, model: str, payload: Payload) -> Target:
        """Return where to send that payload, after its answers were compared.

        Raises:
            BenchmarkError: the server cannot be started, or answers something else.
        """
        place = (contender.server.key, model)
        if place not in self._running:
            self._running[place] = self._best(contender, model)
        process = self._running[place]
        if not contender.routed:
            return self._checked(contender, model, payload, process, (process,))
        if place not in self._routers:
            launch = router(process.host, process.port, self._new_folder())
            self._routers[place] = self._start("the router", launch, self._load_core)
        front = self._routers[place]
        return self._checked(contender, model, payload, front, (process, front))

    def peak_bytes(self) -> dict[tuple[str, str], int]:
        """Return the peak memory by server and model, of those that were stopped too."""
        now = {place: process.peak_bytes() for place, process in self._running.items()}
        return {**self._peaks, **now}

    def stop(self) -> None:
        """End all servers."""
        self._peaks = self.peak_bytes()
        for process in [*self._routers.values(), *self._running.values()]:
            process.stop()
        self._routers.clear()
        self._running.clear()

    def _checked(
        self,
        contender: Contender,
        model: str,
        payload: Payload,
        front: Process,
        processes: tuple[Process, ...],
    ) -> Target:
        path = contender.server.path.format(name=model)
        dialect = contender.dialects[payload.encoding]
        if model not in self._expected:
            self._expected[model] = expected(self._served[model])
        address = (front.host, front.port)
        asked = Asked(contender.title, address, path, dialect, self._expected[model])
        # Several requests of one row, whatever the payload: a fixed answer would not pass.
        checked(asked, rows_of(10))
        rows = rows_of(payload.rows)
        size = checked(asked, rows)
        url = f"http://{front.host}:{front.port}{path}"
        return Target(contender.title, url, dialect.request(rows), size, processes)

    def _best(self, contender: Contender, model: str) -> Process:
        """Start a server; of several settings the one with most requests per second in a trial."""
        server = contender.server
        programs = environment(server.peer) if server.peer else BIN
        best = next(iter(server.settings))
        if len(server.settings) > 1:
            best = self._trials(contender, model, programs)
            self.settings[server.key, model] = best
        place = Place(self._served[model], self._new_folder(), programs)
        return self._start(contender.title, server.settings[best](place), self._server_core)

    def _trials(self, contender: Contender, model: str, programs: Path) -> str:
        """Return the settings with the most requests per second; those that fail are noted.

        Raises:
            BenchmarkError: none of them works.
        """
        rates: dict[str, float] = {}
        problem = BenchmarkError(f"{contender.title} has no settings")
        for label, launch in contender.server.settings.items():
            place = Place(self._served[model], self._new_folder(), programs)
            name = f"{contender.title} ({label})"
            try:
                rates[label] = self._trial(contender, model, name, launch(place))
            except BenchmarkError as error:
                problem = error
                self.notes.append(f"Not tried: {error}")
        if not rates:
            raise problem
        tried = ", ".join(f"{label} {rate:,.0f}/s" for label, rate in rates.items())
        sys.stderr.write(f"{contender.title}, {model}, trials: {tried}\n")
        return max(rates, key=lambda label: rates[label])

    def _trial(self, contender: Contender, model: str, name: str, launch: Launch) -> float:
        process = self._start(name, launch, self._server_core)
        try:
            target = self._checked(contender, model, _TRIAL, process, (process,))
            work = self._new_folder()
            measure(target, _TRIAL_CONNECTIONS, 1, work)  # to warm up
            return measure(target, _TRIAL_CONNECTIONS, _TRIAL_SECONDS, work).rate
        finally:
            process.stop()

    def _start(self, name: str, launch: Launch, core: int) -> Process:
        process = Process(name, launch, core, self._new_folder() / "log")
        try:
            process.wait_ready()
        except BenchmarkError:
            process.stop()
            raise
        return process

    def _new_folder(self) -> Path:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        return folder
