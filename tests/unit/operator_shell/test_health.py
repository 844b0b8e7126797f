import aiohttp
import pytest

from lockstep_operator.shell.connection import StartupError
from lockstep_operator.shell.health import Health
from lockstep_operator.shell.metrics import Metrics


class Problems:
    alive: str | None = None
    ready: str | None = None


@pytest.fixture
async def problems():
    return Problems()


@pytest.fixture
async def get(problems):
    health = Health(Metrics(), alive=lambda: problems.alive, ready=lambda: problems.ready)
    port = await health.start("127.0.0.1", 0)

    async def get(path):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}{path}") as answer,
        ):
            return answer.status, await answer.text()

    get.port = port
    yield get
    await health.stop()


async def test_says_ok_or_what_is_wrong(get, problems):
    assert await get("/livez") == (200, "ok\n")
    problems.alive, problems.ready = "stuck", "not synced"
    assert await get("/livez") == (503, "stuck\n")
    assert await get("/readyz") == (503, "not synced\n")


async def test_offers_metrics(get):
    status, text = await get("/metrics")
    assert status == 200
    assert "# TYPE lockstep_is_leader gauge" in text


async def test_a_taken_port_is_told_in_one_line(get):
    other = Health(Metrics(), alive=lambda: None, ready=lambda: None)
    with pytest.raises(StartupError, match=f"cannot listen on 127.0.0.1:{get.port}: "):
        await other.start("127.0.0.1", get.port)
    await other.stop()
