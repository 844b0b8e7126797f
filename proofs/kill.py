"""kill -9 of a real operator at random moments of real rollouts, a new one right after.

Ten cases, sampled with a fixed seed: a path of a rollout and a moment in it. The new operator
first waits until the dead one's Lease has run out. Requests go on all the time; none may fail. In
the end traffic, quarantines, stable and what a quarantine of stable falls back to must be what the
path promises.
"""

import argparse
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from integration.support.cluster import Cluster, wait_for
from integration.support.rollouts import quarantine, rolled_out
from integration.support.traffic import BackgroundLoad
from proofs.report import Report, main
from proofs.stage import Stage, stage

CASES, QUICK_CASES, SEED = 10, 2, 3
_STEPS = {"steps": [{"weight": 10, "hold": "3s"}, {"weight": 50, "hold": "3s"}]}
_LONG_SECONDS = 150.0


@dataclass(frozen=True)
class Path:
    """What a person does, in how many seconds it is usually over, and how it must end.

    Versions by name; `ends`: version with all the traffic, `quarantined`: versions.
    """

    name: str
    walk: Callable[["Rollout"], None]
    seconds: float
    ends: str
    falls_back: str | None
    quarantined: tuple[str, ...] = ()


class Rollout:
    """One ModelDeployment whose first version is stable."""

    def __init__(self, found: Stage, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self._found = found
        self._revisions: dict[str, str] = {"v1": rolled_out(cluster, self.manifest("v1"))}

    def manifest(self, version: str) -> dict[str, Any]:
        """Return the manifest of a version."""
        manifest = self._found.models.deployment(self.name, "v1", rollout=_STEPS)
        manifest["spec"]["runtime"] = {"env": [{"name": "VERSION", "value": version}]}
        return manifest

    def apply(self, version: str) -> None:
        """Apply the manifest of a version."""
        self.cluster.apply(self.manifest(version))

    def revision(self, version: str) -> str:
        """Return the revision of a version, which must be there."""
        return self._known()[version]

    def _known(self) -> dict[str, str]:
        """Return the revisions by version: a new one's comes when an operator has made it."""
        for item in self.cluster.list("mrev"):
            content = item["spec"]["content"]
            if item["spec"]["modelDeploymentName"] == self.name:
                self._revisions[content["runtime"]["env"][0]["value"]] = item["metadata"]["name"]
        return self._revisions

    def carries(self, **weights: float) -> None:
        """Wait for weights by version, e.g. v1=100."""
        wait_for(f"{weights}", lambda: self._carries(weights), _LONG_SECONDS)

    def _carries(self, weights: dict[str, float]) -> bool:
        live = self.cluster.weights(self.name)
        if len(live) != len(weights):
            return False
        known = self._known()
        return live == {known.get(version): weight for version, weight in weights.items()}

    def quarantined(self) -> set[str]:
        """Return the quarantined versions."""
        return {
            item["spec"]["content"]["runtime"]["env"][0]["value"]
            for item in self.cluster.list("mrev")
            if item["spec"].get("quarantine") and item["spec"]["modelDeploymentName"] == self.name
        }


def promote(rollout: Rollout) -> None:
    """Through all steps."""
    rollout.apply("v2")
    rollout.carries(v2=100)


def quarantine_candidate(rollout: Rollout) -> None:
    """A person quarantines the candidate at its first step."""
    rollout.apply("v2")
    rollout.carries(v1=90, v2=10)
    quarantine(rollout.cluster, rollout.revision("v2"))
    rollout.carries(v1=100)


def roll_back(rollout: Rollout) -> None:
    """A person quarantines the promoted version."""
    promote(rollout)
    quarantine(rollout.cluster, rollout.revision("v2"))
    rollout.carries(v1=100)


def revert(rollout: Rollout) -> None:
    """Git goes back to the warm version."""
    promote(rollout)
    rollout.apply("v1")
    rollout.carries(v1=100)


def supersede(rollout: Rollout) -> None:
    """A third version comes in the middle of a canary."""
    rollout.apply("v2")
    rollout.carries(v1=90, v2=10)
    rollout.apply("v3")
    rollout.carries(v3=100)


PATHS = (
    Path("promotion", promote, 16, "v2", "v1"),
    Path("quarantine of the candidate", quarantine_candidate, 10, "v1", None, ("v2",)),
    Path("rollback", roll_back, 20, "v1", None, ("v2",)),
    Path("revert", revert, 20, "v1", "v2"),
    Path("supersession", supersede, 24, "v3", "v1"),
)


def prove(arguments: argparse.Namespace) -> Report:
    """Sample cases, kill in each of them, and look how they end."""
    dice = random.Random(SEED)  # noqa: S311 (a sample)
    report = Report("kill -9 of the operator")
    with stage() as found:
        cluster = found.namespace("kills")
        for number in range(QUICK_CASES if arguments.quick else CASES):
            path = PATHS[number % len(PATHS)]
            moment = dice.uniform(0.0, path.seconds)
            what = f"{path.name}, killed after {moment:.1f} s"
            try:
                requests = _case(found, cluster, f"wine-{number}", path, moment)
                report.add(what, f"ends as promised; 0 of {requests:,} requests failed", True)
            except AssertionError as error:
                report.add(what, "broken", False)
                report.broken.append(f"{what}: {error}")
    return report


def _case(found: Stage, cluster: Cluster, name: str, path: Path, moment: float) -> int:
    """Walk a path while the operator dies once; return the number of requests."""
    rollout = Rollout(found, cluster, name)
    with BackgroundLoad(cluster.address(name), rate=80.0) as load:
        killer = threading.Thread(target=_kill, args=(found, moment))
        killer.start()
        try:
            path.walk(rollout)
        finally:
            killer.join()
        rollout.carries(**{path.ends: 100})
    assert not load.failures, f"{len(load.failures)} requests failed: {load.failures[0]}"
    assert rollout.quarantined() == set(path.quarantined), rollout.quarantined()
    stable = cluster.status(name)["stableRevision"]
    assert stable == rollout.revision(path.ends), stable
    _check_fallback(rollout, path)
    cluster.kubectl("delete", "md", name, "--wait=false")
    return len(load.answers)


def _kill(found: Stage, moment: float) -> None:
    time.sleep(moment)
    found.operator.kill()
    found.operator.start()


def _check_fallback(rollout: Rollout, path: Path) -> None:
    """Quarantine stable: the traffic goes where it would have gone without a kill."""
    quarantine(rollout.cluster, rollout.revision(path.ends))
    if path.falls_back is None:
        rollout.carries()
    else:
        rollout.carries(**{path.falls_back: 100})


if __name__ == "__main__":
    main(prove, __doc__)
