import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from lockstep_operator.api.group import ORPHANED_ANNOTATION
from lockstep_operator.shell.farewell import Farewell
from lockstep_operator.shell.store import Store
from lockstep_operator.shell.writer import Writer
from operator_shell.api import Api
from operator_shell.manifests import NAMESPACE, build, deployment, labels, revision
from virtual_time import run

OWNED = {"ownerReferences": [{"kind": "ModelDeployment", "name": "churn", "uid": "old"}]}


class Provider:
    def __init__(self):
        self.finalized = []

    async def finalize(self, namespace, name, owners):
        self.finalized.append((name, [one["metadata"]["name"] for one in owners]))


class World:
    def __init__(self):
        self.api, self.store, self.provider = Api(), Store(), Provider()
        self.farewell = Farewell(self.store, Writer(self.api, self.store), self.provider)

    def have(self, manifest):
        self.store.put(self.api.seed(manifest))

    async def say(self, gone=True):
        return await self.farewell.say(NAMESPACE, "churn", gone)

    def left(self):
        return sorted(f"{kind} {name}" for kind, _, name in self.api.objects)


@pytest.fixture
def world():
    return World()


def days_ago(days):
    return (datetime.now(UTC) - timedelta(days=days)).isoformat().replace("+00:00", "Z")


def quarantined(name, time=None, **parts):
    mark = {"reason": "bad"} | ({"time": time} if time else {})
    return revision(name, spec={"quarantine": mark}, **parts)


def service(name, **metadata):
    return build("Service", name, metadata={"labels": labels(), **metadata})


def test_the_route_goes_first_and_learns_who_is_left(world):
    world.have(deployment("fraud"))
    world.have(deployment("churn", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}))
    run(world.say(gone=False))
    assert world.provider.finalized == [("churn", ["fraud"])]


def test_a_deployment_that_is_only_going_keeps_its_objects(world):
    world.have(service("a", **OWNED))
    assert run(world.say(gone=False)) is None
    assert world.left() == ["Service a"]


def test_what_is_owned_is_the_garbage_collectors(world):
    """With --cascade=orphan it is about to lose its owner, and to be found again."""
    world.have(service("a", **OWNED))
    world.have(revision("churn-1", metadata=OWNED))
    assert run(world.say()) is None
    assert world.left() == ["ModelRevision churn-1", "Service a"]
    assert not world.api.writes()


def test_a_quarantined_revision_stays_without_owner_and_with_a_time(world):
    world.have(quarantined("churn-1", metadata=OWNED))
    run(world.say())
    [kept] = world.api.objects.values()
    assert "ownerReferences" not in kept["metadata"]
    assert kept["spec"]["quarantine"]["reason"] == "bad"
    assert kept["metadata"]["annotations"][ORPHANED_ANNOTATION].endswith("Z")
    writes = list(world.api.writes())
    run(world.say())
    assert world.api.writes() == writes


def test_what_belongs_to_a_tombstone_goes(world):
    world.have(quarantined("churn-1", days_ago(1)))
    world.have(service("churn-1"))

    async def scenario():
        await asyncio.sleep(await world.say())
        await world.say()

    run(scenario())
    assert world.left() == ["ModelRevision churn-1"]


@pytest.mark.parametrize(("days", "left"), [(29, ["ModelRevision churn-1"]), (31, [])])
def test_tombstones_are_kept_for_thirty_days(world, days, left):
    orphaned = {"annotations": {ORPHANED_ANNOTATION: days_ago(days)}}
    world.have(quarantined("churn-1", days_ago(99), metadata=orphaned))
    run(world.say())
    assert world.left() == left


def test_the_days_count_from_the_deletion_not_from_the_quarantine(world):
    world.have(quarantined("churn-1", days_ago(99), metadata=OWNED))
    run(world.say())
    assert world.left() == ["ModelRevision churn-1"]


def test_ownerless_objects_wait_for_a_restore_to_bring_their_deployment(world):
    async def scenario():
        world.have(revision("churn-1"))
        world.have(service("churn-1"))
        delay = await world.say()
        assert world.left() == ["ModelRevision churn-1", "Service churn-1"]
        await asyncio.sleep(delay - 1)
        assert await world.say() == pytest.approx(1)
        await asyncio.sleep(1)
        assert await world.say() is None
        assert world.left() == []

    run(scenario())


def test_the_wait_starts_anew_when_the_deployment_was_there_again(world):
    async def scenario():
        world.have(service("churn-1"))
        delay = await world.say()
        await asyncio.sleep(delay - 1)
        world.farewell.cancel(NAMESPACE, "churn")
        assert await world.say() == pytest.approx(delay)

    run(scenario())


def test_strangers_with_other_parents_are_left_alone(world):
    world.have(build("Service", "x", metadata={"labels": labels("fraud"), **OWNED}))
    world.have(revision("fraud-1", "fraud", metadata=OWNED))
    run(world.say())
    assert len(world.left()) == 2
