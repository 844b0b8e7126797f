from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lockstep_sandbox.controllers.deployment import (
    bounds,
    find_newest,
    room,
    set_from,
    shrink,
    template_hash,
)
from lockstep_sandbox.controllers.deploymentstatus import status_of, timeout_of
from lockstep_sandbox.objects import Obj, condition_of, timestamp

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def deployment(replicas: int = 4, surge: Any = "25%", gone: Any = "25%", **spec: Any) -> Obj:
    return {
        "metadata": {
            "name": "web",
            "namespace": "ns",
            "uid": "u1",
            "generation": 2,
            "annotations": {
                "note": "kept",
                APPLIED: "x",
            },
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": gone}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}},
            "progressDeadlineSeconds": 600,
            **spec,
        },
        "status": {},
    }


def replica_set(size: int, available: int | None = None, image: str = "old") -> Obj:
    count = size if available is None else available
    return {
        "metadata": {"name": f"web-{image}", "annotations": {}},
        "spec": {"replicas": size, "template": {"spec": {"image": image}}},
        "status": {"replicas": size, "readyReplicas": count, "availableReplicas": count},
    }


@pytest.mark.parametrize(
    ("replicas", "surge", "gone", "expected"),
    [
        (4, "25%", "25%", (1, 1)),
        (1, "25%", "25%", (1, 0)),
        (3, 0, 0, (0, 1)),
        (2, 0, 5, (0, 2)),
        (10, "30%", 0, (3, 0)),
    ],
)
def test_bounds(replicas: int, surge: Any, gone: Any, expected: tuple[int, int]) -> None:
    assert bounds(deployment(replicas, surge, gone)) == expected


@pytest.mark.parametrize(
    ("newest", "old", "expected"),
    [
        (None, [4], 1),  # as many as maxSurge allows
        (None, [], 4),
        (1, [4], 1),
        (1, [3], 2),
        (4, [0], 4),
        (6, [0], 4),  # scaled down
    ],
)
def test_room_for_the_new(newest: int | None, old: list[int], expected: int) -> None:
    new = None if newest is None else replica_set(newest)
    assert room(deployment(), new, [replica_set(size) for size in old]) == expected


@pytest.mark.parametrize(
    ("newest", "old", "expected"),
    [
        ((1, 0), [(4, 4)], [3]),  # maxUnavailable may be taken at once
        ((2, 0), [(3, 3)], [3]),  # no further
        ((2, 1), [(3, 3)], [2]),
        ((4, 4), [(1, 1)], [0]),
        ((1, 0), [(4, 2)], [3]),  # what is unavailable goes first
        ((2, 2), [(1, 1), (2, 2)], [0, 1]),  # the oldest first
        ((4, 0), [(1, 0)], [1]),  # not while the new ones are no better
    ],
)
def test_the_old_shrink_only_as_far_as_availability_allows(
    newest: tuple[int, int], old: list[tuple[int, int]], expected: list[int]
) -> None:
    assert (
        shrink(deployment(), replica_set(*newest), [replica_set(*each) for each in old]) == expected
    )


def test_the_newest_is_found_by_its_template_and_named_by_its_hash() -> None:
    owner = deployment()
    made = set_from(owner, 3, 2)
    assert made["metadata"]["name"] == f"web-{template_hash(owner)}"
    assert made["spec"]["selector"]["matchLabels"] == made["spec"]["template"]["metadata"]["labels"]
    annotations = made["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "3"
    assert annotations["note"] == "kept"
    assert APPLIED not in annotations
    assert find_newest(owner, [replica_set(1), made]) is made
    other = deployment(template={"metadata": {"labels": {"app": "web"}}, "spec": {"x": 1}})
    assert find_newest(other, [made]) is None
    assert template_hash(other) != template_hash(owner)


def judged(owner: Obj, newest: Obj, *old: Obj) -> tuple[str, str]:
    """Return the reasons of Available and Progressing."""
    status = {"status": status_of(owner, newest, list(old))}
    found = [condition_of(status, kind) for kind in ("Available", "Progressing")]
    return tuple(each["reason"] if each else "" for each in found)  # type: ignore[return-value]


def progressing(reason: str, seconds_ago: float = 0, **status: int) -> Obj:
    then = timestamp(datetime.now(UTC) - timedelta(seconds=seconds_ago))
    condition = {"type": "Progressing", "status": "True", "reason": reason, "message": ""}
    times = {"lastUpdateTime": then, "lastTransitionTime": then}
    return {**status, "conditions": [{**condition, **times}]}


def test_conditions() -> None:
    owner = deployment()
    assert judged(owner, replica_set(4)) == ("MinimumReplicasAvailable", "NewReplicaSetAvailable")
    assert judged(owner, replica_set(4, 2))[0] == "MinimumReplicasUnavailable"
    assert judged(owner, replica_set(1, 0), replica_set(3))[1] == "NewReplicaSetCreated"
    owner["status"] = progressing("ReplicaSetUpdated", 700)
    assert judged(owner, replica_set(0), replica_set(4, 3))[1] == "ReplicaSetUpdated"  # it moves
    counts = {"replicas": 5, "updatedReplicas": 1, "readyReplicas": 4, "availableReplicas": 4}
    owner["status"] = progressing("ReplicaSetUpdated", 700, **counts)
    assert judged(owner, replica_set(1, 0), replica_set(4))[1] == "ProgressDeadlineExceeded"
    owner["status"] = progressing("NewReplicaSetAvailable", 700)
    assert judged(owner, replica_set(4, 3))[1] == "NewReplicaSetAvailable"  # a pod may come and go


def test_the_deadline_is_waited_for_only_while_something_is_under_way() -> None:
    owner = deployment()
    owner["status"] = progressing("ReplicaSetUpdated", 590)
    assert 10 <= (timeout_of(owner) or 0) <= 12
    owner["status"] = progressing("NewReplicaSetAvailable", 590)
    assert timeout_of(owner) is None
