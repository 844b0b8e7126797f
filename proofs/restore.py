"""A namespace written back after a disaster, and a ModelDeployment deleted and created again.

Restore: everything that was there is created anew, with new UIDs, without status, owner references,
Deployments and pods, as backup tools do it. Stable, the order of promotions and the quarantine must
be found again, re-applying the quarantined version must move nothing, and a quarantine of stable
must fall back to the same revision as it would have before. The operator runs meanwhile, or starts
afterwards; the ModelDeployment comes back last, or so early that the operator makes a revision of
it before it sees the others.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from integration.support.cluster import Cluster, wait_for
from integration.support.rollouts import FAST, quarantine, rolled_out
from proofs.report import Report, main
from proofs.stage import Stage, stage

Json = dict[str, Any]
_KEPT = ("configmaps", "services", "poddisruptionbudgets", "mrev", "md")
_MODELS = "app.kubernetes.io/component=model"
_SERVER_SET = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
_CLUSTER_ADDRESSES = ("clusterIP", "clusterIPs")


@dataclass(frozen=True)
class Known:
    """What must be found again."""

    stable: str
    previous: str
    quarantined: dict[str, Json]
    promotions: dict[str, Any]


def prove(arguments: argparse.Namespace) -> Report:
    """Destroy and bring back; compare."""
    report = Report("Restore, and delete and re-create")
    with stage() as found:
        for namespace, what, case in _CASES[1:] if arguments.quick else _CASES:
            cluster = found.namespace(namespace)
            try:
                report.add(what, case(found, cluster), True)
            except AssertionError as error:
                report.add(what, "broken", False)
                report.broken.append(f"{what}: {error}; {cluster.status('wine')}")
    return report


def _history(found: Stage, cluster: Cluster) -> Known:
    """Three promotions, the last one taken back; then git asks for the quarantined version."""
    previous = rolled_out(cluster, _version(found, "one"))
    stable = rolled_out(cluster, _version(found, "two"))
    bad = rolled_out(cluster, _version(found, "three"))
    quarantine(cluster, bad, "it leans to one class")
    wait_for("the rollback", lambda: cluster.weights("wine") == {stable: 100})
    cluster.wait_condition("wine", "Ready", "False", "SpecQuarantined")
    # Traffic moves first: the record of it is the write after that.
    wait_for("the record of the rollback", lambda: _recorded(cluster, bad))
    known = _known(cluster, stable, previous)
    assert set(known.quarantined) == {bad}
    return known


def _recorded(cluster: Cluster, quarantined: str) -> bool:
    promotions = cluster.get("mrev", quarantined)["spec"]["promotions"]
    return all(one.get("revoked") for one in promotions)


def _known(cluster: Cluster, stable: str, previous: str) -> Known:
    revisions = cluster.list("mrev")
    specs = {one["metadata"]["name"]: one["spec"] for one in revisions}
    return Known(
        stable=stable,
        previous=previous,
        quarantined={n: s["quarantine"] for n, s in specs.items() if s.get("quarantine")},
        promotions={name: spec.get("promotions") for name, spec in specs.items()},
    )


def _version(found: Stage, name: str) -> Json:
    manifest = found.models.deployment("wine", "v1", rollout=FAST)
    manifest["spec"]["runtime"] = {"env": [{"name": "VERSION", "value": name}]}
    return manifest


def _restored_meanwhile(found: Stage, cluster: Cluster) -> str:
    return _restored(found, cluster, running=True)


def _restored_before(found: Stage, cluster: Cluster) -> str:
    return _restored(found, cluster, running=False)


def _restored_first(found: Stage, cluster: Cluster) -> str:
    return _restored(found, cluster, running=True, kinds=("md", *_KEPT[:-1]))


def _restored(found: Stage, cluster: Cluster, running: bool, kinds: Sequence[str] = _KEPT) -> str:
    known = _history(found, cluster)
    saved = cluster.list(",".join(kinds))
    before = {one["metadata"]["uid"] for one in saved}
    if not running:
        found.operator.kill()
    cluster.run("kubectl", "delete", "namespace", cluster.namespace, "--timeout=80s")
    cluster.run("kubectl", "create", "namespace", cluster.namespace)
    for one in saved:
        if one["metadata"]["name"] != "kube-root-ca.crt":
            _create(cluster, one)
        if one["kind"] == "ModelDeployment" and kinds[0] == "md":
            wait_for("a revision made anew", lambda: cluster.names("mrev"))
    if not running:
        found.operator.start()
    _assert_found_again(cluster, known)
    after = {one["metadata"]["uid"] for one in cluster.list(",".join(_KEPT))}
    assert not before & after
    return _assert_falls_back(cluster, known)


def _create(cluster: Cluster, saved: Json) -> None:
    """Write an object back; what is there already is left alone, as backup tools do it."""
    body = json.dumps(_as_backed_up(saved))
    said = cluster.kubectl("create", "-f", "-", stdin=body, check=False)
    assert " created" in said or "(AlreadyExists)" in said, said


def _as_backed_up(saved: Json) -> Json:
    """Return an object as a backup tool creates it again."""
    dropped = (*_SERVER_SET, "ownerReferences")
    metadata = {k: v for k, v in saved["metadata"].items() if k not in dropped}
    body = {key: value for key, value in saved.items() if key != "status"} | {"metadata": metadata}
    if saved["kind"] == "Service" and saved["spec"].get("clusterIP") != "None":
        body["spec"] = {k: v for k, v in saved["spec"].items() if k not in _CLUSTER_ADDRESSES}
    return body


def _orphaned(found: Stage, cluster: Cluster) -> str:
    """`kubectl delete --cascade=orphan` leaves the revisions; they are adopted again."""
    known = _history(found, cluster)
    cluster.kubectl("delete", "md", "wine", "--cascade=orphan", "--timeout=60s")
    cluster.apply(_version(found, "three"))
    _assert_found_again(cluster, known)
    return _assert_falls_back(cluster, known)


def _deleted(found: Stage, cluster: Cluster) -> str:
    """An ordinary delete takes what runs; the revisions are found again."""
    known = _history(found, cluster)
    cluster.kubectl("delete", "md", "wine", "--timeout=60s")
    wait_for("the pods to go", lambda: not cluster.names("deployments", _MODELS))
    cluster.apply(_version(found, "three"))
    _assert_found_again(cluster, known)
    return _assert_falls_back(cluster, known)


def _assert_found_again(cluster: Cluster, known: Known) -> None:
    wait_for("stable to serve", lambda: cluster.weights("wine") == {known.stable: 100}, 120)
    cluster.wait_condition("wine", "Ready", "False", "SpecQuarantined")
    cluster.wait_condition("wine", "Available", "True", "Serving")
    assert cluster.status("wine")["stableRevision"] == known.stable
    found = _known(cluster, known.stable, known.previous)
    assert found.quarantined == known.quarantined, "marks"
    # A revision that was made before the others came back is in nobody's way.
    differing = {
        name: (promotions, found.promotions.get(name))
        for name, promotions in known.promotions.items()
        if found.promotions.get(name) != promotions
    }
    assert not differing, f"promotions before and after: {differing}"


def _assert_falls_back(cluster: Cluster, known: Known) -> str:
    """Whatever is warm or cold: the next rollback goes where it would have gone."""
    quarantine(cluster, known.stable, "also bad")
    wait_for("the fallback", lambda: cluster.weights("wine") == {known.previous: 100}, 120)
    return "stable, promotions, quarantine and rollback target are the same"


_CASES: tuple[tuple[str, str, Callable[[Stage, Cluster], str]], ...] = (
    ("restored-running", "restore, the operator runs", _restored_meanwhile),
    ("restored-stopped", "restore, the operator starts afterwards", _restored_before),
    ("restored-first", "restore, the ModelDeployment first", _restored_first),
    ("recreated", "delete with --cascade=orphan and re-create", _orphaned),
    ("deleted", "delete and re-create", _deleted),
)


if __name__ == "__main__":
    main(prove, __doc__)
