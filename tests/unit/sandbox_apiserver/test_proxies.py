"""Logs and proxies, against a stand-in for the kubelet and a pod."""

import pytest
from aiohttp import web

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
async def backend():
    """Serve on loopback and remember what was asked; yields (port, requests)."""
    asked = []

    async def answer(request):
        asked.append(request)
        return web.Response(text=f"{request.method} {request.path_qs}\n")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1], asked
    await runner.cleanup()


async def make_pod(client, *names):
    spec = {"nodeName": "n", "containers": [{"name": n, "image": "x"} for n in names]}
    await client.send("POST", PODS, {"metadata": {"name": "p"}, "spec": spec})
    status = {"status": {"podIP": "127.0.0.1"}}
    await client.send("PATCH", f"{PODS}/p/status", status, kind="merge")


async def make_node(client, port):
    await client.send("POST", "/api/v1/nodes", {"metadata": {"name": "n"}})
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    await client.send("PATCH", "/api/v1/nodes/n/status", {"status": status}, kind="merge")


async def test_logs_come_from_the_kubelet(client, backend):
    port, asked = backend
    await make_node(client, port)
    await make_pod(client, "main")
    status, text = await client.send("GET", f"{PODS}/p/log?tailLines=3")
    assert (status, text) == (200, "GET /containerLogs/default/p/main?tailLines=3\n")
    assert asked[0].headers["Authorization"] == f"Bearer {client.server.tokens.endpoint}"


async def test_a_container_must_be_named_among_several(client):
    await make_pod(client, "a", "b")
    status, body = await client.send("GET", f"{PODS}/p/log")
    assert status == 400
    assert "choose one of: [a b]" in body["message"]


async def test_a_pod_is_reached_without_the_callers_token(client, backend):
    port, asked = backend
    await make_pod(client, "main")
    status, text = await client.send("GET", f"{PODS}/p:{port}/proxy/v2/health?x=1")
    assert (status, text) == (200, "GET /v2/health?x=1\n")
    assert "Authorization" not in asked[0].headers
    status, text = await client.send("POST", f"{PODS}/http:p:{port}/proxy/infer", {"a": 1})
    assert (status, text) == (200, "POST /infer\n")


async def test_a_post_through_a_pods_proxy_needs_the_verb_create(client, backend):
    port, asked = backend
    await make_pod(client, "main")
    token = await _robot(client, "get")
    url = f"{PODS}/p:{port}/proxy/v2/models/m/infer"
    assert (await client.send("GET", url, token=token))[0] == 200
    status, body = await client.send("POST", url, {"inputs": []}, token=token)
    assert status == 403
    assert 'cannot create resource "pods/proxy"' in body["message"]
    token = await _robot(client, "create")
    status, text = await client.send("POST", url, {"inputs": [1]}, token=token)
    assert (status, text) == (200, "POST /v2/models/m/infer\n")
    assert (await client.send("GET", url, token=token))[0] == 403
    assert [one.method for one in asked] == ["GET", "POST"]


async def _robot(client, verb):
    """Return the token of an account that has one verb on pods/proxy."""
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    accounts, meta = "/api/v1/namespaces/default/serviceaccounts", {"name": f"robot-{verb}"}
    rules = [{"apiGroups": [""], "resources": ["pods/proxy"], "verbs": [verb]}]
    subject = {"kind": "ServiceAccount", "namespace": "default", **meta}
    binding = {"metadata": meta, "subjects": [subject]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", **meta}
    await client.send("POST", accounts, {"metadata": meta})
    await client.send("POST", f"{rbac}/roles", {"metadata": meta, "rules": rules})
    await client.send("POST", f"{rbac}/rolebindings", {**binding, "roleRef": role})
    _, answer = await client.send("POST", f"{accounts}/robot-{verb}/token", {"spec": {}})
    return answer["status"]["token"]


async def test_a_service_is_reached_through_its_ready_endpoints(client, backend):
    port, _ = backend
    services = "/api/v1/namespaces/default/services"
    spec = {"ports": [{"name": "http", "port": 80}]}
    await client.send("POST", services, {"metadata": {"name": "s"}, "spec": spec})
    assert (await client.send("GET", f"{services}/s:http/proxy/"))[0] == 503
    ready = {"addresses": ["127.0.0.1"], "conditions": {"ready": True}}
    waiting = {"addresses": ["127.0.0.9"], "conditions": {"ready": False}}
    meta = {"name": "s", "labels": {"kubernetes.io/service-name": "s"}}
    slice_ = {"metadata": meta, "addressType": "IPv4", "endpoints": [waiting, ready]}
    slice_["ports"] = [{"name": "http", "port": port}]
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    assert (await client.send("POST", path, slice_))[0] == 201
    assert await client.send("GET", f"{services}/s:80/proxy/x") == (200, "GET /x\n")


async def test_a_status_cannot_lead_out_of_the_machine(client):
    await make_pod(client, "main")
    status = {"status": {"podIP": "192.0.2.1"}}
    await client.send("PATCH", f"{PODS}/p/status", status, kind="merge")
    assert (await client.send("GET", f"{PODS}/p:80/proxy/"))[0] == 400


async def test_nobody_there(client):
    await make_pod(client, "main")
    status, body = await client.send("GET", f"{PODS}/p:1/proxy/")
    assert (status, body["reason"]) == (503, "ServiceUnavailable")
