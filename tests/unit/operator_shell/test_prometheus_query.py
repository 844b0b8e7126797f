"""Queries against an HTTP server that answers as Prometheus does, and as others do."""

import asyncio
import base64
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from lockstep_operator.core.errors import Forbidden
from lockstep_operator.core.gates.samples import QueryResult
from lockstep_operator.shell.analysis import prometheus
from lockstep_operator.shell.analysis.problems import Uncomputable
from lockstep_operator.shell.analysis.prometheus import Queries
from operator_shell.api import Api
from operator_shell.gates import KEY, NEW, OLD, target
from operator_shell.manifests import build


def success(kind, result):
    return web.json_response({"status": "success", "data": {"resultType": kind, "result": result}})


def vector(*values):
    return success("vector", [{"metric": {}, "value": [1.0, value]} for value in values])


def warned(*warnings):
    data = {"resultType": "scalar", "result": [1.0, "0.25"]}
    told = {"status": "success", "data": data, "warnings": list(warnings), "infos": ["a hint"]}
    return web.json_response(told)


class Server:
    def __init__(self):
        self.answers = [vector("0.25")]
        self.asked = []

    async def answer(self, request):
        form = await request.post()
        self.asked.append((request.path, form.get("query"), request.headers.get("Authorization")))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            return await answer()
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)


@pytest.fixture
async def server():
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with TestServer(app) as running:
        server.url = f"http://127.0.0.1:{running.port}"
        yield server


@pytest.fixture
def api():
    return Api()


@pytest.fixture
async def ask(server, api):
    queries = Queries(api, server.url)

    async def ask(query="up", stable=OLD, **parts):
        gate = {"metric": "prometheus", "max": 1, "prometheus": {"query": query, **parts}}
        judged = target(gate, stable=stable)
        return await queries.ask(KEY, judged, judged.gates[0])

    yield ask
    await queries.close()


def secret(**data):
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return build("Secret", "prom", data=coded)


async def test_a_vector_of_one_sample_is_a_number(ask, server):
    assert await ask("up") == QueryResult(0.25)
    assert server.asked == [("/api/v1/query", "up", None)]


async def test_a_scalar_is_one_too(ask, server):
    server.answers = [success("scalar", [1.0, "42"])]
    assert await ask("42") == QueryResult(42.0)


@pytest.mark.parametrize(("text", "number"), [("-1.5e-07", -1.5e-07), ("+3", 3.0), ("2.", 2.0)])
async def test_numbers_are_told_as_texts(ask, server, text, number):
    server.answers = [vector(text)]
    assert await ask() == QueryResult(number)


async def test_a_hint_to_the_querys_author_is_no_warning(ask, server):
    server.answers = [warned('PromQL info: metric might not be a counter: "x"')]
    assert await ask() == QueryResult(0.25)


async def test_with_the_revision_in_it_stable_is_asked_as_well(ask, server):
    server.answers = [vector("2"), vector("1")]
    query = 'x{ns="{{namespace}}",md="{{modelDeployment}}",rev="{{revision}}"}'
    assert await ask(query) == QueryResult(2.0, 1.0)
    assert [text for _, text, _ in server.asked] == [
        f'x{{ns="shop",md="churn",rev="{NEW}"}}',
        f'x{{ns="shop",md="churn",rev="{OLD}"}}',
    ]
    server.asked.clear()
    assert await ask(query, stable=None) == QueryResult(1.0)
    assert len(server.asked) == 1


async def test_the_gate_names_its_own_address(ask, server):
    assert await ask(address=server.url + "/prom/") == QueryResult(0.25)
    assert server.asked[0][0] == "/prom/api/v1/query"


@pytest.mark.parametrize(
    ("data", "header"),
    [
        ({"token": "t0ps3cret\n"}, "Bearer t0ps3cret"),
        ({"username": "u", "password": "t0ps3cret"}, "Basic dTp0MHBzM2NyZXQ="),
    ],
)
async def test_credentials_come_from_the_secret_each_time(ask, server, api, data, header):
    api.seed(secret(**data))
    for _ in range(2):
        await ask(secretName="prom")
    assert [sent for _, _, sent in server.asked] == [header, header]
    assert api.calls == ["get Secret prom", "get Secret prom"]


async def test_the_secrets_address_comes_before_the_operators(server, api):
    api.seed(secret(address=server.url))
    queries = Queries(api, "http://127.0.0.1:1")
    gate = {"metric": "prometheus", "max": 1, "prometheus": {"query": "up", "secretName": "prom"}}
    judged = target(gate)
    assert await queries.ask(KEY, judged, judged.gates[0]) == QueryResult(0.25)
    await queries.close()


async def hang():
    await asyncio.sleep(5)


