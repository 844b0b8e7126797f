"""The client against an HTTP server: what goes over the wire, and what comes of bad answers."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import ApiClient, Configuration

from lockstep_operator.core.errors import Conflict, PodUnreachable, Unavailable
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.pods import DirectPods, ProxiedPods
from operator_shell.manifests import NAMESPACE, build, child

OBJECT = {"kind": "Service", "metadata": {"name": "s", "resourceVersion": "1"}}


class Server:
    """Answers with the script, then with an object; keeps what it was asked."""

    def __init__(self):
        self.script = []
        self.asked = []

    async def answer(self, request):
        self.asked.append((request.method, request.path, dict(request.query), await request.text()))
        self.content_type = request.content_type
        answer = self.script.pop(0) if self.script else OBJECT
        if callable(answer):
            answer = await answer()
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)


@pytest.fixture
async def server():
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with TestServer(app) as running:
        server.url, server.port = f"http://127.0.0.1:{running.port}", running.port
        yield server


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
async def api(server):
    async with ApiClient(Configuration(host=server.url)) as api:
        yield api


@pytest.fixture
def client(api, metrics):
    return Client(api, metrics, seconds=0.5, pauses=(0.01, 0.01))


def refused(status, **headers):
    return web.json_response({"message": "no"}, status=status, headers=headers)


async def test_applies_with_our_field_manager_by_force(client, server):
    await client.apply(child())
    [(verb, path, query, body)] = server.asked
    assert (verb, path) == ("PATCH", "/api/v1/namespaces/shop/services/churn-1a2b3c4d")
    assert query == {"fieldManager": "lockstep", "force": "true"}
    assert server.content_type == "application/apply-patch+yaml"
    assert '"port": 80' in body


async def test_paths_of_groups_and_subresources(client, server):
    await client.patch("ModelRevision", NAMESPACE, "x", {"status": {}}, subresource="status")
    assert server.asked[0][1] == (
        "/apis/serving.lockstep.dev/v1alpha1/namespaces/shop/modelrevisions/x/status"
    )
    assert server.content_type == "application/merge-patch+json"


async def test_deletes_in_the_background_and_only_that_uid(client, server):
    server.script = [{"kind": "Status", "status": "Success"}, OBJECT]
    assert await client.delete("Service", NAMESPACE, "s", "uid-1") == {}
    assert await client.delete("Service", NAMESPACE, "s", "uid-1") == OBJECT
    assert '"uid": "uid-1"' in server.asked[0][3]
    assert '"propagationPolicy": "Background"' in server.asked[0][3]


async def test_lists_page_by_page_with_our_selector(client, server):
    pages = [
        {"metadata": {"resourceVersion": "9", "continue": "more"}, "items": [{"metadata": {}}]},
        {"metadata": {"resourceVersion": "9"}, "items": None},
    ]
    server.script = list(pages)
    items, version = await client.list("Pod")
    assert (items, version) == ([{"apiVersion": "v1", "kind": "Pod", "metadata": {}}], 9)
    assert server.asked[0][2]["labelSelector"] == "app.kubernetes.io/managed-by=lockstep"
    assert server.asked[1][2]["continue"] == "more"


async def test_tries_again_when_the_server_is_busy(client, server, metrics):
    server.script = [refused(429), refused(503)]
    assert await client.get("Service", NAMESPACE, "s") == OBJECT
    text = metrics.exposition()
    assert b'lockstep_api_requests_total{code="429",verb="GET"} 1.0' in text
    assert b'lockstep_api_requests_total{code="200",verb="GET"} 1.0' in text


async def test_gives_up_after_a_few_times(client, server):
    server.script = [refused(500) for _ in range(9)]
    with pytest.raises(Unavailable, match="GET /api/v1/namespaces/shop/services/s: no"):
        await client.get("Service", NAMESPACE, "s")
    assert len(server.asked) == 3


async def test_does_not_repeat_a_refusal(client, server):
    server.script = [refused(409)]
    with pytest.raises(Conflict):
        await client.create(child())
    assert len(server.asked) == 1


async def test_leaves_long_waits_to_the_queue(client, server):
    server.script = [refused(429, **{"Retry-After": "60"})]
    with pytest.raises(Unavailable) as caught:
        await client.get("Service", NAMESPACE, "s")
    assert caught.value.retry_after == 60
    assert len(server.asked) == 1


async def test_a_silent_server_and_garbage_are_no_answer(api, server, metrics):
    client = Client(api, metrics, seconds=0.2, pauses=())
    server.script = [lambda: asyncio.sleep(2, OBJECT), web.Response(text="<html>"), [1]]
    for _ in range(3):
        with pytest.raises(Unavailable):
            await client.get("Service", NAMESPACE, "s")
    assert b'lockstep_api_requests_total{code="0",verb="GET"} 1.0' in metrics.exposition()


async def test_nobody_listening_is_no_answer(metrics):
    async with ApiClient(Configuration(host="http://127.0.0.1:1")) as api:
        with pytest.raises(Unavailable, match="GET /api/v1"):
            await Client(api, metrics, pauses=()).get("Service", NAMESPACE, "s")


async def test_a_former_leader_reads_but_does_not_write(api, server, metrics):
    client = Client(api, metrics, may_write=lambda: False)
    await client.get("Service", NAMESPACE, "s")
    with pytest.raises(Unavailable, match="Lease"):
        await client.apply(child())
    assert len(server.asked) == 1


def pod(address=None):
    return build("Pod", "p", status={"podIP": address} if address else {})


async def test_reads_pods_through_the_api_server(client, server):
    server.script = [web.Response(text="metrics")]
    assert await ProxiedPods(client).get(pod(), 15020, "/stats?filter=x") == b"metrics"
    assert server.asked[0][1] == "/api/v1/namespaces/shop/pods/p:15020/proxy/stats"
    assert server.asked[0][2] == {"filter": "x"}
    server.script = [refused(503)]
    with pytest.raises(PodUnreachable):
        await ProxiedPods(client).get(pod(), 15020, "/stats")


async def test_reads_pods_directly(server):
    pods = DirectPods()
    server.script = [
        web.Response(text="metrics"),
        web.Response(status=503),
        web.Response(status=302, headers={"Location": "http://elsewhere"}),
    ]
    assert await pods.get(pod("127.0.0.1"), server.port, "/stats") == b"metrics"
    for bad in (pod("127.0.0.1"), pod("127.0.0.1"), pod()):
        with pytest.raises(PodUnreachable):
            await pods.get(bad, server.port, "/stats")
    with pytest.raises(PodUnreachable):
        await pods.get(pod("127.0.0.1"), 1, "/stats")
    await pods.close()


INFER = "/v2/models/churn/infer"


async def test_posts_to_pods_directly(server):
    pods = DirectPods()
    server.script = [web.json_response({"a": 1}), web.json_response({"error": "no"}, status=400)]
    answer = await pods.post(pod("127.0.0.1"), server.port, INFER, {"inputs": []}, 1.0)
    assert (answer.status, answer.body) == (200, b'{"a": 1}')
    assert server.asked[0] == ("POST", INFER, {}, '{"inputs": []}')
    assert server.content_type == "application/json"
    answer = await pods.post(pod("127.0.0.1"), server.port, INFER, {}, 1.0)
    assert answer.status == 400
    server.script = [lambda: asyncio.sleep(2, OBJECT)]
    with pytest.raises(PodUnreachable):
        await pods.post(pod("127.0.0.1"), server.port, INFER, {}, 0.05)
    await pods.close()


async def test_reads_no_more_of_a_pod_than_can_be_kept(server, monkeypatch):
    monkeypatch.setattr("lockstep_operator.shell.pods.LONGEST_BODY", 10)
    pods = DirectPods()
    server.script = [web.Response(text="x" * 11)]
    with pytest.raises(PodUnreachable, match="more than 10 bytes"):
        await pods.ask(pod("127.0.0.1"), server.port, "/telemetry", 1.0)
    await pods.close()


async def test_posts_to_pods_through_the_api_server(client, server):
    server.script = [web.json_response({"a": 1}), web.json_response({"error": "no"}, status=400)]
    pods = ProxiedPods(client)
    answer = await pods.post(pod(), 8080, INFER, {"inputs": []}, 1.0)
    assert (answer.status, answer.body) == (200, b'{"a": 1}')
    verb, path, _, body = server.asked[0]
    assert (verb, path) == ("POST", "/api/v1/namespaces/shop/pods/p:8080/proxy" + INFER)
    assert body == '{"inputs": []}'
    assert (await pods.post(pod(), 8080, INFER, {}, 1.0)).status == 400


async def test_a_refusal_of_the_api_server_is_no_answer_of_the_pod(client, server):
    status = {"kind": "Status", "apiVersion": "v1", "message": "cannot create pods/proxy"}
    server.script = [web.json_response(status, status=403)]
    with pytest.raises(PodUnreachable, match="cannot create pods/proxy"):
        await ProxiedPods(client).post(pod(), 8080, INFER, {}, 1.0)
    assert len(server.asked) == 1
