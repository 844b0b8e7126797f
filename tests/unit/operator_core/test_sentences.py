"""What conditions, phases and Events say is so."""

from dataclasses import replace

from operator_core.world import World, deployment


def message(world: World, kind: str) -> str:
    conditions = world.md["status"]["conditions"]
    return next(str(one["message"]) for one in conditions if one["type"] == kind)


def rollout_message(world: World) -> str:
    return str(world.md["status"]["rollout"]["message"])


def unasked(world: World) -> None:
    world.router_moves = False
    world.live = replace(world.live, applied=False, healthy={})


def test_the_first_revision_waits_for_its_pod_and_then_for_the_router() -> None:
    world = World(pods_start=False)
    world.reconcile()
    world.reconcile()
    assert rollout_message(world) == f"waiting for 1 ready pod of {world.candidate()}"
    world.pods_start = True
    unasked(world)
    world.settle()
    name = world.candidate()
    assert rollout_message(world) == f"waiting for the router to see 1 healthy pod of {name}"


def test_a_candidate_with_ready_pods_waits_for_the_router(world: World) -> None:
    world.change("http://models/v2")
    unasked(world)
    world.settle()
    wanted = f"waiting for the router to see 1 healthy pod of {world.candidate()} to carry 10 %"
    assert rollout_message(world) == wanted
    world.order(world.candidate(), promote={"by": "eve"})
    world.settle()
    assert "promoted by eve: waiting for the router to see 2 healthy pods" in rollout_message(world)


def test_a_stable_revision_that_starts_is_one(world: World) -> None:
    name = world.current()
    world.children.clear()
    world.live = type(world.live)(ready_pods=2)
    world.pods_start = False
    world.settle()
    assert world.condition("Available") == ("False", "Starting")
    wanted = f"stable revision {name} gets its traffic once a pod is ready"
    assert message(world, "Available") == wanted
    world.pods_start = True
    unasked(world)
    world.reconcile()
    assert world.condition("Available") == ("False", "Starting")
    wanted = f"stable revision {name}: waiting for every router pod to send it the traffic"
    assert message(world, "Available") == wanted


def test_pods_that_no_router_sees_are_not_called_unready(world: World) -> None:
    name = world.current()
    world.router_moves = False
    world.live = replace(world.live, healthy={name: 0})
    world.settle()
    assert world.condition("Available") == ("False", "NoHealthyPods")
    assert (
        message(world, "Available") == f"{name}: its pods are ready, the router sees none healthy"
    )
    world.broken[name] = "out of memory"
    world.settle()
    assert world.condition("Available") == ("False", "NoReadyPods")
    assert message(world, "Available") == f"{name}: no ready pod: out of memory"


def test_an_approval_of_a_step_that_is_none_is_refused_aloud() -> None:
    steps = [{"weight": 10, "hold": "1m", "approval": True}, {"weight": 50, "hold": "1m"}]
    world = World(md=deployment(rollout={"steps": steps}))
    world.settle()
    world.change("http://models/v2")
    world.settle()
    name = world.candidate()
    world.order(name, approvals=[{"step": 7, "by": "eve"}, {"step": 1, "by": "eve"}])
    world.settle()
    assert world.revisions[name]["spec"]["rollout"]["approvals"] == [{"step": 1, "by": "eve"}]
    told = [one for one in world.events if one.startswith("ApprovalRefused")]
    assert told == [f"ApprovalRefused: {name} has no step 7 to approve: its rollout has 2 steps"]
    world.tick(seconds=61)
    assert world.weights()[name] == 5_000
