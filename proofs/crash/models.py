"""Model pods that tell what they answered, how fast, and to which requests."""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lockstep_operator.api.group import REVISION_LABEL
from proofs.crash.nodes import Nodes

Json = Any
_BOUNDS = (0.01, 0.05, 0.25, 1.0)  # seconds
_PAGE = 1000


@dataclass
class _Pod:
    """What one pod counted since it started; answers in parts, since requests are shared out."""

    latency: list[float] = field(default_factory=lambda: [0.0] * (len(_BOUNDS) + 1))
    labels: dict[str, float] = field(default_factory=dict)
    answers: list[Json] = field(default_factory=list)


class Models:
    """Simulated model servers; requests are dealt evenly to the Ready pods of a revision.

    `seconds`: how long a revision takes for an answer. `prediction`: what it answers.
    """

    def __init__(
        self,
        nodes: Nodes,
        seconds: Callable[[str], float],
        prediction: Callable[[str], int],
    ) -> None:
        self._nodes = nodes
        self._seconds = seconds
        self._prediction = prediction
        self._pods: dict[str, _Pod] = {}
        self._copies = 0.0

    def answer(self, revision: str, requests: float) -> None:
        """Count answers to the requests of users."""
        place = bisect_left(_BOUNDS, self._seconds(revision))
        label = str(self._prediction(revision))
        pods = self._ready(revision)
        for pod in pods:
            pod.latency[place] += requests / len(pods)
            pod.labels[label] = pod.labels.get(label, 0.0) + requests / len(pods)

    def answer_both(self, stable: str, copied: str, requests: float) -> None:
        """Note what both answered to requests that were copied; whole ones only."""
        first = int(self._copies)
        self._copies += requests
        for number in range(first, int(self._copies)):
            for revision, assignment in ((stable, "split"), (copied, "mirror")):
                pods = self._ready(revision)
                if pods:
                    outputs = {"predict": [self._prediction(revision)]}
                    answer = {"id": str(number), "assignment": assignment, "outputs": outputs}
                    pods[number % len(pods)].answers.append({**answer, "digest": ""})

    def telemetry(self, pod: Json, path: str) -> bytes | None:
        """Return what a pod's telemetry page says; None while it is not Ready."""
        revision = pod["metadata"]["labels"][REVISION_LABEL]
        uid = pod["metadata"]["uid"]
        if uid not in _uids(self._nodes.ready_pods(revision)):
            return None
        found = self._pods.setdefault(uid, _Pod())
        after = parse_qs(urlsplit(path).query).get("after")
        start = int(after[0]) if after else len(found.answers)
        items = list(islice(found.answers, start, start + _PAGE))
        counts = [int(one) for one in found.latency]
        bins = {label: int(count) for label, count in found.labels.items()}
        document = {
            "started": "once",
            "latency": {"split": {"bounds": [*_BOUNDS, None], "counts": counts}},
            "outputs": {"split": {"predict": {"numeric": False, "bins": bins}}},
            "answers": {"cursor": start + len(items), "items": items},
        }
        return json.dumps(document).encode()

    def _ready(self, revision: str) -> list[_Pod]:
        uids = sorted(_uids(self._nodes.ready_pods(revision)))
        return [self._pods.setdefault(uid, _Pod()) for uid in uids]


def _uids(pods: Iterable[Json]) -> list[str]:
    return [pod["metadata"]["uid"] for pod in pods]
