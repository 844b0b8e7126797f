"""From the write of a quarantine to the last request admitted to the bad revision.

The sandbox is at its most pessimistic: volumes change only on pod sync or update, watches lag,
answers get lost. Each rollback is one of a promoted version that carries all traffic; before each,
a new version is rolled out. Requests go on all the time; the clock starts before the write is sent.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from demo.load import Answer
from integration.support.cluster import Cluster, wait_for
from integration.support.rollouts import FAST, rolled_out
from integration.support.traffic import BackgroundLoad
from proofs.patches import Patcher
from proofs.report import Report, main, percentile
from proofs.stage import Stage, stage

ROLLBACKS, QUICK_ROLLBACKS = 100, 10
LANES = 2
RATE = 80.0
GOAL_SECONDS = 2.0
_LOOK_SECONDS = 2.0


def prove(arguments: argparse.Namespace) -> Report:
    """Roll back many times under load; return the distribution."""
    count = QUICK_ROLLBACKS if arguments.quick else arguments.count
    with stage() as found, ThreadPoolExecutor(LANES) as threads:
        cluster = found.namespace("rollbacks")
        lanes = [Lane(found, cluster, f"wine-{number}") for number in range(LANES)]
        shares = [range(number, count, LANES) for number in range(LANES)]
        times = [one for found_times in threads.map(Lane.run, lanes, shares) for one in found_times]
    return _report(times, [answer for lane in lanes for answer in lane.answers])


@dataclass
class Lane:
    """One ModelDeployment that is rolled back again and again; `answers` of all its requests."""

    stage: Stage
    cluster: Cluster
    name: str
    answers: list[Answer] = field(default_factory=list)

    def run(self, rounds: Sequence[int]) -> list[float]:
        """Roll back once for each round; return the seconds of each."""
        rolled_out(self.cluster, self.stage.models.deployment(self.name, "v1", rollout=FAST))
        patcher = Patcher(self.stage.kubeconfig, self.cluster.namespace)
        with BackgroundLoad(self.cluster.address(self.name), rate=RATE) as load:
            times = [self._roll_back(load, patcher, number) for number in rounds]
        patcher.close()
        self.answers = load.answers
        return times

    def _roll_back(self, load: BackgroundLoad, patcher: Patcher, number: int) -> float:
        """Roll out one more version, quarantine it, and return the seconds of its rollback."""
        manifest = self.stage.models.deployment(self.name, "v2", rollout=FAST)
        manifest["spec"]["runtime"] = {"env": [{"name": "ROUND", "value": str(number)}]}
        bad = rolled_out(self.cluster, manifest)
        load.wait_for_more(20)
        written = patcher.quarantine(bad, f"round {number}")
        wait_for("the rollback", lambda: bad not in self.cluster.weights(self.name))
        end = time.time() + _LOOK_SECONDS
        while time.time() < end:  # whoever still runs the old route shows itself now
            load.wait_for_more(20)
        return max(0.0, load.last_sent_to(bad) - written.sent)


def _report(times: list[float], answers: list[Answer]) -> Report:
    report = Report("Time of a rollback")
    report.add("rollbacks of a revision with all the traffic", len(times))
    rows = {
        "median": statistics.median(times),
        "p99": percentile(times, 0.99),
        "longest": max(times),
    }
    for name, value in rows.items():
        kept = value < GOAL_SECONDS if name != "longest" else None
        report.add(f"{name}, write to the last request admitted", f"{value:.2f} s", kept)
    failures = [answer for answer in answers if answer.failed]
    report.add("requests meanwhile", f"{len(answers):,}")
    report.add("requests failed", len(failures), not failures)
    report.broken += [f"failed: {one.status} {one.error}" for one in failures[:5]]
    return report


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=ROLLBACKS, help="rollbacks of the full form")


if __name__ == "__main__":
    main(prove, __doc__, _flags)
