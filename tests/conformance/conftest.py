"""The sandbox that the recorded pairs are replayed against, its pessimism off."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.support.sandbox import running_sandbox, work_folder


@pytest.fixture(scope="session")
def sandbox_kubeconfig() -> Iterator[Path]:
    with work_folder() as folder, running_sandbox(folder, "--pessimism", "off") as kubeconfig:
        yield kubeconfig
