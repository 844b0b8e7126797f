import pytest

from lockstep_operator.core.errors import Conflict, Forbidden, Invalid, NameConflict, Unavailable
from lockstep_operator.core.plan import RevisionPatch
from lockstep_operator.shell.store import Store
from lockstep_operator.shell.writer import APPLIED_ANNOTATION, Writer
from operator_shell.api import Api
from operator_shell.manifests import NAMESPACE, build, child, deployment, labels, revision

NAME = "churn-1a2b3c4d"


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def writer(api, store):
    return Writer(api, store)


async def test_looks_first_then_applies_then_knows(writer, api, store):
    await writer.apply(child())
    assert api.calls == ["get Service churn-1a2b3c4d", "apply Service churn-1a2b3c4d"]
    assert writer.get("Service", NAMESPACE, NAME)["spec"] == {"port": 80}
    await writer.apply(child())
    assert len(api.calls) == 2


async def test_applies_again_what_changed(writer, api):
    await writer.apply(child(port=80))
    await writer.apply(child(port=81))
    assert len(api.writes()) == 2


async def test_takes_back_what_somebody_changed(writer, api, store):
    live = await writer.apply(child(port=80))
    store.put(api.seed(live | {"spec": {"port": 99}}))
    await writer.apply(child(port=80))
    assert api.objects[("Service", NAMESPACE, NAME)]["spec"] == {"port": 80}


async def test_leaves_alone_what_others_add(writer, api, store):
    live = await writer.apply(child(port=80))
    store.put(api.seed(live | {"spec": {"port": 80, "clusterIP": "None"}, "status": {"a": 1}}))
    await writer.apply(child(port=80))
    assert len(api.writes()) == 1


async def test_a_field_no_longer_wanted_is_applied_away(writer, api):
    await writer.apply(child(port=80, extra=1))
    await writer.apply(child(port=80))
    assert len(api.writes()) == 2


async def test_the_servers_own_way_of_writing_a_value_is_tried_once(writer, api, store):
    api.normalise = lambda live: live | {"spec": {"cpu": "500m"}}
    await writer.apply(child(cpu="0.5"))
    store.put(api.seed(writer.get("Service", NAMESPACE, NAME) | {"status": {"a": 1}}))
    await writer.apply(child(cpu="0.5"))
    assert len(api.writes()) == 1
    store.put(api.seed(writer.get("Service", NAMESPACE, NAME) | {"spec": {"cpu": "1"}}))
    await writer.apply(child(cpu="0.5"))
    assert len(api.writes()) == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": {"app": "theirs"}},
        {"labels": labels("other")},
        {"labels": labels(component="router")},
        {
            "labels": labels(),
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "X", "name": "x", "controller": True}
            ],
        },
    ],
)
async def test_never_touches_a_stranger(writer, api, metadata):
    api.seed(build("Service", NAME, metadata=metadata, spec={"port": 1}))
    with pytest.raises(NameConflict, match="Service 'churn-1a2b3c4d' exists"):
        await writer.apply(child())
    with pytest.raises(NameConflict):
        await writer.apply(child())
    assert api.calls == ["get Service churn-1a2b3c4d"]


async def test_a_stranger_that_took_the_name_meanwhile_is_not_overwritten(writer, api, store):
    await writer.apply(child(port=80))
    del api.objects[("Service", NAMESPACE, NAME)]
    api.seed(build("Service", NAME, uid="theirs", spec={"port": 1}))
    with pytest.raises(Conflict):
        await writer.apply(child(port=81))
    with pytest.raises(NameConflict):
        await writer.apply(child(port=81))
    assert api.objects[("Service", NAMESPACE, NAME)]["spec"] == {"port": 1}


async def test_a_write_planned_from_an_older_version_is_refused(writer, api, store):
    live = await writer.apply(child(port=80))
    changed = api.seed(live | {"spec": {"port": 99}})
    with pytest.raises(Conflict):
        await writer.apply(child(port=81), live["metadata"]["resourceVersion"])
    assert store.get("Service", NAMESPACE, NAME)["spec"] == changed["spec"]


@pytest.mark.parametrize("error", [Invalid("bad"), Forbidden("quota")])
async def test_a_refusal_is_not_asked_for_again_at_once(writer, api, error):
    api.fail("apply", "Service", error)
    for _ in range(3):
        with pytest.raises(type(error)):
            await writer.apply(child(port=0))
    assert len(api.writes()) == 1
    await writer.apply(child(port=80))


