"""At several times its capacity the server keeps answering, sheds the rest, and recovers."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lockstep_runtime.inference.warmup import MEASURED_ROWS
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from runtime import estimators
from runtime.process import Runtime, serve_arguments, started

INFER = "/v2/models/wine/infer"
# More than is ever computed on the event loop, so that the model's thread has each request.
ROWS = MEASURED_ROWS + 1


def taking(seconds: float) -> dict[str, object]:
    tensor = {"name": "x", "datatype": "FP64", "shape": [ROWS, 1], "data": [seconds] * ROWS}
    return {"inputs": [tensor]}


@contextmanager
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: object) -> Iterator[Runtime]:
    """A server whose predictions take as long as the request says."""
    monkeypatch.setenv("PYTHONPATH", str(Path(estimators.__file__).parents[1]))
    source = estimators.save_joblib(estimators.Sleeper(), tmp_path / "wine.joblib")
    fetch(FetchRequest(source.as_uri(), tmp_path / "m"))
    arguments = serve_arguments(tmp_path / "m", "--trust", "pickle", *more)
    with started(tmp_path / "log", *arguments) as runtime:
        runtime.wait_event("ready")
        runtime.wait_listening()
        yield runtime


def resident_mib(runtime: Runtime) -> float:
    status = Path(f"/proc/{runtime.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


async def test_it_sheds_what_is_too_much_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each prediction takes 50 ms, so three seconds have room for sixty; 40 clients ask at once."""
    with sleeper(tmp_path, monkeypatch, "--max-queue", 10) as runtime:
        async with httpx.AsyncClient(base_url=runtime.url, timeout=30) as client:
            await client.post(INFER, json=taking(0))
            before = resident_mib(runtime)
            end = time.monotonic() + 3
            seen: Counter[int] = Counter()
            waited: list[str] = []

            async def ask() -> None:
                while time.monotonic() < end:
                    answer = await client.post(INFER, json=taking(0.05))
                    seen[answer.status_code] += 1
                    if answer.status_code == 429:
                        waited.append(answer.headers["retry-after"])
                        await asyncio.sleep(0.02)

            await asyncio.gather(*(ask() for _ in range(40)))
            assert set(seen) == {200, 429}
            assert seen[200] > 30, "it kept answering at nearly its capacity"
            assert seen[429] > seen[200], "and shed the rest"
            assert set(waited) == {"1"}
            assert resident_mib(runtime) < before + 50
            assert (await client.post(INFER, json=taking(0))).status_code == 200
        assert "Traceback" not in runtime.output


async def test_probes_are_answered_during_a_long_prediction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sleeper(tmp_path, monkeypatch) as runtime:
        async with httpx.AsyncClient(base_url=runtime.url, timeout=30) as client:
            long = asyncio.create_task(client.post(INFER, json=taking(5)))
            probes = 0
            while not long.done():
                answer = await client.get("/v2/health/ready")
                assert answer.status_code == 200
                probes += 1
                await asyncio.sleep(0.1)
            assert (await long).status_code == 200
            assert probes > 10


async def test_a_request_that_waited_too_long_is_504(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sleeper(tmp_path, monkeypatch) as runtime:
        async with httpx.AsyncClient(base_url=runtime.url, timeout=30) as client:
            long = asyncio.create_task(client.post(INFER, json=taking(2)))
            await asyncio.sleep(0.2)
            late = await client.post(INFER, json=taking(0), headers={"timeout": "0.3"})
            assert (late.status_code, late.json()) == (
                504,
                {"error": "the request waited for its timeout of 0.3 s"},
            )
            routed = {"x-envoy-expected-rq-timeout-ms": "100"}
            assert (await client.post(INFER, json=taking(0), headers=routed)).status_code == 504
            assert (await long).status_code == 200
            metrics = (await client.get("/metrics")).text
    assert (
        'lockstep_inference_unserved_total{reason="timeout",revision="wine-1a2b3c4d"} 2' in metrics
    )
