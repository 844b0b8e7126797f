"""A server over HTTPS: guards, rights, deletion, and what the recorded pairs do not show."""

import asyncio
import stat
import time

import aiohttp
import pytest

from lockstep_sandbox.apiserver.pessimism import NONE, Pessimism

CMS = "/api/v1/namespaces/default/configmaps"


def config_map(name, **meta):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}}


def owner(obj, **more):
    meta = obj["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": meta["name"],
        "uid": meta["uid"],
    } | more


async def until(check, patience=3.0):
    end = time.monotonic() + patience
    while not (found := await check()):
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.02)
    return found


async def gone(client, path):
    async def check():
        return (await client.send("GET", path))[0] == 404

    await until(check)


async def test_browsers_and_foreign_hosts_are_refused(client):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        status, body = await client.send("GET", "/api", headers=headers)
        assert (status, body["reason"]) == (403, "Forbidden")


async def test_who_has_no_token_is_nobody(client):
    status, body = await client.send("GET", "/version", token="")
    assert (status, body["reason"]) == (403, "Forbidden")
    assert (await client.send("GET", "/version", token="wrong"))[0] == 401
    headers = {"Authorization": f"bearer {client.server.tokens.admin}"}
    assert (await client.send("GET", "/version", headers=headers))[0] == 200


async def test_secrets_are_private_files(client, tmp_path):
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {p.name for p in files} >= {"kubeconfig", "kubelet.kubeconfig", "kubelet.token"}
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in files)


async def test_what_is_not_here_says_so(client):
    status, body = await client.send("GET", "/apis/batch/v1/jobs")
    assert status == 501
    assert "not in the sandbox" in body["message"]


async def account_token(client, name="robot"):
    path = "/api/v1/namespaces/default/serviceaccounts"
    await client.send("POST", path, {"metadata": {"name": name}})
    _, answer = await client.send("POST", f"{path}/{name}/token", {"spec": {}})
    return answer["status"]["token"]


async def test_a_token_ends_with_its_account(client):
    token = await account_token(client)
    assert (await client.send("GET", "/version", token=token))[0] == 200
    assert (await client.send("GET", CMS, token=token))[0] == 403
    await client.send("DELETE", "/api/v1/namespaces/default/serviceaccounts/robot")
    assert (await client.send("GET", "/version", token=token))[0] == 401


async def test_rights_by_cluster_role(client):
    token = await account_token(client)
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]
    await client.send(
        "POST", f"{rbac}/clusterroles", {"metadata": {"name": "reader"}, "rules": rules}
    )
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
    binding = {
        "metadata": {"name": "robot"},
        "roleRef": {"kind": "ClusterRole", "name": "reader"},
        "subjects": [subject],
    }
    await client.send("POST", f"{rbac}/clusterrolebindings", binding)
    assert (await client.send("GET", CMS, token=token))[0] == 200
    assert (await client.send("GET", f"{CMS}/x", token=token))[0] == 403
    as_robot = {"Impersonate-User": "system:serviceaccount:default:robot"}
    assert (await client.send("GET", "/api/v1/secrets", headers=as_robot))[0] == 403
    assert (await client.send("GET", CMS, token=token, headers=as_robot))[0] == 403


async def test_an_object_goes_with_its_last_owner(client):
    _, one = await client.send("POST", CMS, config_map("one"))
    _, two = await client.send("POST", CMS, config_map("two"))
    owners = [owner(one), owner(two)]
    await client.send("POST", CMS, config_map("child", ownerReferences=owners))
    await client.send("DELETE", f"{CMS}/one")

    async def one_left():
        _, child = await client.send("GET", f"{CMS}/child")
        return child["metadata"]["ownerReferences"] == owners[1:]

    await until(one_left)
    await client.send("DELETE", f"{CMS}/two")
    await gone(client, f"{CMS}/child")


