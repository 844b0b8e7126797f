"""The node runs on uvloop, so its tests do; and a whole sandbox for those that need one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from lockstep_sandbox.lifecycle import Sandbox, down, up
from unit.sandbox_node.cluster import Cluster, open_cluster

IMAGES = '- {match: "python:*", entrypoint: [python3], env: {PYTHONUNBUFFERED: "1"}}\n'


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "images.yaml"
    path.write_text(IMAGES)
    return path


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Sandbox]:
    """A sandbox with its usual pessimism and a short restart back-off."""
    folder = tmp_path_factory.mktemp("sandbox")
    yield up(folder, images, back_off=1.0)
    down(folder)


@pytest.fixture
async def cluster(sandbox: Sandbox, request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """A namespace of the test's own in the sandbox; deleted with all that is in it."""
    async with open_cluster(sandbox, request.node.name) as found:
        yield found
