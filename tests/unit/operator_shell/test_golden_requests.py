"""Golden requests: where they come from, whom they are asked, and what counts as an answer."""

import json
import tracemalloc

import pytest

from lockstep_operator.core.errors import Unavailable
from lockstep_operator.core.gates.samples import GoldenResult
from lockstep_operator.shell.analysis import golden
from lockstep_operator.shell.analysis.golden import Golden
from lockstep_operator.shell.analysis.problems import Uncomputable
from lockstep_operator.shell.store import Store
from operator_shell.api import Api
from operator_shell.gates import KEY, NEW, NO_ANSWER, OLD, Pods, pod, target
from operator_shell.manifests import build

INFER = "/v2/models/churn/infer"
BODY = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}]}


def answer(*values):
    return json.dumps({"outputs": [{"name": "predict", "data": list(values)}]}).encode()


def document(*values, **parts):
    expected = json.loads(answer(*values))
    return {"requests": [{"name": "one", "request": BODY, "expected": expected, **parts}]}


class World:
    def __init__(self):
        self.api, self.store, self.pods = Api(), Store(), Pods()
        self.golden = Golden(self.api, self.store, self.pods)
        for name, revision in (("new-0", NEW), ("old-0", OLD)):
            self.store.put(pod(name, revision))
        self.pods.answers[INFER] = answer(1)

    def beside_the_model(self, told):
        raw = told if isinstance(told, bytes | int | Exception) else json.dumps(told).encode()
        self.pods.answers["new-0", "/golden"] = raw

    def in_config_map(self, text, key="golden.json"):
        self.api.seed(build("ConfigMap", "cases", data={key: text}))

    async def ask(self, **parts):
        gate = {"metric": "goldenRequests", **parts}
        judged = target(gate, step=0)
        return await self.golden.ask(KEY, judged, judged.gates[0])


CONFIG_MAP = {"configMap": {"name": "cases", "key": "golden.json"}}


@pytest.fixture
def world():
    return World()


async def test_the_file_beside_the_model_is_asked_of_a_pod_of_the_candidate(world):
    world.beside_the_model(document(1))
    assert await world.ask() == GoldenResult(1, 0)
    assert world.pods.asked == [("new-0", 8081, "/golden")]
    assert world.pods.posted == [("new-0", 8080, INFER, BODY)]


async def test_a_config_map_needs_no_file(world):
    world.in_config_map(json.dumps(document(2)))
    result = await world.ask(**CONFIG_MAP)
    assert (result.asked, result.wrong) == (1, 1)
    assert result.first_miss.startswith("one: ")
    assert world.pods.asked == []
    assert world.api.calls == ["get ConfigMap cases"]


async def test_a_server_of_ones_own_is_asked_where_the_request_says(world):
    told = document(path="/score?full=1")
    told["requests"][0]["expected"] = {"score": 3}
    world.in_config_map(json.dumps(told))
    world.pods.answers["/score?full=1"] = b'{"score": 3}'
    assert await world.ask(**CONFIG_MAP) == GoldenResult(1, 0)


async def test_all_requests_are_asked_and_counted(world):
    told = {"requests": [document(1, name=f"n{number}")["requests"][0] for number in range(20)]}
    told["requests"][7]["expected"]["outputs"][0]["data"] = [5]
    world.beside_the_model(told)
    result = await world.ask()
    assert (result.asked, result.wrong) == (20, 1)
    assert result.first_miss.startswith("n7: ")


@pytest.mark.parametrize(
    ("given", "miss"),
    [
        (500, "one: status 500"),
        (400, "one: status 400"),
        (b"<html>", "one: the answer is not JSON"),
        (b"[" * 100_000, "one: the answer is nested too deeply"),
        (answer(10**400), "one: the answer has a number that is too large"),
    ],
)
async def test_an_answer_that_is_none_is_wrong(world, given, miss):
    world.beside_the_model(document(1))
    world.pods.answers[INFER] = given
    result = await world.ask()
    assert (result.asked, result.wrong) == (1, 1)
    assert result.first_miss.startswith(miss)


async def test_answers_that_are_too_long_together_are_no_verdict(world, monkeypatch):
    monkeypatch.setattr(golden, "LONGEST_ANSWERS", 100)
    told = {"requests": [document(1, name=f"n{number}")["requests"][0] for number in range(20)]}
    world.beside_the_model(told)
    with pytest.raises(Uncomputable, match="have more than 100 bytes together: ask fewer"):
        await world.ask()
    assert set(world.pods.limits) == {golden.LONGEST_ANSWER}


async def test_an_answer_is_let_go_when_it_is_compared(world):
    told = {"requests": [document(1, name=f"n{number}")["requests"][0] for number in range(20)]}
    world.beside_the_model(told)
    rest = {"name": "rest", "data": [0.5] * 20_000}  # parsed, more than half a megabyte
    long = {"outputs": [*json.loads(answer(1))["outputs"], rest]}
    world.pods.answers[INFER] = json.dumps(long).encode()
    tracemalloc.start()
    try:
        assert await world.ask() == GoldenResult(20, 0)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("given", [503, 429, 401, NO_ANSWER])
async def test_a_pod_that_cannot_answer_now_is_asked_again(world, given):
    world.beside_the_model(document(1))
    world.pods.answers[INFER] = given
    with pytest.raises(Uncomputable, match="golden request one: "):
        await world.ask()


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (404, "no golden.json beside the model: add it there, or name a configMap"),
        (500, "pod new-0 answered 500 to /golden"),
        (NO_ANSWER, "golden.json of pod new-0 could not be read: connection refused"),
        (b"{", "golden.json beside the model: the golden document is not JSON"),
        ({"requests": []}, "golden.json beside the model: requests: must be a list"),
        (document(1, path="/../../api/v1/secrets"), "must be a plain path"),
        (document(1, path="/%2e%2e/secrets"), "must be a plain path"),
        (document(1, path="/x@elsewhere"), "must be a plain path"),
    ],
)
async def test_a_document_of_no_use_is_a_sentence(world, told, sentence):
    world.beside_the_model(told)
    with pytest.raises(Uncomputable) as caught:
        await world.ask()
    assert sentence in str(caught.value)
    assert world.pods.posted == []


async def test_what_is_wrong_with_a_config_map_is_a_sentence(world):
    with pytest.raises(Uncomputable, match="ConfigMap cases does not exist in shop"):
        await world.ask(**CONFIG_MAP)
    world.in_config_map("{}", key="other")
    with pytest.raises(Uncomputable, match=r"ConfigMap cases has no key golden\.json"):
        await world.ask(**CONFIG_MAP)
    world.in_config_map("[]")
    with pytest.raises(Uncomputable, match=r"key golden\.json of ConfigMap cases: "):
        await world.ask(**CONFIG_MAP)
    world.api.fail("get", "ConfigMap", Unavailable("down"))
    with pytest.raises(Uncomputable, match="ConfigMap cases could not be read: down"):
        await world.ask(**CONFIG_MAP)


async def test_without_a_ready_pod_there_is_nobody_to_ask(world):
    world.store.remove(pod("new-0", NEW))
    with pytest.raises(Uncomputable, match="no ready pod to ask"):
        await world.ask()