async def test_foreground_waits_for_children_that_block(client):
    _, parent = await client.send("POST", CMS, config_map("parent"))
    refs = [owner(parent, blockOwnerDeletion=True)]
    held = config_map("child", ownerReferences=refs, finalizers=["example.com/hold"])
    await client.send("POST", CMS, held)
    await client.send("DELETE", f"{CMS}/parent?propagationPolicy=Foreground")
    await asyncio.sleep(0.2)
    status, found = await client.send("GET", f"{CMS}/parent")
    assert (status, found["metadata"]["finalizers"]) == (200, ["foregroundDeletion"])
    patch = {"metadata": {"finalizers": None}}
    await client.send("PATCH", f"{CMS}/child", patch, kind="merge")
    await gone(client, f"{CMS}/parent")


async def test_a_pod_on_a_node_ends_when_its_kubelet_says_so(client):
    path = "/api/v1/namespaces/default/pods"
    spec = {"nodeName": "n", "containers": [{"name": "a", "image": "x"}]}
    await client.send("POST", path, {"metadata": {"name": "p"}, "spec": spec})
    _, pod = await client.send("DELETE", f"{path}/p?gracePeriodSeconds=5")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 5
    touched = {"metadata": {"labels": {"a": "b"}}}
    assert (await client.send("PATCH", f"{path}/p", touched, kind="merge"))[0] == 200
    assert (await client.send("GET", f"{path}/p"))[0] == 200
    await client.send("DELETE", f"{path}/p", {"gracePeriodSeconds": 0})
    assert (await client.send("GET", f"{path}/p"))[0] == 404


async def test_a_namespace_is_furnished_and_emptied(client):
    await client.send("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})

    async def furnished():
        _, maps = await client.send("GET", "/api/v1/namespaces/team/configmaps")
        _, accounts = await client.send("GET", "/api/v1/namespaces/team/serviceaccounts")
        names = [o["metadata"]["name"] for o in maps["items"] + accounts["items"]]
        return names == ["kube-root-ca.crt", "default"]

    await until(furnished)
    _, space = await client.send("DELETE", "/api/v1/namespaces/team")
    assert space["status"]["phase"] == "Terminating"
    await gone(client, "/api/v1/namespaces/team")
    _, left = await client.send("GET", "/api/v1/configmaps?fieldSelector=metadata.namespace=team")
    assert left["items"] == []


async def test_a_definition_takes_its_objects_along(client):
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    version = {"name": "v1", "served": True, "storage": True}
    version["schema"] = {"openAPIV3Schema": {"type": "object"}}
    names = {"plural": "things", "kind": "Thing"}
    spec = {"group": "x.io", "scope": "Cluster", "names": names, "versions": [version]}
    made, _ = await client.send("POST", crds, {"metadata": {"name": "things.x.io"}, "spec": spec})
    assert made == 201
    assert (await client.send("POST", "/apis/x.io/v1/things", {"metadata": {"name": "a"}}))[
        0
    ] == 201
    async with client.watch("/apis/x.io/v1/things?watch=true") as events:
        assert (await anext(events))["type"] == "ADDED"
        await client.send("DELETE", f"{crds}/things.x.io")
        assert (await anext(events))["type"] == "DELETED"
        assert [e async for e in events] == []
    assert (await client.send("GET", "/apis/x.io/v1/things"))[0] == 404


async def test_cluster_ips_are_given_once_and_given_back(client):
    path = "/api/v1/namespaces/default/services"

    def service(name, **spec):
        return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}

    _, one = await client.send("POST", path, service("one"))
    address = one["spec"]["clusterIP"]
    assert address.startswith("127.16.1")
    status, _ = await client.send("POST", path, service("two", clusterIP=address))
    assert status == 422
    await client.send("DELETE", f"{path}/one")
    broken = service("two", clusterIP=address, ports=[{"port": 0}])
    assert (await client.send("POST", path, broken))[0] == 422
    assert (await client.send("POST", path, service("two", clusterIP=address)))[0] == 201
    assert (await client.send("POST", f"{path}?dryRun=All", service("dry")))[0] == 201