async def test_the_applied_mark_stays_on_our_own_objects(writer, api, store):
    live = await writer.apply(child())
    assert APPLIED_ANNOTATION in live["metadata"]["annotations"]
    store.put(api.seed(deployment(version=5)))
    await writer.status("ModelDeployment", NAMESPACE, "churn", {"a": 1})
    assert "annotations" not in api.objects[("ModelDeployment", NAMESPACE, "churn")]["metadata"]


async def test_status_is_written_only_when_it_says_something_new(writer, api, store):
    store.put(api.seed(deployment(status={"a": 1, "old": True})))
    await writer.status("ModelDeployment", NAMESPACE, "churn", {"a": 1, "b": {"c": 2}})
    await writer.status("ModelDeployment", NAMESPACE, "churn", {"a": 1, "b": {"c": 2}})
    assert api.writes() == ["patch ModelDeployment/status churn"]
    assert api.objects[("ModelDeployment", NAMESPACE, "churn")]["status"] == {"a": 1, "b": {"c": 2}}


async def test_status_of_a_successor_is_not_overwritten(writer, api, store):
    store.put(deployment(uid="old", version=1))
    api.seed(deployment(uid="new"))
    with pytest.raises(Conflict):
        await writer.status("ModelDeployment", NAMESPACE, "churn", {"a": 1})
    assert store.get("ModelDeployment", NAMESPACE, "churn")["metadata"]["uid"] == "new"


async def test_status_of_what_is_gone_is_no_error(writer, api, store):
    store.put(deployment())
    await writer.status("ModelDeployment", NAMESPACE, "churn", {"a": 1})
    assert store.get("ModelDeployment", NAMESPACE, "churn") is None


async def test_a_patch_holds_only_for_the_planned_version(writer, api, store):
    planned = api.seed(revision())
    patch = RevisionPatch(NAME, planned["metadata"]["resourceVersion"], {"spec": {"x": 1}})
    api.seed(revision(spec={"quarantine": {"reason": "bad"}}))
    with pytest.raises(Conflict):
        await writer.patch("ModelRevision", NAMESPACE, patch)
    assert store.get("ModelRevision", NAMESPACE, NAME)["spec"]["quarantine"] == {"reason": "bad"}


async def test_a_patch_of_what_is_gone_means_a_new_plan(writer):
    with pytest.raises(Conflict, match="gone"):
        await writer.patch("ModelRevision", NAMESPACE, RevisionPatch(NAME, "1", {"spec": {}}))


async def test_creating_what_exists_reads_it(writer, api, store):
    api.seed(revision())
    with pytest.raises(Conflict):
        await writer.create(revision())
    assert store.get("ModelRevision", NAMESPACE, NAME) is not None


async def test_annotates_once_and_forgives_absence(writer, api, store):
    pod = build("Pod", "p", metadata={"labels": labels("churn", "router")})
    store.put(api.seed(pod))
    await writer.annotate("Pod", NAMESPACE, "p", {"a": "1"})
    await writer.annotate("Pod", NAMESPACE, "p", {"a": "1"})
    await writer.annotate("Pod", NAMESPACE, "gone", {"a": "1"})
    assert api.writes() == ["patch Pod p", "patch Pod gone"]


async def test_deletes_only_ours_and_exactly_that_one(writer, api, store):
    api.seed(build("Service", "theirs"))
    await writer.delete("Service", NAMESPACE, "theirs")
    await writer.delete("Service", NAMESPACE, "absent")
    assert api.writes() == []
    store.put(build("Service", "ours", uid="old", metadata={"labels": labels()}))
    api.seed(build("Service", "ours", uid="new", metadata={"labels": labels()}))
    with pytest.raises(Conflict):
        await writer.delete("Service", NAMESPACE, "ours")
    await writer.delete("Service", NAMESPACE, "ours")
    assert store.get("Service", NAMESPACE, "ours") is None


async def test_an_unanswered_write_changes_nothing_we_know(writer, api, store):
    api.fail("apply", "Service", Unavailable("down"))
    with pytest.raises(Unavailable):
        await writer.apply(child())
    assert store.get("Service", NAMESPACE, NAME) is None
    await writer.apply(child())
