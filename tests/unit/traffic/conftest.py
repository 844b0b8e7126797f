from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest_asyncio

from traffic.rig import Rig, rigged


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    # Not pytest's own folder: a unix socket's path has at most 107 characters.
    with TemporaryDirectory(prefix="rtr") as folder:
        async with rigged(Path(folder)) as made:
            yield made
