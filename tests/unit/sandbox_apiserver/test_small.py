"""Small parts: selectors, JSONPath, quantities, times, the store, tables, protobuf."""

import pytest

from lockstep_sandbox.apiserver.clock import duration
from lockstep_sandbox.apiserver.errors import ApiError
from lockstep_sandbox.apiserver.jsonpath import find
from lockstep_sandbox.apiserver.protobuf import decode
from lockstep_sandbox.apiserver.quantity import canonical
from lockstep_sandbox.apiserver.resources import builtin
from lockstep_sandbox.apiserver.selectors import labels_match, parse_fields, parse_labels
from lockstep_sandbox.apiserver.store import WINDOW, Store
from lockstep_sandbox.apiserver.tables import table


def labelled(**labels):
    return {"metadata": {"name": "x", "labels": labels}}


@pytest.mark.parametrize(
    ("selector", "yes", "no"),
    [
        ("a=b", {"a": "b"}, {"a": "c"}),
        ("a!=b", {}, {"a": "b"}),
        ("a in (b,c),d", {"a": "c", "d": ""}, {"a": "c"}),
        ("a notin (b)", {}, {"a": "b"}),
        ("!a", {"b": "c"}, {"a": ""}),
    ],
)
def test_label_selectors(selector, yes, no):
    test = parse_labels(selector)
    assert test(labelled(**yes))
    assert not test(labelled(**no))


def test_bad_selectors_are_refused():
    pods = builtin().find("", "v1", "pods")
    for bad in ("a b", "in (x)"):
        with pytest.raises(ApiError):
            parse_labels(bad)
    with pytest.raises(ApiError, match=r"not supported: spec.size"):
        parse_fields("spec.size=1", pods)
    running = {"metadata": {"name": "x"}, "status": {"phase": "Running"}}
    assert parse_fields("status.phase!=Pending,metadata.name==x", pods)(running)
    assert labels_match({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""})


def test_json_paths():
    obj = {"c": [{"type": "Ready", "s": "True"}, {"type": "Up"}], "m": {"a/b": 1, "x.y": 2}}
    assert find(obj, ".c[?(@.type=='Ready')].s") == ["True"]
    assert find(obj, ".c[*].type") == ["Ready", "Up"]
    assert find(obj, ".c[1].type") == ["Up"]
    assert find(obj, ".m['a/b']") == [1]
    assert find(obj, ".m.x\\.y") == [2]
    assert find(obj, ".none.at.all") == []
    assert find(obj, "not a path") == []


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (0.5, "500m"),
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("1500", "1500"),
        ("2000", "2k"),
        (0, "0"),
        ("1.5Gi", "1536Mi"),
        ("1e3", "1k"),
    ],
)
def test_quantities(given, stored):
    assert canonical(given) == stored


def test_a_quantity_that_is_none():
    with pytest.raises(ValueError, match="regular expression"):
        canonical("lots")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5s"), (119, "119s"), (180, "3m"), (200, "3m20s"), (3700, "61m"), (4 * 3600, "4h")],
)
def test_ages(seconds, text):
    assert duration(seconds) == text
    assert duration(40 * 86400) == "40d"


def config_map(name):
    return {"metadata": {"name": name, "namespace": "n"}}


def test_the_store_forgets_old_events():
    store = Store()
    first = store.version
    for i in range(WINDOW + 5):
        store.put("configmaps", config_map(f"c{i}"))
    with pytest.raises(LookupError):
        store.subscribe("configmaps", first)
    past, _ = store.subscribe("configmaps", store.version - 2)
    assert [e.obj["metadata"]["name"] for e in past] == [f"c{WINDOW + 3}", f"c{WINDOW + 4}"]


def test_the_store_remembers_lists_for_the_next_page():
    store = Store()
    store.put("configmaps", config_map("a"))
    listed, version = store.items("configmaps"), store.version
    store.keep("configmaps", "", listed)
    store.put("configmaps", config_map("b"))
    assert store.snapshot("configmaps", "", version) == listed
    assert store.snapshot("configmaps", "", version - 1) is None


def test_a_table_of_pods():
    pods = builtin().find("", "v1", "pods")
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 2}
    pod = {
        "metadata": {"name": "p", "creationTimestamp": None},
        "spec": {"containers": [{}]},
        "status": {"phase": "Running", "containerStatuses": [waiting], "podIP": "127.1.1.1"},
    }
    cells = table(pod, pods)["rows"][0]["cells"]
    assert cells[:4] == ["p", "0/1", "CrashLoopBackOff", "2"]
    assert cells[5:7] == ["127.1.1.1", "<none>"]


def field(number, value):
    return bytes([number << 3 | 2, len(value)]) + value


def test_protobuf_of_a_config_map():
    entry = field(1, b"key") + field(2, b"value")
    raw = field(1, field(1, b"name")) + field(2, entry)
    head = field(1, field(1, b"v1") + field(2, b"ConfigMap"))
    assert decode(b"k8s\x00" + head + field(2, raw)) == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "name"},
        "data": {"key": "value"},
    }


def test_protobuf_that_cannot_be_read():
    with pytest.raises(ValueError, match="not Kubernetes protobuf"):
        decode(b"hello")
    head = field(1, field(1, b"v1") + field(2, b"Strange"))
    with pytest.raises(ValueError, match="Strange is not in the sandbox"):
        decode(b"k8s\x00" + head)
