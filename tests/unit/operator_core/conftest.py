"""The world in which version 1 serves."""

import pytest

from operator_core.world import STEPS, World, deployment


@pytest.fixture
def world() -> World:
    world = World(md=deployment(**STEPS))
    world.settle()
    return world
