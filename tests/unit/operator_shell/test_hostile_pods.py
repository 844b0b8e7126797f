"""Pods that answer anything at all: the gates wait with a sentence, none fails, none passes."""

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from lockstep_operator.shell.analysis.analyst import Analyst
from lockstep_operator.shell.analysis.collector import Collector
from lockstep_operator.shell.analysis.golden import Golden
from lockstep_operator.shell.analysis.models import Models
from lockstep_operator.shell.analysis.problems import Uncomputable
from lockstep_operator.shell.analysis.prometheus import Queries
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.pods import DirectPods
from lockstep_operator.shell.store import Store
from operator_shell.api import Api
from operator_shell.gates import KEY, NEW, OLD, Router, item, pod, target, telemetry
from operator_shell.manifests import build

ADDRESSES = {NEW: "127.81.0.1", OLD: "127.81.0.2"}
GATES = (
    {"metric": "latencyP95"},
    {"metric": "predictionShift", "output": "predict"},
    {"metric": "shadowDisagreement", "max": 0.1},
    {"metric": "goldenRequests"},
)


def http(body, *headers, status="200 OK"):
    length = f"Content-Length: {len(body)}"
    return "\r\n".join((f"HTTP/1.1 {status}", length, *headers, "", "")).encode() + body


def told(**parts):
    return http(telemetry(**parts))


def outputs(**output):
    return {"split": {"predict": {"numeric": False, "bins": {"0": 1}} | output}}


def latency(bounds, counts):
    return {"split": {"bounds": bounds, "counts": counts}}


def answers(**parts):
    return {"answers": {"cursor": 1, "items": [item(0) | parts]}}


HOSTILE = {
    "nothing": b"",
    "no HTTP": b"\x00\xff garbage\r\n\r\n",
    "half an answer": http(b"{}" * 50)[:-20],
    "a drip": None,
    "endless headers": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "no gzip": http(b"{}", "Content-Encoding: gzip"),
    "elsewhere": http(b"", "Location: http://127.0.0.1:1/", status="302 Found"),
    "too long": http(b" " * (13 * 1024 * 1024)),
    "HTML": http(b"<html>"),
    "deep": http(b"[" * 100_000),
    "a list": http(b"[1]"),
    "null": http(b"null"),
    "no UTF-8": http(b'{"started": "\xff"}'),
    "other types": http(b'{"started": 1, "latency": [], "outputs": 3, "answers": null}'),
    "NaN": told(latency=latency([0.1, None], [float("nan"), 0])),
    "negative": told(latency=latency([0.1, None], [-1, 0])),
    "truth for a count": told(latency=latency([0.1, None], [True, 0])),
    "a huge count": told(latency=latency([0.1, None], [10**400, 0])),
    "half a count": told(latency=latency([0.1, None], [0.5, 0])),
    "NaN for a bound": told(latency=latency([float("nan"), None], [1, 0])),
    "bounds that fall": told(latency=latency([0.2, 0.1, None], [1, 0, 0])),
    "no last bound": told(latency=latency([0.1, 0.2], [1, 0])),
    "a huge bin": told(outputs=outputs(bins={"0": 10**400})),
    "a text for a count": told(outputs=outputs(bins={"0": "7"})),
    "100,000 bins": told(outputs=outputs(bins={str(n): 1 for n in range(100_000)})),
    "a list for bins": told(outputs=outputs(bins=[1])),
    "a huge number": told(**answers(outputs={"predict": [10**400]})),
    "nested values": told(**answers(outputs={"predict": [[1]]})),
    "a text for values": told(**answers(outputs={"predict": "abc"})),
    "an object for an id": told(**answers(id={"a": 1})),
    "a long id": told(**answers(id="x" * 100_000)),
    "a cursor that is none": told(answers={"cursor": "1e99", "items": []}),
    "more than a page": told(items=[item(n) for n in range(1001)]),
}


class World:
    """Two pods; the candidate's says the same to every request, on both of its ports."""

    def __init__(self):
        self.candidate = told()
        self.clients = set()

    async def __aenter__(self):
        store, self.pods = Store(), DirectPods()
        for revision, address in ADDRESSES.items():
            one = pod(f"{revision}-0", revision)
            one["status"]["podIP"] = address
            store.put(one)
        self.servers = [
            await asyncio.start_server(self._answer(revision), address, port)
            for revision, address in ADDRESSES.items()
            for port in (8080, 8081)
        ]
        models = Models(store, self.pods, seconds=0.3)
        self.api = Api()
        self.golden = Golden(self.api, store, self.pods)
        collector = Collector(Router(), models, self.golden, Queries(self.api))
        self.collector, self.analyst = collector, Analyst(collector, Metrics())
        return self

    async def __aexit__(self, *_):
        self.collector.close()
        await self.pods.close()
        for server in self.servers:
            server.close()
        for client in self.clients:
            client.cancel()

    def _answer(self, revision):
        async def answer(reader, writer):
            self.clients.add(asyncio.current_task())
            try:
                await reader.readuntil(b"\r\n\r\n")
                said = told() if revision == OLD else self.candidate
                if said is None:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while said is None:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.02)
                writer.write(said)
                await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        return answer

    async def look(self):
        """Return the gates' states after one look."""
        judged = target(*GATES)
        self.analyst.forget(KEY)
        return (await self.analyst.look(KEY, judged, None)).gates


@pytest.fixture
async def world():
    async with World() as world:
        yield world


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_is_no_telemetry_is_a_sentence_and_no_verdict(world, what):
    world.candidate = HOSTILE[what]
    with capture_logs() as logs:
        gates = await world.look()
    assert {gate.verdict for gate in gates} == {"inconclusive"}
    assert [log for log in logs if log["log_level"] == "error"] == []
    for gate in gates[:3]:
        assert gate.message.startswith(f"candidate {NEW} could not be read: pod {NEW}-0: ")
        assert "\n" not in gate.message
        assert len(gate.message) < 600


async def test_honest_telemetry_is_no_problem(world):
    gates = await world.look()
    assert not any("could not be read" in gate.message for gate in gates)


GOLDEN = {
    "requests": [
        {
            "name": "one",
            "request": {"inputs": []},
            "expected": {"outputs": [{"name": "predict", "data": [1]}]},
        }
    ]
}


@pytest.mark.parametrize(
    "what", ["nothing", "no HTTP", "half an answer", "endless headers", "no gzip", "too long"]
)
async def test_no_answer_to_a_golden_request_is_no_verdict(world, what):
    world.candidate = HOSTILE[what]
    document = {"golden.json": json.dumps(GOLDEN)}
    world.api.seed(build("ConfigMap", "cases", data=document))
    gate = {"metric": "goldenRequests", "configMap": {"name": "cases", "key": "golden.json"}}
    judged = target(gate, step=0)
    with pytest.raises(Uncomputable, match=r"^golden request one: [^\n]{10,600}$"):
        await world.golden.ask(KEY, judged, judged.gates[0])
