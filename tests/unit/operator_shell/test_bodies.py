"""Answers of any length, read through the API server or straight from a pod: bounded."""

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import ApiClient, Configuration

from lockstep_operator.core.errors import PodUnreachable
from lockstep_operator.shell.bodies import Allowance, BodyTooLong, read_body
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.pods import LONGEST_BODY, ProxiedPods
from operator_shell.manifests import build

MIB = 1024 * 1024
POD = build("Pod", "p")


@pytest.fixture
async def answers():
    """What is answered next, as (status, body); and the server's address."""
    told = []

    async def answer(request):
        status, body = told.pop(0)
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as running:
        yield told, f"http://127.0.0.1:{running.port}"


@pytest.fixture
async def pods(answers):
    async with ApiClient(Configuration(host=answers[1])) as api:
        yield ProxiedPods(Client(api, Metrics(), pauses=()))


async def test_of_a_pod_behind_the_api_server_no_more_is_read_than_can_be_kept(pods, answers):
    answers[0].append((200, b"x" * (LONGEST_BODY + 1)))
    with pytest.raises(PodUnreachable, match=f"the answer has more than {LONGEST_BODY} bytes"):
        await pods.ask(POD, 8081, "/telemetry", 5.0)


async def test_the_caller_may_want_less(pods, answers):
    answers[0].extend([(200, b"x" * 10), (200, b"x" * 11)])
    assert (await pods.post(POD, 8080, "/infer", {}, 5.0, longest=10)).body == b"x" * 10
    with pytest.raises(PodUnreachable, match="the answer has more than 10 bytes"):
        await pods.post(POD, 8080, "/infer", {}, 5.0, longest=10)


async def test_an_error_of_any_depth_is_the_pods_own(pods, answers):
    answers[0].append((500, b"[" * 100_000))
    assert (await pods.post(POD, 8080, "/infer", {}, 5.0)).status == 500


async def read(url, limit, allowance):
    async with ClientSession() as session, session.get(url) as answer:
        return await read_body(answer, limit, allowance)


async def test_long_answers_share_an_allowance_and_give_it_back(answers):
    told, url = answers
    allowance = Allowance(2 * MIB)
    allowance.change(0, 2 * MIB)  # another one, half read: a MiB of it counts
    told.extend([(200, b"x" * (2 * MIB)), (200, b"x" * (2 * MIB + 1)), (200, b"x" * (2 * MIB))])
    assert len(await read(url, 4 * MIB, allowance)) == 2 * MIB
    with pytest.raises(BodyTooLong, match="too many long answers are being read"):
        await read(url, 4 * MIB, allowance)
    assert len(await read(url, 4 * MIB, allowance)) == 2 * MIB


async def test_short_answers_are_read_whatever_others_do(answers):
    told, url = answers
    allowance = Allowance(MIB)
    allowance.change(0, 2 * MIB)
    told.append((200, b"x" * MIB))
    assert len(await read(url, 4 * MIB, allowance)) == MIB