def long_answer():
    return web.Response(text=json.dumps({"status": "success", "data": "x" * (2 * 1024 * 1024)}))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (vector(), "has no data for the query"),
        (vector("1", "2"), "answered with 2 series: aggregate them"),
        (success("matrix", []), "answered with a matrix: the query must give one number"),
        (success("string", [1, "a"]), "answered with a string"),
        (vector("NaN"), "answered nan"),
        (vector("+Inf"), "answered inf"),
        (success("vector", [{"metric": {}}]), "answered what no Prometheus does"),
        (success("vector", [{"value": [1.0, "many"]}]), "answered what no Prometheus does"),
        (vector(True), "answered what no Prometheus does"),
        (success("scalar", [1.0, True]), "answered what no Prometheus does"),
        (success("scalar", [1.0, 5]), "answered what no Prometheus does"),
        (success("scalar", [1.0, "1_000"]), "answered what no Prometheus does"),
        (success("scalar", [1.0, " 1"]), "answered what no Prometheus does"),
        (success("scalar", [1.0, "1", "2"]), "answered what no Prometheus does"),
        (success("scalar", "12"), "answered what no Prometheus does"),
        (success("scalar", [1.0, "1e999"]), "answered inf"),
        (success("vector", {"0": 1}), "answered what no Prometheus does"),
        (success("vector", [3]), "answered what no Prometheus does"),
        (success("vector", [{"histogram": [1, {}]}]), "answered with a histogram: the query must"),
        (success(["vector"], []), "answered with a ['vector']"),
        (warned("PromQL warning: x"), "may be incomplete: PromQL warning: x"),
        (warned("no store\nmatched"), "may be incomplete: no store matched"),
        (web.Response(text="[" * 100_000), "answered 200 without a result"),
        (web.Response(body=b"\xff"), "answered 200 without a result"),
        (web.json_response({"status": "success"}), "answered what no Prometheus does"),
        (web.Response(text="<html>"), "answered 200 without a result: see its address"),
        (web.json_response([1]), "answered 200 without a result"),
        (
            web.json_response({"status": "error", "error": "parse error"}, status=400),
            "refuses the query: parse error",
        ),
        (web.Response(status=401), "answered 401: see the credentials in the gate's Secret"),
        (web.Response(status=302, headers={"Location": "/elsewhere"}), "redirects (302)"),
        (web.Response(status=503), "answered 503 without a result"),
        (long_answer(), "answered with more than 1048576 bytes: the query must give one number"),
    ],
)
async def test_all_else_is_a_sentence(ask, server, answer, sentence):
    server.answers = [answer]
    with pytest.raises(Uncomputable) as caught:
        await ask()
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"Prometheus at {server.url} ")
    assert len(server.asked) == 1, "a redirect is not followed"


async def test_a_silent_server_is_no_answer(ask, server, monkeypatch):
    monkeypatch.setattr(prometheus, "_SECONDS", 0.05)
    server.answers = [hang]
    with pytest.raises(Uncomputable, match=r"no complete answer within 0\.05 s: see its address"):
        await ask()
    with pytest.raises(Uncomputable, match=r"Prometheus at http://127.0.0.1:1 did not answer"):
        await ask(address="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (None, "Secret prom does not exist in shop"),
        (build("Secret", "prom", data={"token": "%"}), "`token` in Secret prom must be text"),
        (secret(**{"ca.crt": "nonsense"}), "`ca.crt` in Secret prom is no PEM certificate"),
        (secret(address="ftp://x"), "must be http:// or https://"),
        (secret(address="http://me:t0ps3cret@host"), "without user and password"),
        (secret(address="http://["), "must be http:// or https://"),
    ],
)
async def test_a_secret_of_no_use_is_a_sentence_without_its_content(ask, api, manifest, sentence):
    if manifest is not None:
        api.seed(manifest)
    with pytest.raises(Uncomputable) as caught:
        await ask(secretName="prom")
    assert sentence in str(caught.value)
    assert "t0ps3cret" not in str(caught.value)


async def test_an_address_from_the_secret_is_not_told(ask, api):
    api.seed(secret(address="http://127.0.0.1:1/t0ps3cret"))
    with pytest.raises(Uncomputable) as caught:
        await ask(secretName="prom")
    assert "Prometheus at the address in Secret prom did not answer" in str(caught.value)
    assert "t0ps3cret" not in str(caught.value)


async def test_without_the_right_it_says_which_value_to_set(ask, api):
    api.fail("get", "Secret", Forbidden("secrets is forbidden", 403))
    with pytest.raises(Uncomputable, match=r"gates\.readSecrets=true"):
        await ask(secretName="prom")


async def test_nobody_to_ask_is_a_sentence(api):
    queries = Queries(api)
    judged = target({"metric": "prometheus", "max": 1, "prometheus": {"query": "up"}})
    with pytest.raises(Uncomputable, match="--prometheus-address"):
        await queries.ask(KEY, judged, judged.gates[0])
