import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from lockstep_operator.core.errors import Conflict, Forbidden, NotFound, Unavailable
from lockstep_operator.shell.connection import StartupError
from lockstep_operator.shell.leader import Leader, LeaseLost
from operator_shell.api import Api
from operator_shell.manifests import NAMESPACE
from virtual_time import run

KEY = ("Lease", NAMESPACE, "lockstep-operator")


@pytest.fixture
def api():
    return Api()


def leader(api, identity="me", own_pod=None):
    return Leader(api, NAMESPACE, "lockstep-operator", identity, own_pod)


def lease(holder="other", age=0.0, **spec):
    renewed = datetime.now(UTC) - timedelta(seconds=age)
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": NAMESPACE, "name": "lockstep-operator"},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "renewTime": renewed.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            **spec,
        },
    }


async def seconds(work):
    start = asyncio.get_running_loop().time()
    await work
    return asyncio.get_running_loop().time() - start


def test_creates_the_lease_and_leads_at_once(api):
    me = leader(api)
    assert run(seconds(me.acquire())) == 0
    assert api.objects[KEY]["spec"]["holderIdentity"] == "me"
    assert api.objects[KEY]["spec"]["leaseDurationSeconds"] == 15


def test_a_create_whose_answer_got_lost_is_looked_at_again(api):
    me = leader(api)
    api.fail("create", "Lease", Unavailable("server disconnected"))
    run(me.acquire())
    assert api.objects[KEY]["spec"]["holderIdentity"] == "me"


def test_no_right_to_create_the_lease_is_said(api):
    api.fail("create", "Lease", Forbidden("no"))
    with pytest.raises(StartupError, match="no right"):
        run(leader(api).acquire())


@pytest.mark.parametrize(
    "free",
    [
        lease(holder=""),
        lease(holder=None),
        lease(age=31),
        lease(renewTime=None),
        lease(holder="me"),
    ],
)
def test_a_free_or_long_expired_lease_is_taken_at_once(api, free):
    api.seed(free)
    assert run(seconds(leader(api).acquire())) == 0
    assert api.objects[KEY]["spec"]["leaseTransitions"] == 1


def test_a_lease_without_spec_is_free(api):
    api.seed({key: value for key, value in lease().items() if key != "spec"})
    assert run(seconds(leader(api).acquire())) == 0


def test_after_a_killed_leader_the_successor_waits_out_the_lease(api):
    api.seed(lease())
    assert 15 <= run(seconds(leader(api).acquire())) <= 18


def test_a_process_that_was_killed_is_succeeded_at_once_by_the_next_of_its_pod(api):
    api.seed(lease(holder="operator-0_uid-1_a"))
    assert run(seconds(leader(api, "operator-0_uid-1_b", "operator-0_uid-1_").acquire())) == 0
    assert api.objects[KEY]["spec"]["holderIdentity"] == "operator-0_uid-1_b"


@pytest.mark.parametrize("holder", ["operator-0_uid-2_a", "operator-0", "operator-1_uid-1_a"])
def test_a_process_of_another_pod_may_still_live(api, holder):
    api.seed(lease(holder=holder))
    me = leader(api, "operator-0_uid-1_b", "operator-0_uid-1_")
    assert run(seconds(me.acquire())) >= 15


def test_a_lease_that_is_renewed_is_not_taken(api):
    async def scenario():
        acquiring = asyncio.create_task(leader(api).acquire())
        for _ in range(20):
            api.seed(lease())
            await asyncio.sleep(5)
            assert not acquiring.done()
        assert 10 <= await seconds(acquiring) <= 18

    run(scenario())


def test_two_candidates_one_leader(api):
    async def scenario():
        api.seed(lease())
        candidates = [asyncio.create_task(leader(api, name).acquire()) for name in "ab"]
        done, _ = await asyncio.wait(candidates, timeout=30)
        assert len(done) == 1

    run(scenario())


def test_renews_and_holds(api):
    async def scenario():
        me = leader(api)
        await me.acquire()
        holding = asyncio.create_task(me.hold())
        for _ in range(100):
            await asyncio.sleep(1)
            assert me.holds()
        holding.cancel()
        assert 15 <= api.writes().count("replace Lease lockstep-operator") <= 26

    run(scenario())


def test_short_trouble_is_ridden_out(api):
    async def scenario():
        me = leader(api)
        await me.acquire()
        for error in (Unavailable("down"), Unavailable("down"), Conflict("edited")):
            api.fail("replace", "Lease", error)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(me.hold(), 30)
        assert me.holds()

    run(scenario())


def test_long_trouble_ends_it_before_anybody_else_may_lead(api):
    async def scenario():
        me = leader(api)
        await me.acquire()
        for _ in range(100):
            api.fail("replace", "Lease", Unavailable("down"))
        with pytest.raises(LeaseLost, match="not renewed"):
            await me.hold()
        assert me.holds()
        await asyncio.sleep(5)
        assert not me.holds()

    run(scenario())


def test_a_taken_lease_ends_it(api):
    async def scenario():
        me = leader(api)
        await me.acquire()
        api.seed(lease(holder="other"))
        with pytest.raises(LeaseLost, match="taken by other"):
            await me.hold()

    run(scenario())


def test_a_deleted_lease_is_made_again(api):
    async def scenario():
        me = leader(api)
        await me.acquire()
        del api.objects[KEY]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(me.hold(), 60)
        assert api.objects[KEY]["spec"]["holderIdentity"] == "me"

    run(scenario())


def test_a_process_that_stood_still_knows_that_it_may_no_longer_write(api):
    async def scenario():
        me = leader(api)
        assert not me.holds()
        await me.acquire()
        await asyncio.sleep(16)
        assert not me.holds()

    run(scenario())


def test_a_released_lease_is_free_for_the_next(api):
    async def scenario():
        me = leader(api)
        await me.acquire()
        await me.release()
        assert "holderIdentity" not in api.objects[KEY]["spec"]
        assert not me.holds()
        assert await seconds(leader(api, "next").acquire()) == 0

    run(scenario())


def test_a_lease_that_was_edited_is_released_all_the_same(api):
    async def scenario():
        me = leader(api)
        await me.acquire()
        api.seed(api.objects[KEY])
        await me.release()
        assert "holderIdentity" not in api.objects[KEY]["spec"]

    run(scenario())


def test_releasing_somebody_elses_lease_does_nothing(api):
    async def scenario():
        me = leader(api)
        await me.acquire()
        api.seed(lease(holder="other"))
        await me.release()
        assert api.objects[KEY]["spec"]["holderIdentity"] == "other"

    run(scenario())


def test_says_what_is_missing(api):
    api.fail("create", "Lease", NotFound("namespaces not found"))
    with pytest.raises(StartupError, match=r"no namespace 'shop'.*--namespace"):
        run(leader(api).acquire())
    api.fail("get", "Lease", Forbidden("leases is forbidden"))
    with pytest.raises(StartupError, match="leases is forbidden"):
        run(leader(api).acquire())
