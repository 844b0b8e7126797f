import asyncio

import pytest

from lockstep_operator.core.errors import Forbidden, NotFound, Unavailable
from lockstep_operator.shell.connection import StartupError
from lockstep_operator.shell.resync import Resync
from lockstep_operator.shell.store import Store
from operator_shell.api import Api
from operator_shell.manifests import NAMESPACE, build, deployment, labels, revision
from virtual_time import run


class World:
    def __init__(self):
        self.api, self.store, self.queued = Api(), Store(), []
        self.resync = Resync(self.api, self.store, self.enqueue, 300.0)

    def enqueue(self, key, delay):
        self.queued.append((key[1], delay))


@pytest.fixture
def world():
    world = World()
    world.api.seed(deployment("churn"))
    world.api.seed(revision("gone-1", "gone"))
    world.api.seed(build("Service", "s", metadata={"labels": labels("left")}))
    world.api.seed(build("Service", "stranger"))
    return world


def test_the_start_fills_the_store_and_queues_every_key_at_once(world):
    run(world.resync.start())
    assert world.store.get("ModelDeployment", NAMESPACE, "churn")
    assert world.store.get("Service", NAMESPACE, "stranger") is None
    assert sorted(world.queued) == [("churn", 0.0), ("gone", 0.0), ("left", 0.0)]


def test_the_start_waits_for_the_server(world):
    for _ in range(3):
        world.api.fail("list", "ModelDeployment", Unavailable("down"))
    run(world.resync.start())
    assert len(world.queued) == 3


@pytest.mark.parametrize(
    ("kind", "error", "sentence"),
    [
        ("ModelDeployment", NotFound("404"), "no ModelDeployment CRD.*kubectl apply -f crds/"),
        ("ModelRevision", NotFound("404"), "no ModelRevision CRD"),
        ("Pod", Forbidden("pods is forbidden"), "no right to list pods: pods is forbidden"),
    ],
)
def test_the_start_says_what_is_missing(world, kind, error, sentence):
    world.api.fail("list", kind, error)
    with pytest.raises(StartupError, match=sentence):
        run(world.resync.start())


def test_later_it_finds_what_the_watches_missed_and_spreads_the_rest(world):
    async def scenario():
        await world.resync.start()
        world.queued.clear()
        del world.api.objects[("Service", NAMESPACE, "s")]
        world.api.fail("list", "Pod", Unavailable("down"))
        running = asyncio.create_task(world.resync.run())
        await asyncio.sleep(365)  # one that fails, then another
        running.cancel()

    run(scenario())
    assert ("left", 0.0) in world.queued
    assert world.store.get("Service", NAMESPACE, "s") is None
    spread = dict(world.queued)
    assert set(spread) == {"left", "churn", "gone"}
    assert all(0 <= delay <= 150 for delay in spread.values())
