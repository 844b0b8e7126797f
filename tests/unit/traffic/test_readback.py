"""The router's ConfigMap is the only memory of its configuration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.core.errors import Invalid
from lockstep_operator.core.routing import (
    Backend,
    Endpoint,
    Match,
    Mirror,
    Route,
    Sticky,
    TrafficSettings,
)
from lockstep_operator.traffic.envoy import manifests, names
from lockstep_operator.traffic.envoy.config import EMPTY
from lockstep_operator.traffic.envoy.configmap import read_config
from lockstep_operator.traffic.envoy.ports import choose_port
from lockstep_operator.traffic.envoy.readback import (
    as_route,
    is_current,
    read_route_of,
    route_version,
    urgent_since,
)
from lockstep_operator.traffic.envoy.settings import RouterSettings
from traffic.fakes import NAMESPACE, model_deployment
from traffic.test_rendering import SETTINGS, route, two_models


def configmap(data: dict[str, str]) -> manifests.Manifest:
    return manifests.router_configmap(NAMESPACE, data, ())


def test_reading_gives_what_was_written() -> None:
    assert read_config(configmap(two_models().data())) == two_models()


def test_no_configmap_is_an_empty_configuration() -> None:
    assert read_config(None) == read_config(configmap({})) == EMPTY
    assert read_route_of(EMPTY, "churn").port is None


def test_the_route_is_read_back() -> None:
    live = read_route_of(two_models(), "churn")
    assert (live.port, live.settings) == (20_000, TrafficSettings())
    assert live.weights == {"churn-aaaaaaaa": 9_000, "churn-bbbbbbbb": 1_000}


def test_a_closed_route_keeps_its_clusters_and_timeout() -> None:
    live = read_route_of(two_models(), "fraud")
    assert (live.port, live.settings) == (20_001, TrafficSettings(timeout=2.5))
    assert live.weights == {"fraud-cccccccc": 0}


_seconds = st.floats(0.001, 1e6)
_names = st.text("abcxyz-_%", min_size=1, max_size=8)
_matches = st.builds(
    Match,
    header=st.none() | _names,
    value=st.none() | st.text(max_size=5),
    to=st.sampled_from(["candidate", "stable"]),
) | st.builds(Match, cookie=_names)
_settings = st.builds(
    TrafficSettings,
    timeout=_seconds,
    idle_timeout=st.none() | _seconds,
    matches=st.lists(_matches, max_size=4).map(tuple),
    sticky=st.none() | st.builds(Sticky, header=_names) | st.builds(Sticky, cookie=_names),
    ejection_time=_seconds | st.integers(0, 9),
    grpc=st.booleans(),
)

_endpoints = st.builds(
    Endpoint, st.integers(1, 65535), st.from_regex(r"/[\x21-\x7e]*", fullmatch=True)
)


@given(
    settings=_settings,
    share=st.integers(0, 10_000),
    mirror=st.none() | st.builds(Mirror, st.just("m-bbbbbbbb"), st.integers(0, 10_000)),
    sides=st.tuples(*[st.sampled_from([None, "m-aaaaaaaa", "m-bbbbbbbb"])] * 2),
    since=st.none() | st.just("2026-01-01T00:00:00.000+00:00"),
)
def test_settings_mirror_and_sides_survive(
    settings: TrafficSettings,
    share: int,
    mirror: Mirror | None,
    sides: tuple[str | None, str | None],
    since: str | None,
) -> None:
    backends = (Backend("m-aaaaaaaa", share), Backend("m-bbbbbbbb", 10_000 - share))
    wanted = Route(NAMESPACE, "m", backends, settings, mirror, *sides)
    config = EMPTY.with_route(wanted, 20_000, SETTINGS, urgent_since=since)
    read = read_config(configmap(config.data()))
    assert as_route(read_route_of(read, "m"), NAMESPACE, "m") == wanted
    assert urgent_since(read, "m") == since
    assert is_current(read, NAMESPACE, "m", SETTINGS)


def test_a_route_of_another_build_keeps_its_weights_and_has_no_settings() -> None:
    data = two_models().data()
    data["route-churn.yaml"] = data["route-churn.yaml"].replace("consecutive_errors", "other")
    config = read_config(configmap(data))
    live = read_route_of(config, "churn")
    assert live.settings is None
    assert live.weights == {"churn-aaaaaaaa": 9_000, "churn-bbbbbbbb": 1_000}
    assert not is_current(config, NAMESPACE, "churn", SETTINGS)


@given(
    share=st.integers(0, 10_000),
    spare=st.booleans(),
    timeout=st.integers(1, 3_600_000),
    endpoint=_endpoints,
)
def test_any_route_survives(share: int, spare: bool, timeout: int, endpoint: Endpoint) -> None:
    backends = [Backend("m-aaaaaaaa", share, endpoint), Backend("m-bbbbbbbb", 10_000 - share)]
    wanted = Route(
        NAMESPACE,
        "m",
        (*backends, *[Backend("m-cccccccc", 0)] * spare),
        TrafficSettings(timeout=timeout / 1_000),
    )
    config = EMPTY.with_route(wanted, 20_000, SETTINGS)
    live = read_route_of(read_config(configmap(config.data())), "m")
    assert as_route(live, NAMESPACE, "m") == wanted


def test_files_by_hand_in_another_style_are_read() -> None:
    data = two_models().data()
    data["cds.yaml"] = "version_info: mine\nresources: []\n"
    live = read_route_of(read_config(configmap(data)), "churn")
    assert live.weights == {"churn-aaaaaaaa": 9_000, "churn-bbbbbbbb": 1_000}


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "resources: 3", "resources: [{}]", "version_info: 1"]
)
@pytest.mark.parametrize("file", [names.CLUSTERS_FILE, names.LISTENERS_FILE])
def test_a_damaged_shared_file_is_told_and_the_rest_is_read(file: str, text: str) -> None:
    config = read_config(configmap(two_models().data() | {file: text}))
    assert config.damaged == (file,)
    assert config.routes == two_models().routes
    assert not is_current(config, NAMESPACE, "churn", SETTINGS)
    whole = "clusters" if file == names.LISTENERS_FILE else "listeners"
    assert getattr(config, whole) == getattr(two_models(), whole)


def test_lines_that_can_be_read_are_kept() -> None:
    data = two_models().data()
    data["cds.yaml"] = data["cds.yaml"].replace('"name":"churn-bbbbbbbb"', '"name":"churn-bb')
    config = read_config(configmap(data))
    assert config.damaged == ("cds.yaml",)
    assert set(config.clusters) == {"churn-aaaaaaaa", "fraud-cccccccc"}


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("lds.yaml", '"port_value":20000', '"port_value":"x"'),
        ("cds.yaml", '"deployment":"fraud"', '"deployed":"fraud"'),
        ("cds.yaml", '"name":"churn-bbbbbbbb"', '"name":"churn-aaaaaaaa"'),
    ],
)
def test_an_entry_without_its_owner_or_port_is_damage(file: str, before: str, after: str) -> None:
    data = two_models().data()
    assert before in data[file]
    data[file] = data[file].replace(before, after)
    assert read_config(configmap(data)).damaged == (file,)


@pytest.mark.parametrize("text", ["", "[", "{}", "resources: [{name: x}]\nversion_info: 1"])
def test_a_damaged_route_concerns_one_model_only(text: str) -> None:
    config = read_config(configmap(two_models().data() | {"route-churn.yaml": text}))
    live = read_route_of(config, "churn")
    assert (live.port, live.settings) == (20_000, None)
    assert live.weights == {"churn-aaaaaaaa": 0, "churn-bbbbbbbb": 0}
    assert read_route_of(config, "fraud") == read_route_of(two_models(), "fraud")
    assert not is_current(config, NAMESPACE, "churn", SETTINGS)
    assert is_current(config, NAMESPACE, "fraud", SETTINGS)


def test_the_version_is_the_files() -> None:
    text = two_models().data()["route-churn.yaml"]
    assert f'version_info: "{route_version(two_models(), "churn")}"' in text
    assert route_version(EMPTY, "churn") is None


def test_another_build_knows_that_it_would_write_something_else() -> None:
    other = RouterSettings(image="x", cluster_domain="example.org")
    assert is_current(two_models(), NAMESPACE, "churn", SETTINGS)
    assert not is_current(two_models(), NAMESPACE, "churn", other)
    assert not is_current(two_models(), NAMESPACE, "gone", SETTINGS)


def test_weights_that_somebody_edited_are_reported_and_not_current() -> None:
    data = two_models().data()
    data["route-churn.yaml"] = data["route-churn.yaml"].replace("weight: 9000", "weight: 1")
    config = read_config(configmap(data))
    assert read_route_of(config, "churn").weights["churn-aaaaaaaa"] == 1
    assert not is_current(config, NAMESPACE, "churn", SETTINGS)


def service(name: str, port: int) -> manifests.Manifest:
    return manifests.user_service(NAMESPACE, model_deployment(name), port)


def test_a_port_is_kept() -> None:
    assert choose_port("fraud", two_models(), [service("fraud", 20_007)]) == 20_001


def test_a_lost_configmap_does_not_lose_the_port() -> None:
    services = [service("churn", 20_004), service("fraud", 20_000)]
    assert choose_port("churn", EMPTY, services) == 20_004
    assert choose_port("new", EMPTY, services) == 20_001


def test_a_remembered_port_that_another_has_now_is_given_up() -> None:
    assert choose_port("new", two_models(), [service("new", 20_000)]) == 20_002


def test_ports_of_removed_models_are_used_again() -> None:
    assert choose_port("new", two_models().only({"fraud"}), []) == 20_000


def test_no_port_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "LAST_PORT", names.FIRST_PORT + 1)
    with pytest.raises(Invalid, match="ports 20000 to 20001 are all taken"):
        choose_port("new", two_models(), [])


def test_only_keeps_what_is_named() -> None:
    config = two_models().only({"fraud"})
    assert set(config.listeners) == {names.READY_LISTENER, "fraud"}
    assert set(config.clusters) == {"fraud-cccccccc"}
    assert config.routes == {"fraud": two_models().routes["fraud"]}
    assert route("fraud", timeout=2.5, c=0) == as_route(
        read_route_of(config, "fraud"), NAMESPACE, "fraud"
    )
