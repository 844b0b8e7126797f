"""Deployments and Services on a running sandbox."""

import asyncio
import itertools

import pytest

from lockstep_sandbox.client import ApiError
from lockstep_sandbox.objects import Obj
from unit.sandbox_node.cluster import Cluster, condition, eventually

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  progressDeadlineSeconds: 600
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 3
      containers:
      - name: web
        image: python:3
        command: [sh, -c]
        args:
        - echo $VERSION > $HOME/index.html;
          exec python3 -m http.server 8000 --bind $IP --directory $HOME
        lifecycle: {preStop: {sleep: {seconds: 1}}}  # until the Service knows
        env:
        - {name: VERSION, value: "1"}
        - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        readinessProbe: {httpGet: {path: /, port: 8000}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8080, targetPort: 8000}]}
"""


def versioned(version: str) -> Obj:
    env = [
        {"name": "VERSION", "value": version},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    return {"env": env}


async def change(cluster: Cluster, **container: object) -> Obj:
    """Change the container of the Deployment's template."""
    deployment = await cluster.get("Deployment", "web")
    template = deployment["spec"]["template"]
    containers = [{**template["spec"]["containers"][0], **container}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    return await cluster.client.patch("Deployment", deployment, patch)


async def ask(cluster: Cluster) -> str:
    service = await cluster.get("Service", "web")
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(service["spec"]["clusterIP"], 8080)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
    return answer.decode().rpartition("\n")[0].rpartition("\n")[2]


async def test_a_rolling_update_never_leaves_the_service_empty(cluster: Cluster) -> None:
    await cluster.apply(WEB)
    first = await cluster.rolled_out("web")
    assert condition(first, "Available") == condition(first, "Progressing") == "True"
    assert first["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert first["metadata"]["generation"] == 1

    async def reachable() -> bool:
        try:
            return await ask(cluster) == "1"
        except ConnectionRefusedError:
            return False

    await eventually(reachable, lambda: "the Service is not reachable")
    await change(cluster, **versioned("2"))
    seen: list[str] = []

    async def done() -> bool:
        seen.append(await ask(cluster))
        return seen[-10:] == ["2"] * 10

    await eventually(done, lambda: f"answers: {seen[-10:]}")
    assert {key for key, _ in itertools.groupby(seen)} == {"1", "2"}
    last = await cluster.rolled_out("web")
    assert last["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert last["status"]["conditions"][1]["reason"] == "NewReplicaSetAvailable"

    async def two() -> bool:
        return len(await cluster.pods("web")) == 2

    await eventually(two, lambda: "old pods are left")


async def test_a_change_back_takes_the_old_replica_set_again(cluster: Cluster) -> None:
    await cluster.apply(WEB)
    await cluster.rolled_out("web")
    first = {pod["metadata"]["labels"]["pod-template-hash"] for pod in await cluster.pods("web")}
    for version in ("2", "1"):
        await change(cluster, **versioned(version))
        await cluster.rolled_out("web")

    async def the_same() -> bool:
        pods = await cluster.pods("web")
        return first == {pod["metadata"]["labels"]["pod-template-hash"] for pod in pods}

    await eventually(the_same, lambda: f"not only pods of {first}")
    deployment = await cluster.get("Deployment", "web")
    assert deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


async def test_a_deadline_that_passes_is_reported_and_recovered_from(cluster: Cluster) -> None:
    await cluster.apply(WEB.replace("progressDeadlineSeconds: 600", "progressDeadlineSeconds: 2"))
    await cluster.rolled_out("web")
    await change(cluster, image="nope:1")
    late = await cluster.until(
        "Deployment", "web", lambda each: condition(each, "Progressing") == "False"
    )
    assert late["status"]["conditions"][1]["reason"] == "ProgressDeadlineExceeded"
    assert condition(late, "Available") == "True"
    await change(cluster, image="python:3")
    await cluster.rolled_out("web")


async def test_scaling_down_to_nothing_closes_the_service(cluster: Cluster) -> None:
    await cluster.apply(WEB)
    deployment = await cluster.rolled_out("web")
    await cluster.client.patch("Deployment", deployment, {"spec": {"replicas": 0}})
    await cluster.rolled_out("web")

    async def refused() -> bool:
        try:
            await ask(cluster)
        except ConnectionRefusedError:
            return True
        except ConnectionError:  # chosen just before the endpoint went
            pass
        return False

    await eventually(refused, lambda: "the Service still takes connections")


async def test_deleting_a_deployment_takes_its_pods_along(cluster: Cluster) -> None:
    await cluster.apply(WEB)
    deployment = await cluster.rolled_out("web")
    await cluster.client.delete("Deployment", deployment)

    async def empty() -> bool:
        return not await cluster.pods("web")

    await eventually(empty, lambda: "pods are left")
    with pytest.raises(ApiError, match="404"):
        await cluster.get("Deployment", "web")


ROUTER = """
apiVersion: v1
kind: Service
metadata: {name: back}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 8000}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: envoy}
data:
  bootstrap.yaml: |
    node: {id: router, cluster: router}
    admin: {address: {pipe: {path: /run/envoy/admin.sock}}}
    static_resources:
      listeners:
      - name: main
        address: {socket_address: {address: 0.0.0.0, port_value: 20000}}
        filter_chains:
        - filters:
          - name: tcp
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
              stat_prefix: tcp
              cluster: back
      clusters:
      - name: back
        type: STRICT_DNS
        connect_timeout: 1s
        load_assignment:
          cluster_name: back
          endpoints:
          - lb_endpoints:
            - endpoint:
                address: {socket_address: {address: back.HERE.svc.cluster.local, port_value: 8000}}
---
apiVersion: v1
kind: Pod
metadata: {name: router, labels: {app: router}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: envoy
    image: envoyproxy/envoy:v1.40.0
    command: [envoy, -c, /etc/router/bootstrap.yaml, -l, warning, --concurrency, "1"]
    readinessProbe: {tcpSocket: {port: 20000}, periodSeconds: 1}
    volumeMounts: [{name: c, mountPath: /etc/router}, {name: run, mountPath: /run/envoy}]
  volumes: [{name: c, configMap: {name: envoy}}, {name: run, emptyDir: {}}]
"""


async def test_envoy_finds_a_headless_service_by_the_clusters_dns(cluster: Cluster) -> None:
    deployment, router = WEB.partition("---")[0], ROUTER.replace("HERE", cluster.namespace)
    service, rest = router.split("---", 1)
    await cluster.apply(f"{deployment}---{service}")
    await cluster.rolled_out("web")
    await asyncio.sleep(1)  # the DNS is behind, and remembers an answer for 30 s
    await cluster.apply(rest)
    pod = await cluster.ready("router")
    assert (cluster.folder(pod) / "envoy/run/envoy/admin.sock").is_socket()
    for _ in range(4):
        reader, writer = await asyncio.open_connection(pod["status"]["podIP"], 20000)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200 OK" in await reader.read()
        writer.close()
