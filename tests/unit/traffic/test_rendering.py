"""The files and objects that routes are turned into. `--update-golden` writes them anew."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from lockstep_operator.core.errors import Invalid, LockstepError
from lockstep_operator.core.routing import Backend, Match, Mirror, Route, Sticky, TrafficSettings
from lockstep_operator.traffic.envoy import config, manifests, names
from lockstep_operator.traffic.envoy.config import EMPTY, RouterConfig
from lockstep_operator.traffic.envoy.routes import route_text
from lockstep_operator.traffic.envoy.settings import RouterSettings
from traffic.fakes import NAMESPACE, model_deployment

SETTINGS = RouterSettings(image="envoyproxy/envoy:v1.40.0")


def route(deployment: str, timeout: float = 15.0, **weights: int) -> Route:
    """Weights by revision hash, repeated to eight digits."""
    backends = tuple(Backend(f"{deployment}-{key * 8}", weight) for key, weight in weights.items())
    return Route(NAMESPACE, deployment, backends, TrafficSettings(timeout=timeout))


def two_models() -> RouterConfig:
    one = EMPTY.with_route(route("churn", a=9_000, b=1_000), 20_000, SETTINGS)
    return one.with_route(route("fraud", timeout=2.5, c=0), 20_001, SETTINGS)


@pytest.mark.parametrize(
    "name",
    ["bootstrap.yaml", "lds.yaml", "cds.yaml", "route-churn.yaml", "route-fraud.yaml"],
)
def test_files(golden: Callable[[str, str], None], name: str) -> None:
    golden(f"envoy/{name}", two_models().data()[name])


FULL = Route(
    NAMESPACE,
    "churn",
    (Backend("churn-aaaaaaaa", 1_000), Backend("churn-bbbbbbbb", 9_000)),
    TrafficSettings(
        timeout=30.0,
        idle_timeout=2.0,
        matches=(
            Match(header="X-Canary", value="always"),
            Match(cookie="beta"),
            Match(header="host", value="old.example", to="stable"),
        ),
        sticky=Sticky(cookie="side", ttl_seconds=600.0),
        consecutive_errors=7,
        ejection_time=10.0,
        max_ejected_percent=30,
        max_connections=100,
        max_requests=200,
        max_pending_requests=300,
    ),
    Mirror("churn-aaaaaaaa", 25),
    candidate="churn-aaaaaaaa",
    stable="churn-bbbbbbbb",
)


@pytest.mark.parametrize("name", ["cds", "route-churn"])
def test_all_settings(golden: Callable[[str, str], None], name: str) -> None:
    full = EMPTY.with_route(FULL, 20_000, SETTINGS)
    golden(f"envoy/full-{name}.yaml", full.data()[f"{name}.yaml"])


@pytest.mark.parametrize("name", ["cds", "lds", "route-churn"])
def test_grpc(golden: Callable[[str, str], None], name: str) -> None:
    settings = TrafficSettings(grpc=True, matches=(Match(header="x-canary"),))
    mirror = Mirror("churn-aaaaaaaa", 25)
    wanted = replace(FULL, settings=settings, mirror=mirror)
    golden(
        f"envoy/grpc-{name}.yaml", EMPTY.with_route(wanted, 20_000, SETTINGS).data()[f"{name}.yaml"]
    )


def test_grpc_touches_nothing_of_http() -> None:
    wanted = replace(FULL, settings=replace(FULL.settings, grpc=True))
    [before] = yaml.safe_load(route_text(FULL))["resources"][0]["virtual_hosts"]
    [after] = yaml.safe_load(route_text(wanted))["resources"][0]["virtual_hosts"]
    added = len(after["routes"]) - len(before["routes"])
    assert after["routes"][added:] == before["routes"]
    assert all(one["match"]["grpc"] == {} for one in after["routes"][:added])
    clusters = EMPTY.with_route(FULL, 20_000, SETTINGS).clusters
    more = EMPTY.with_route(wanted, 20_000, SETTINGS).clusters
    assert {name: more[name] for name in clusters} == clusters
    assert more.keys() - clusters.keys() == {
        "grpc_churn-aaaaaaaa",
        "grpc_churn-bbbbbbbb",
        "grpc_match_churn-aaaaaaaa",
        "grpc_match_churn-bbbbbbbb",
    }


def test_grpc_has_the_weights_of_http() -> None:
    both = replace(route("churn", a=9_999, b=1), settings=TrafficSettings(grpc=True))
    [host] = yaml.safe_load(route_text(both))["resources"][0]["virtual_hosts"]
    split, other = ([*one["route"]["weighted_clusters"]["clusters"]] for one in host["routes"])
    assert [{**one, "name": f"grpc_{one['name']}"} for one in other] == split


def test_weights_and_shares_are_exact_to_a_hundredth_of_a_percent() -> None:
    """Envoy takes its random number modulo the sum of the weights, and the denominator."""
    smallest = replace(route("churn", a=9_999, b=1), mirror=Mirror("churn-bbbbbbbb", 1))
    host = yaml.safe_load(route_text(smallest))["resources"][0]["virtual_hosts"][0]
    actions = [one["route"] for one in host["routes"]]
    assert {
        tuple(one["weight"] for one in action["weighted_clusters"]["clusters"])
        for action in actions
    } == {(9_999, 1)}
    [policy] = actions[0]["request_mirror_policies"]
    assert policy["runtime_fraction"]["default_value"] == {
        "numerator": 1,
        "denominator": "TEN_THOUSAND",
    }


def test_no_setting_and_no_mirror_touches_the_split() -> None:
    """So their clusters exist only where they are asked for."""
    plain = {"churn-aaaaaaaa", "churn-bbbbbbbb"}
    extra = {"mirror_churn-aaaaaaaa", "match_churn-aaaaaaaa", "match_churn-bbbbbbbb"}
    assert set(EMPTY.with_route(FULL, 20_000, SETTINGS).clusters) == plain | extra
    assert set(two_models().clusters) == plain | {"fraud-cccccccc"}
    sides_only = replace(FULL, settings=TrafficSettings(), mirror=None)
    assert set(EMPTY.with_route(sides_only, 20_000, SETTINGS).clusters) == plain


def test_objects(golden: Callable[[str, str], None]) -> None:
    owners = [model_deployment("fraud"), model_deployment("churn")]
    data = {names.BOOTSTRAP_FILE: "admin: {}\n"}
    objects = [
        manifests.router_configmap(NAMESPACE, data, owners),
        manifests.router_deployment(NAMESPACE, SETTINGS, data, owners),
        manifests.router_disruption_budget(NAMESPACE, owners),
        manifests.user_service(NAMESPACE, owners[1], 20_000),
        manifests.user_service(NAMESPACE, owners[0], 20_001, grpc=True),
    ]
    golden("envoy/manifests.yaml", yaml.safe_dump_all(objects, sort_keys=False))


def test_files_do_not_depend_on_the_order_of_writes() -> None:
    fraud_first = EMPTY.with_route(route("fraud", timeout=2.5, c=0), 20_001, SETTINGS)
    assert fraud_first.with_route(route("churn", b=1_000, a=9_000), 20_000, SETTINGS).data() == (
        two_models().data()
    )


def test_a_change_of_one_route_changes_one_file() -> None:
    before = two_models()
    after = before.with_route(route("churn", a=7_500, b=2_500), 20_000, SETTINGS)
    changed = {key for key, text in after.data().items() if text != before.data()[key]}
    assert changed == {"route-churn.yaml"}


def test_a_new_revision_leaves_the_others_lines_alone() -> None:
    before = two_models().data()
    churn = route("churn", a=9_000, b=1_000, d=0)
    after = two_models().with_route(churn, 20_000, SETTINGS).data()
    lines = set(after["cds.yaml"].splitlines()) - set(before["cds.yaml"].splitlines())
    assert [line for line in lines if line.startswith('{"@type"')] == [
        line for line in after["cds.yaml"].splitlines() if '"name":"churn-dddddddd"' in line
    ]
    assert after["route-churn.yaml"] == before["route-churn.yaml"]


def test_every_routed_cluster_is_known_and_the_rest_is_not_routed() -> None:
    data = two_models().with_route(route("churn", a=10_000, b=0), 20_000, SETTINGS).data()
    known = {cluster["name"] for cluster in json.loads(data["cds.yaml"])["resources"]}
    assert known == {"churn-aaaaaaaa", "churn-bbbbbbbb", "fraud-cccccccc"}
    assert "churn-aaaaaaaa" in data["route-churn.yaml"]
    assert "churn-bbbbbbbb" not in data["route-churn.yaml"]


def test_a_revision_that_is_left_out_loses_its_cluster() -> None:
    data = two_models().with_route(route("churn", a=10_000), 20_000, SETTINGS).data()
    assert "churn-bbbbbbbb" not in data["cds.yaml"]


def test_versions_follow_the_content() -> None:
    def versions(wanted: RouterConfig) -> list[str]:
        return [yaml.safe_load(text).get("version_info") for text in wanted.data().values()]

    again = two_models().with_route(route("churn", a=9_000, b=1_000), 20_000, SETTINGS)
    assert versions(two_models()) == versions(again)
    moved = two_models().with_route(route("churn", a=9_000, b=1_000), 20_005, SETTINGS)
    differs = [a != b for a, b in zip(versions(two_models()), versions(moved), strict=True)]
    assert dict(zip(two_models().data(), differs, strict=True)) == {
        "bootstrap.yaml": False,
        "cds.yaml": False,
        "lds.yaml": True,
        "route-churn.yaml": False,
        "route-fraud.yaml": False,
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (route("churn", a=9_000), "weights [9000] are not a split of 10000"),
        (route("churn", a=10_001, b=-1), "weights [10001, -1] are not a split of 10000"),
        (route("churn", timeout=0, a=10_000), "timeout 0 s is not above 0"),
        (
            replace(route("churn", a=10_000), mirror=Mirror("churn-aaaaaaaa", 10_001)),
            "mirror share 10001 is not in 0..10000",
        ),
        (
            replace(route("churn", a=10_000), settings=TrafficSettings(idle_timeout=0.0)),
            "idle timeout 0.0 s is not above 0",
        ),
        (
            Route(NAMESPACE, "churn", (Backend("churn-aaaaaaaa", 5_000),) * 2),
            "a revision stands twice",
        ),
    ],
)
def test_what_is_no_split_is_refused(wrong: Route, message: str) -> None:
    with pytest.raises(LockstepError) as error:
        route_text(wrong)
    assert str(error.value) == f"route of 'churn': {message}"


def test_a_name_of_another_models_revision_is_refused() -> None:
    churn = EMPTY.with_route(route("churn-a", b=10_000), 20_000, SETTINGS)
    clash = Route(NAMESPACE, "churn", (Backend("churn-a-bbbbbbbb", 10_000),))
    with pytest.raises(Invalid, match="'churn-a-bbbbbbbb' of 'churn' has the name of another"):
        churn.with_route(clash, 20_001, SETTINGS)


def test_more_than_a_configmap_holds_is_refused() -> None:
    many, roomy = EMPTY, replace(SETTINGS, max_models=250)
    for number in range(250):
        many = many.with_route(route(f"m{number}", a=9_000, b=1_000), 20_000 + number, roomy)
    with pytest.raises(Invalid) as error:
        many.data()
    assert f"above the limit of {config.MAX_BYTES}" in str(error.value)
    assert "250 ModelDeployments, 500 revisions" in str(error.value)


def test_one_model_too_many_is_refused_and_the_others_go_on() -> None:
    full = replace(SETTINGS, max_models=2)
    with pytest.raises(Invalid, match="at most 2 ModelDeployments; move 'third' to another"):
        two_models().with_route(route("third", a=10_000), 20_002, full)
    two_models().with_route(route("churn", a=10_000, b=0), 20_000, full)


def test_routers_of_different_namespaces_run_as_different_users() -> None:
    def user(namespace: str) -> int:
        data = {names.BOOTSTRAP_FILE: ""}
        deployment = manifests.router_deployment(namespace, SETTINGS, data, ())
        return int(deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"])

    users = {user(f"team-{number}") for number in range(50)}
    assert len(users) == 50
    assert user("shop") == user("shop")
    assert all(1_000 < one < 65_536 for one in users)


def test_the_pods_restart_only_for_another_bootstrap() -> None:
    def template(data: dict[str, str]) -> object:
        deployment = manifests.router_deployment(NAMESPACE, SETTINGS, data, ())
        return deployment["spec"]["template"]

    before = two_models()
    after = before.with_route(route("churn", a=10_000, b=0), 20_000, SETTINGS)
    assert template(before.data()) == template(after.data())
    assert template(before.data()) != template(before.data() | {"bootstrap.yaml": "{}"})
