"""gRPC is offered by revisions; the router serves it as long as one of them that it knows does."""

from typing import Any

from operator_core.world import World, deployment


def settled(runtime: dict[str, Any]) -> World:
    world = World(md=deployment(runtime=runtime))
    world.settle()
    return world


def grpc(world: World) -> bool:
    assert world.live.settings is not None
    return world.live.settings.grpc


def container(world: World) -> dict[str, Any]:
    [child] = [one for (kind, _), one in world.children.items() if kind == "Deployment"]
    [found] = child["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_its_port_is_opened_on_demand() -> None:
    plain, offered = container(settled({})), container(settled({"grpc": True}))
    assert "--grpc-port" not in plain["command"]
    place = offered["command"].index("--grpc-port")
    assert offered["command"][place + 1] == "8082"
    assert {"name": "grpc", "containerPort": 8082, "protocol": "TCP"} in offered["ports"]
    custom = container(settled({"type": "Custom", "image": "team/server:3", "grpc": True}))
    assert [port["name"] for port in custom["ports"]] == ["http", "grpc"]


def test_it_is_content() -> None:
    world = settled({})
    before = world.current()
    world.md["spec"]["runtime"] = {"grpc": False}
    world.settle()
    assert world.current() == before, "equal to its default"
    world.md["spec"]["runtime"] = {"grpc": True}
    world.settle()
    assert len(world.revisions) == 2


def test_the_router_serves_it_while_a_revision_that_it_knows_offers_it() -> None:
    world = settled({"grpc": True})
    assert grpc(world)
    world.md["spec"]["runtime"] = {}
    world.settle()
    assert world.weights().keys() == {*world.revisions}, "both serve"
    assert grpc(world), "the users of the stable revision keep it"
    world.quarantine(world.candidate())
    world.settle()
    assert grpc(world)


def test_a_rollback_changes_no_setting() -> None:
    """So it stays one write of one file."""
    world = settled({})
    assert not grpc(world)
    world.md["spec"]["runtime"] = {"grpc": True}
    world.settle()
    before = world.live.settings
    world.quarantine(world.candidate())
    plan = world.plan()
    assert plan.route is not None
    assert plan.route.settings == before