async def test_events_come_in_order_and_late(start):
    client = await start(Pessimism(lag=0.1, conflict=0, expired=0, busy=0, lost=0))
    async with client.watch(f"{CMS}?watch=true&resourceVersion=0") as events:
        begun = time.monotonic()
        for i in range(5):
            await client.send("POST", CMS, config_map(f"c{i}"))
        seen = []
        async for event in events:
            name = event["object"]["metadata"]["name"]
            if name.startswith("c"):
                seen.append(name)
            if len(seen) == 5:
                break
    assert seen == [f"c{i}" for i in range(5)]
    assert time.monotonic() - begun < 1


async def test_pessimism_strikes_strangers_only(start):
    client = await start(Pessimism(lag=0, conflict=0, expired=1, busy=0, lost=1))
    with pytest.raises(aiohttp.ClientError):
        await client.send("POST", CMS, config_map("lost"))
    assert (await client.send("GET", f"{CMS}/lost"))[0] == 200
    async with client.watch(f"{CMS}?watch=true&resourceVersion=1001") as events:
        assert (await anext(events))["object"]["code"] == 410
    own = client.server.tokens.controllers
    assert (await client.send("POST", CMS, config_map("kept"), token=own))[0] == 201


async def test_pessimism_is_busy_and_in_conflict(start):
    client = await start(Pessimism(lag=0, conflict=0, expired=0, busy=1, lost=0))
    assert (await client.send("GET", CMS))[0] == 429
    client = await start(Pessimism(lag=0, conflict=1, expired=0, busy=0, lost=0))
    _, made = await client.send("POST", CMS, config_map("a"))
    assert (await client.send("PATCH", f"{CMS}/a", made, kind="merge"))[0] == 409
    assert (await client.send("PATCH", f"{CMS}/a", {"data": {}}, kind="merge"))[0] == 200


async def test_a_seed_repeats_what_happens():
    def rolls(seed):
        dice = Pessimism(seed=seed)._dice
        return [dice.random() for _ in range(5)]

    assert rolls(1) == rolls(1) != rolls(2)
    assert NONE.lost == 0


async def test_kubectl_apply_moves_to_server_side(client):
    hand = {"User-Agent": "kubectl/v1.37", "Content-Type": "application/json"}
    last = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"k":"1"}}'
    note = {"kubectl.kubernetes.io/last-applied-configuration": last}
    body = {**config_map("m", annotations=note), "data": {"k": "1"}}
    await client.send("POST", f"{CMS}?fieldManager=kubectl-client-side-apply", body, headers=hand)
    new = {**config_map("m"), "data": {"k": "2"}}
    status, _ = await client.send("PATCH", f"{CMS}/m?fieldManager=git", new, kind="apply")
    assert status == 409
    status, moved = await client.send("PATCH", f"{CMS}/m?fieldManager=kubectl", new, kind="apply")
    assert (status, moved["data"]) == (200, {"k": "2"})
    assert '"k":"2"' in next(iter(moved["metadata"]["annotations"].values()))


async def test_an_event_is_patched_through_either_group(client):
    new, core = (
        "/apis/events.k8s.io/v1/namespaces/default/events",
        "/api/v1/namespaces/default/events",
    )
    about = {"kind": "ConfigMap", "name": "a", "namespace": "default"}
    event = {"metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z"}
    event |= {"note": "hello", "regarding": about, "reason": "R", "type": "Normal"}
    assert (await client.send("POST", new, event))[0] == 201
    series = {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}
    status, patched = await client.send("PATCH", f"{new}/e", series, kind="merge")
    assert (status, patched["note"], patched["apiVersion"]) == (200, "hello", "events.k8s.io/v1")
    await client.send("PATCH", f"{core}/e", {"message": "changed"}, kind="merge")
    _, seen = await client.send("GET", f"{new}/e")
    assert (seen["note"], seen["series"]["count"]) == ("changed", 2)
