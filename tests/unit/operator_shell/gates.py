"""Candidates, gates and pods for the tests of the analysis."""

import json
from datetime import UTC, datetime

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.errors import LockstepError, PodUnreachable
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.routing import RouterCount
from lockstep_operator.shell.pods import PodAnswer
from operator_shell.manifests import NAMESPACE, build, labels

KEY = (NAMESPACE, "churn")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
NEW, OLD = "churn-new", "churn-old"


def target(*gates, candidate=NEW, stable=OLD, step=1, since=SINCE):
    wanted = tuple(Gate.model_validate(gate) for gate in gates)
    return Target(candidate, stable, step, 2, since, "split", wanted)


def pod(name, revision, ready=True):
    own = labels("churn", "model") | {"serving.lockstep.dev/revision": revision}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"podIP": "127.0.0.1", "conditions": conditions}
    return build("Pod", name, metadata={"labels": own}, status=status)


def telemetry(*, cursor=0, items=(), started="a", requests=10, **parts):
    told = {
        "revision": "told-by-itself",
        "started": started,
        "latency": {"split": {"bounds": [0.1, None], "counts": [requests, 0]}},
        "outputs": {"split": {"predict": {"numeric": False, "bins": {"0": requests}}}},
        "answers": {"cursor": cursor, "items": list(items)},
    }
    return json.dumps(told | parts).encode()


def item(number, assignment="split"):
    return {
        "id": f"r{number}",
        "assignment": assignment,
        "outputs": {"predict": [1]},
        "digest": "d",
    }


class Pods:
    """Pods whose answers are written down; what is not there hangs, refuses or does not exist."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.posted = []
        self.limits = []

    async def ask(self, pod, port, path, seconds):
        name = pod["metadata"]["name"]
        self.asked.append((name, port, path))
        return await self._answer(self.answers.get((name, path.partition("?")[0]), 404))

    async def post(self, pod, port, path, body, seconds, *, longest):
        self.posted.append((pod["metadata"]["name"], port, path, body))
        self.limits.append(longest)
        return await self._answer(self.answers.get(path, 404))

    async def _answer(self, answer):
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return PodAnswer(answer, b'{"error": "so it is"}')
        return PodAnswer(200, answer)


class Router:
    """A provider that only counts."""

    def __init__(self):
        self.asked = []
        self.answer = (RouterCount("pod", NEW, "split", 10, 1),)

    async def counts(self, namespace, deployment, revisions):
        self.asked.append((namespace, deployment, list(revisions)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return await self.answer() if callable(self.answer) else self.answer


NO_ANSWER = PodUnreachable("connection refused")
NO_COUNTS = LockstepError("no router pod answered")
