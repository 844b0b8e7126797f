"""No request fails, whatever happens to the parts: canary, promotion, rollback, restarts, deaths.

One run under steady load. Again and again: a canary through all its steps to the promotion, a
restart of the router Deployment, deletion of a model pod, kill -9 of the operator in a canary, a
rollback. Every request must be answered with a prediction. At the end, and reported apart, a model
pod is killed with -9, which loses what it was working on: nothing is promised about that.
"""

import argparse
import itertools
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from demo.load import Answer
from integration.support.cluster import Cluster, wait_for
from integration.support.rollouts import quarantine, rolled_out
from integration.support.traffic import BackgroundLoad
from proofs.report import Report, main
from proofs.stage import Stage, stage

REQUESTS = 100_000
RATE, CONNECTIONS = 300.0, 16
STEPS = {"steps": [{"weight": 10, "hold": "2s"}, {"weight": 50, "hold": "2s"}]}
QUICK_RATE = 150.0
REVISION_LABEL = "serving.lockstep.dev/revision"


@dataclass
class Run:
    """A ModelDeployment under load, and what was done to it."""

    stage: Stage
    cluster: Cluster
    load: BackgroundLoad
    rounds: "itertools.count[int]" = field(default_factory=itertools.count)
    done: Counter[str] = field(default_factory=Counter)
    moments: list[tuple[float, str]] = field(default_factory=list)

    def does(self, what: str) -> None:
        """Note what is done now."""
        self.done[what] += 1
        self.moments.append((time.time(), what))

    def manifest(self) -> dict[str, object]:
        """Return a manifest of a version that never was."""
        manifest = _manifest(self.stage)
        variable = {"name": "ROUND", "value": str(next(self.rounds))}
        manifest["spec"]["runtime"] = {"env": [variable]}  # type: ignore[index]
        return manifest


def _manifest(found: Stage) -> dict[str, object]:
    return found.models.deployment("wine", "v1", replicas=2, rollout=STEPS)


def promotion(run: Run) -> None:
    """A canary through its steps to the promotion."""
    run.does("canary and promotion")
    rolled_out(run.cluster, run.manifest())


def rollback(run: Run) -> None:
    """The promoted version is quarantined."""
    bad = run.cluster.status("wine")["stableRevision"]
    run.does("rollback")
    quarantine(run.cluster, bad)
    wait_for("the rollback", lambda: bad not in run.cluster.weights("wine"))


def router_restart(run: Run) -> None:
    """`kubectl rollout restart` of the router."""
    run.does("router restart")
    run.cluster.kubectl("rollout", "restart", "deployment/lockstep-router")
    run.cluster.kubectl("rollout", "status", "deployment/lockstep-router", "--timeout=80s")


def pod_deletion(run: Run) -> None:
    """`kubectl delete pod` of one model pod."""
    stable = run.cluster.status("wine")["stableRevision"]
    [first, *_] = sorted(run.cluster.names("pods", f"{REVISION_LABEL}={stable}"))
    run.does("model pod deleted")
    run.cluster.kubectl("delete", "pod", first, "--timeout=80s")
    run.cluster.kubectl("rollout", "status", f"deployment/{stable}", "--timeout=80s")


def operator_death(run: Run) -> None:
    """kill -9 of the operator in a canary; a new one takes over."""
    run.cluster.apply(run.manifest())
    wait_for("the canary", lambda: len(run.cluster.weights("wine")) == 2)
    run.does("operator killed with -9")
    run.stage.operator.kill()
    run.stage.operator.start()
    run.cluster.wait_ready("wine")


EVENTS: tuple[Callable[[Run], None], ...] = (
    promotion,
    router_restart,
    pod_deletion,
    operator_death,
    rollback,
)


def prove(arguments: argparse.Namespace) -> Report:
    """Do everything at least once, until enough requests were sent."""
    wanted = 0 if arguments.quick else REQUESTS
    rate = QUICK_RATE if arguments.quick else RATE
    with stage() as found:
        cluster = found.namespace("lossfree")
        rolled_out(cluster, _manifest(found))
        address = cluster.address("wine")
        with BackgroundLoad(address, rate=rate, connections=CONNECTIONS) as load:
            run = Run(found, cluster, load)
            for number, event in enumerate(itertools.cycle(EVENTS)):
                if number >= len(EVENTS) and len(load.answers) >= wanted:
                    break
                event(run)
        with BackgroundLoad(address, rate=rate, connections=CONNECTIONS) as apart:
            _kill_model(run, apart)
    return _report(run, load.answers, apart.answers)


def _kill_model(run: Run, load: BackgroundLoad) -> None:
    """Kill a model pod's process with -9 under load."""
    load.wait_for_more(200)
    stable = run.cluster.status("wine")["stableRevision"]
    pod = run.cluster.list("pods", f"{REVISION_LABEL}={stable}")[0]
    os.kill(_server_of(pod["status"]["podIP"]), signal.SIGKILL)
    load.wait_for_more(2000)


def _server_of(address: str) -> int:
    """Return the process that listens on a pod's address: in the sandbox a pod is processes."""
    packed = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    listening = re.compile(
        rf"^ *\d+: {packed}:[0-9A-F]{{4}} \S+ 0A (?:\S+ +){{5}}(\d+)", re.MULTILINE
    )
    sockets = {f"socket:[{n}]" for n in listening.findall(Path("/proc/net/tcp").read_text())}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) in sockets:
                return int(link.parts[2])
        except OSError:  # the process, or its file, is gone
            continue
    raise LookupError(f"nothing listens on {address}")


def _report(run: Run, answers: list[Answer], apart: list[Answer]) -> Report:
    report = Report("No request is lost")
    for what, times in run.done.items():
        report.add(what, f"{times} times")
    failures = [answer for answer in answers if answer.failed]
    report.add("requests", f"{len(answers):,}")
    report.add("requests failed", len(failures), not failures)
    lost = [answer for answer in apart if answer.failed]
    report.add(
        "apart: failed while a model pod was killed with -9", f"{len(lost)} of {len(apart):,}"
    )
    for (status, error), number in Counter((one.status, one.error) for one in lost).most_common(3):
        report.add(f"apart: {status} {' '.join(error.split())}", number)
    for one in failures[:10]:
        doing = [what for moment, what in run.moments if moment <= one.sent][-1:]
        report.broken.append(f"failed in {doing}: {one.status} {one.error}")
    return report


if __name__ == "__main__":
    main(prove, __doc__)
