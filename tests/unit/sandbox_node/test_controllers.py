"""ReplicaSet and EndpointSlice: what they decide."""

from typing import Any

from lockstep_sandbox.controllers.endpointslice import group, slice_from
from lockstep_sandbox.controllers.replicaset import doomed, next_available, status_of
from lockstep_sandbox.objects import Obj, timestamp

SERVICE: Obj = {
    "metadata": {"name": "web", "namespace": "ns", "uid": "s1", "labels": {"team": "a"}},
    "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80, "targetPort": "web"}]},
}


def pod(name: str, ready: bool = True, port: int = 8000, **extra: Any) -> Obj:
    since = extra.pop("since", "2026-01-01T00:00:00Z")
    meta = {"name": name, "namespace": "ns", "uid": name, "labels": {"app": "web"}}
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
    ports = [{"name": "web", "containerPort": port}]
    return {
        "metadata": {**meta, "creationTimestamp": since, **extra.pop("metadata", {})},
        "spec": {"nodeName": "n", "containers": [{"ports": ports}], **extra.pop("spec", {})},
        "status": {"phase": "Running", "podIP": f"127.9.1.{len(name)}", "conditions": [condition]},
        **extra,
    }


def test_those_that_serve_least_are_deleted_first() -> None:
    costly = {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "100"}}
    pods = [
        pod("costly", metadata=costly, since="2026-03-03T00:00:00Z"),
        pod("old"),
        pod("young", since="2026-02-02T00:00:00Z"),
        pod("unready", ready=False),
        pod("unbound", ready=False, spec={"nodeName": None}),
    ]
    names = [each["metadata"]["name"] for each in doomed(pods, 5)]
    assert names == ["unbound", "unready", "young", "old", "costly"]
    assert doomed(pods, 0) == []


def test_a_pod_is_available_after_min_ready_seconds() -> None:
    template = {"metadata": {"labels": {"app": "web"}}}
    owner = {"metadata": {"generation": 3}, "spec": {"minReadySeconds": 60, "template": template}}
    pods = [pod("old"), pod("new", since=timestamp()), pod("unready", ready=False)]
    status = status_of(owner, pods)
    assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (3, 2, 1)
    assert status["fullyLabeledReplicas"] == 3
    assert 58 < (next_available(owner, pods) or 0) <= 60
    assert next_available(owner, [pod("unready", ready=False)]) is None


def conditions(service: Obj, found: Obj) -> tuple[bool, bool, bool]:
    [endpoints] = group(service, [found]).values()
    each = endpoints[0]["conditions"]
    return each["ready"], each["serving"], each["terminating"]


def test_endpoint_conditions() -> None:
    ending = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert conditions(SERVICE, pod("a")) == (True, True, False)
    assert conditions(SERVICE, pod("a", ready=False)) == (False, False, False)
    assert conditions(SERVICE, pod("a", metadata=ending)) == (False, True, True)
    always = {**SERVICE, "spec": {**SERVICE["spec"], "publishNotReadyAddresses": True}}
    assert conditions(always, pod("a", ready=False)) == (True, False, False)


def test_pods_are_grouped_by_what_their_port_names_mean() -> None:
    pods = [pod("a"), pod("bb"), pod("ccc", port=9000), pod("dddd", status={"phase": "Pending"})]
    found = group(SERVICE, pods)
    assert {ports: len(each) for ports, each in found.items()} == {
        (("http", "TCP", 8000),): 2,
        (("http", "TCP", 9000),): 1,
    }
    assert group(SERVICE, []) == {(): []}


def test_a_slice_says_whose_it_is() -> None:
    made = slice_from(SERVICE, (("http", "TCP", 8000),), [])
    labels = made["metadata"]["labels"]
    assert labels["kubernetes.io/service-name"] == "web"
    assert labels["service.kubernetes.io/headless"] == ""
    assert labels["team"] == "a"
    assert made["ports"] == [{"name": "http", "protocol": "TCP", "port": 8000}]
