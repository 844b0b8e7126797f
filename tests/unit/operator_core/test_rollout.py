"""Behaviour of a whole rollout, over a cluster made of data."""

from dataclasses import replace
from datetime import timedelta

from operator_core.world import DIGEST, World


def test_first_revision_takes_everything(world: World) -> None:
    assert world.weights() == {world.current(): 10_000}
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Available") == ("True", "Serving")
    [revision] = world.revisions.values()
    assert revision["spec"]["observed"] == {"digest": DIGEST}
    assert [one["number"] for one in revision["spec"]["promotions"]] == [1]


def test_one_pod_loads_first() -> None:
    world = World()
    world.pods_start = False
    world.reconcile()
    world.children.clear()
    plan = world.reconcile()
    deployments = [child for child in plan.children if child["kind"] == "Deployment"]
    assert [child["spec"]["replicas"] for child in deployments] == [1]


def test_walks_the_steps_and_promotes(world: World) -> None:
    old = world.current()
    world.change("http://models/v2")
    world.settle()
    new = world.md["status"]["candidateRevision"]
    assert world.weights() == {old: 9_000, new: 1_000}
    assert world.condition("Ready") == ("False", "RollingOut")
    assert world.condition("Available")[0] == "True"
    world.tick(seconds=59)
    assert world.weights() == {old: 9_000, new: 1_000}
    world.tick(seconds=2)
    assert world.weights() == {old: 5_000, new: 5_000}
    world.tick(seconds=61)
    assert world.weights() == {new: 10_000}
    assert world.current() == new
    assert world.condition("Ready") == ("True", "Serving")
    assert ("Deployment", old) in world.children, "the previous stable stays warm"
    world.tick(hours=1, seconds=1)
    assert ("Deployment", old) not in world.children
    assert old in world.revisions


def test_no_weight_before_the_candidate_is_ready(world: World) -> None:
    world.pods_start, old = False, world.current()
    before = dict(world.weights())
    world.broken = {}
    world.change("http://models/v2")
    for _ in range(5):
        world.reconcile()
    assert world.weights() == before == {old: 10_000}


def test_lost_status_restarts_the_hold_of_the_same_step(world: World) -> None:
    world.change("http://models/v2")
    world.settle()
    world.tick(seconds=61)
    weights = world.weights()
    assert 5_000 in weights.values()
    del world.md["status"]
    world.tick(seconds=30)
    assert world.weights() == weights
    assert world.md["status"]["rollout"]["step"] == 2
    world.tick(seconds=31)
    assert world.weights() == weights, "the hold began anew"
    world.tick(seconds=30)
    assert len(world.weights()) == 1


def test_paused_freezes_weights(world: World) -> None:
    world.change("http://models/v2")
    world.settle()
    world.md["spec"]["paused"] = True
    weights = world.weights()
    world.tick(hours=2)
    assert world.weights() == weights
    assert world.condition("Ready") == ("False", "Paused")
    world.md["spec"]["paused"] = False
    world.tick(seconds=1)
    assert 5_000 in world.weights().values()


def test_a_third_manifest_supersedes_the_candidate(world: World) -> None:
    first = world.current()
    world.change("http://models/v2")
    world.settle()
    second = world.md["status"]["candidateRevision"]
    world.tick(seconds=61)
    world.change("http://models/v3")
    world.settle()
    third = world.md["status"]["candidateRevision"]
    assert third not in (first, second)
    assert world.weights() == {first: 9_000, third: 1_000}
    assert ("Deployment", second) not in world.children


def test_a_broken_model_leaves_stable_alone(world: World) -> None:
    first = world.current()
    world.change("http://models/v2")
    plan = world.plan()
    name = plan.creates[0]["metadata"]["name"]
    world.broken[name] = "sha256 is 1234, the spec says abcd"
    world.settle()
    assert world.weights() == {first: 10_000}
    assert world.condition("Stalled") == ("True", "FetchFailed")
    assert world.condition("Available")[0] == "True"
    message = world.revisions[name]["status"]["message"]
    assert message == "sha256 is 1234, the spec says abcd"
    assert "quarantine" not in world.revisions[name]["spec"]
    assert len([event for event in world.events if "sha256 is" in event]) == 2
    world.change("http://models/v3")
    world.settle()
    assert world.condition("Stalled")[0] == "False"
    assert 1_000 in world.weights().values()


def test_overdue_is_stalled(world: World) -> None:
    world.change("http://models/v2")
    world.pods_start = False
    world.reconcile()
    world.reconcile()
    world.now = world.now.replace(hour=1)
    world.reconcile()
    assert world.condition("Stalled") == ("True", "ProgressDeadlineExceeded")


def test_history_limit(world: World) -> None:
    world.md["spec"]["rollout"] = {"steps": [], "revisionHistoryLimit": 2, "keepWarm": "0s"}
    for number in range(2, 7):
        world.change(f"http://models/v{number}")
        world.settle()
    world.tick(seconds=1)
    uris = sorted(
        revision["spec"]["content"]["model"]["uri"] for revision in world.revisions.values()
    )
    assert uris == [f"http://models/v{number}" for number in (4, 5, 6)]


def test_another_default_image_and_defaulted_field_change_nothing(world: World) -> None:
    before = world.fingerprint()
    world.defaults = type(world.defaults)(runtime_image="lockstep/runtime:2")
    world.md["spec"]["model"]["trust"] = "none"
    world.md["spec"]["runtime"] = {"env": []}
    world.settle()
    del world.md["spec"]["runtime"], world.md["spec"]["model"]["trust"]
    assert world.fingerprint() == before


def test_restored_without_status_owners_and_workloads(world: World) -> None:
    world.promoted("http://models/v2")
    bad = world.promoted("http://models/v3")
    world.quarantine(bad)
    world.settle()
    stable = world.current()
    world.children.clear()
    world.live = type(world.live)(ready_pods=2)
    world.md["metadata"]["uid"] = "uid-restored"
    del world.md["status"]
    for revision in world.revisions.values():
        revision["metadata"].pop("ownerReferences", None)
        revision.pop("status", None)
    world.settle()
    assert world.current() == stable
    assert world.weights() == {stable: 10_000}
    assert world.condition("Ready") == ("False", "SpecQuarantined")
    assert not any(one["metadata"].get("ownerReferences") for one in world.revisions.values())


def test_an_owner_that_another_build_gave_is_taken_away(world: World) -> None:
    owner = {"kind": "ModelDeployment", "name": "churn", "uid": "uid-1"}
    [revision] = world.revisions.values()
    revision["metadata"]["ownerReferences"] = [owner]
    world.settle()
    assert "ownerReferences" not in revision["metadata"]


def test_a_promotion_is_told_though_its_own_pass_was_cut_short(world: World) -> None:
    """The write succeeded, its answer was lost, and the next pass finds it done."""
    world.change("http://models/v2")
    world.settle()
    world.now += timedelta(seconds=61)
    world.settle()
    world.now += timedelta(seconds=61)
    plan = world.plan()
    assert [patch.body["spec"]["promotions"][-1]["number"] for patch in plan.patches] == [2]
    world.carry_out(replace(plan, events=(), status=world.md["status"]))
    world.settle()
    told = [event for event in world.events if event.startswith("Promoted")]
    assert told[-1] == f"Promoted: {world.current()} is the stable revision"
    assert len(told) == 2
