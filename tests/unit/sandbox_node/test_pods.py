"""Pods on a running sandbox: what a user sees of them."""

import asyncio
import signal
import time
from pathlib import Path

from lockstep_sandbox.objects import Obj
from unit.sandbox_node.cluster import (
    Cluster,
    appears,
    condition,
    eventually,
    state,
    vanishes,
    waits_for,
)

SERVER = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 5
  initContainers:
  - {name: first, image: "python:3", command: [sh, -c, "echo one > /data/f"],
     volumeMounts: [{name: data, mountPath: /data}]}
  - {name: second, image: "python:3", command: [sh, -c],
     args: ["(cat /data/f; echo two) > /data/index.html"],
     volumeMounts: [{name: data, mountPath: /data}]}
  containers:
  - name: web
    image: python:3
    args: [-m, http.server, "8000", --bind, 0.0.0.0, --directory, /data]
    readinessProbe: {httpGet: {path: /index.html, port: web}, periodSeconds: 1}
    ports: [{name: web, containerPort: 8000}]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
"""


def single(name: str, command: str, extra: str = "", spec: str = "") -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 2
  {spec}
  containers:
  - name: c
    image: python:3
    command: {command}
    {extra}
"""


async def fetch(pod: Obj, path: str = "/") -> bytes:
    reader, writer = await asyncio.open_connection(pod["status"]["podIP"], 8000)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


async def logs(cluster: Cluster, pod: str, query: str = "") -> str:
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{pod}/log?{query}"
    async with cluster.client._session.get(path) as reply:
        return await reply.text()


async def test_a_pod_with_init_containers_serves(cluster: Cluster) -> None:
    await cluster.apply(SERVER)
    pod = await cluster.ready("web")
    assert await fetch(pod) == b"one\ntwo\n"
    assert [condition(pod, each) for each in ("Initialized", "PodScheduled")] == ["True", "True"]
    assert pod["status"]["phase"] == "Running"
    assert all(each["ready"] for each in pod["status"]["initContainerStatuses"])
    assert await cluster.events("Scheduled", "web")
    await cluster.client.delete("Pod", pod)
    await cluster.gone("Pod", "web")
    await vanishes(cluster.folder(pod))


async def test_a_killed_container_is_restarted(cluster: Cluster) -> None:
    await cluster.apply(SERVER)
    pod = await cluster.ready("web")
    [process] = [
        each
        for each in cluster.sandbox.state.alive()
        if f"http.server\x008000\x00--bind\x00{pod['status']['podIP']}" in cmdline(each.pid)
    ]
    process.send(signal.SIGKILL)
    pod = await cluster.until("Pod", "web", lambda pod: state(pod)["restartCount"] == 1)
    assert state(pod)["lastState"]["terminated"]["exitCode"] == 137
    pod = await cluster.ready("web")
    assert await fetch(pod) == b"one\ntwo\n"


def cmdline(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8")


async def test_crash_loops_tell_their_reason(cluster: Cluster) -> None:
    command = '[sh, -c, "echo trying; echo the reason > /dev/termination-log; exit 3"]'
    await cluster.apply(single("crash", command))
    pod = await cluster.until("Pod", "crash", waits_for("CrashLoopBackOff"))
    ended = state(pod)["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (3, "Error", "the reason\n")
    assert await logs(cluster, "crash", "previous=true") == "trying\n"
    assert condition(pod, "Ready") == "False"
    assert await cluster.events("BackOff", "crash")


async def test_the_log_stands_in_for_a_termination_message(cluster: Cluster) -> None:
    command = '[sh, -c, "echo one; echo two >&2; exit 1"]'
    extra = "terminationMessagePolicy: FallbackToLogsOnError"
    await cluster.apply(single("once", command, extra, "restartPolicy: Never"))
    pod = await cluster.until("Pod", "once", lambda pod: pod["status"]["phase"] == "Failed")
    assert state(pod)["state"]["terminated"]["message"] == "one\ntwo"


async def test_a_pod_that_completes_has_succeeded(cluster: Cluster) -> None:
    await cluster.apply(single("job", '["true"]', spec="restartPolicy: OnFailure"))
    pod = await cluster.until("Pod", "job", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert state(pod)["state"]["terminated"]["reason"] == "Completed"
    assert condition(pod, "Ready") == "False"


async def test_what_keeps_a_container_from_starting_is_said(cluster: Cluster) -> None:
    none = "env: [{name: X, valueFrom: {secretKeyRef: {name: none, key: k}}}]"
    await cluster.apply(single("noconf", "[env]", none))
    await cluster.apply(single("noimage", "[x]").replace("python:3", "nope:1"))
    await cluster.apply(single("nocommand", "[no-such-binary]"))
    pod = await cluster.until("Pod", "noconf", waits_for("CreateContainerConfigError"))
    assert state(pod)["state"]["waiting"]["message"] == 'secret "none" not found'
    await cluster.until("Pod", "noimage", waits_for("ImagePullBackOff"))
    pod = await cluster.until("Pod", "nocommand", waits_for("CrashLoopBackOff"))
    assert "executable file not found" in state(pod)["lastState"]["terminated"]["message"]


async def test_a_failing_liveness_probe_restarts(cluster: Cluster) -> None:
    probe = "livenessProbe: {exec: {command: ['false']}, periodSeconds: 1, failureThreshold: 2}"
    await cluster.apply(single("sick", "[sleep, '100']", probe))
    await cluster.until("Pod", "sick", lambda pod: state(pod).get("restartCount", 0) >= 1)
    assert await cluster.events("Unhealthy", "sick")
    assert await cluster.events("Killing", "sick")


async def test_readiness_comes_and_goes_and_startup_holds_it_back(cluster: Cluster) -> None:
    test = "exec: {{command: [test, -e, /tmp/{}]}}, periodSeconds: 1, failureThreshold: {}"
    startup, readiness = test.format("started", 30), test.format("ready", 1)
    probes = f"startupProbe: {{{startup}}}\n    readinessProbe: {{{readiness}}}"
    [pod] = await cluster.apply(single("probed", "[sleep, '100']", probes))
    pod = await cluster.until("Pod", "probed", lambda pod: "running" in state(pod).get("state", {}))
    tmp = cluster.folder(pod) / "c" / "tmp"
    (tmp / "ready").touch()
    await asyncio.sleep(1.5)
    assert not state(await cluster.get("Pod", "probed"))["started"]
    (tmp / "started").touch()
    await cluster.ready("probed")
    (tmp / "ready").unlink()
    await cluster.until("Pod", "probed", lambda pod: condition(pod, "Ready") == "False")


async def test_volumes_change_on_pod_updates_and_not_before(cluster: Cluster) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {key: old}\n"
    [config] = await cluster.apply(text)
    mounts = "volumeMounts: [{name: conf, mountPath: /etc/conf}]"
    volumes = "volumes: [{name: conf, configMap: {name: conf}}]"
    await cluster.apply(single("reader", "[sleep, '100']", mounts, volumes))
    pod = await cluster.ready("reader")
    path = cluster.folder(pod) / "c/etc/conf/key"
    await cluster.client.patch("ConfigMap", config, {"data": {"key": "new"}})
    await asyncio.sleep(3)
    assert path.read_text() == "old"

    async def is_new() -> bool:
        return path.read_text() == "new"

    begin = time.monotonic()
    await cluster.annotate({**pod, "kind": "Pod"}, refresh="1")
    await eventually(is_new, lambda: "the volume is still old")
    assert time.monotonic() - begin < 2


async def test_a_pod_uses_its_service_accounts_token(cluster: Cluster) -> None:
    code = (
        "import os,ssl,urllib.request as u; e=os.environ; d=e['DIR'];"
        "at=e['KUBERNETES_SERVICE_HOST']+':'+e['KUBERNETES_SERVICE_PORT'];"
        "read=lambda name: open(d+'/'+name).read();"
        "q=u.Request(f'https://{at}/version',headers={'Authorization':'Bearer '+read('token')});"
        "tls=ssl.create_default_context(cafile=d+'/ca.crt');"
        "print(u.urlopen(q,context=tls).status, read('namespace'))"
    )
    env = "env: [{name: DIR, value: /var/run/secrets/kubernetes.io/serviceaccount}]"
    await cluster.apply(single("client", f'[python3, -c, "{code}"]', env, "restartPolicy: Never"))
    pod = await cluster.until(
        "Pod", "client", lambda pod: "terminated" in state(pod).get("state", {})
    )
    assert await logs(cluster, "client") == f"200 {cluster.namespace}\n", state(pod)


async def test_a_claim_is_a_folder(cluster: Cluster) -> None:
    folder = cluster.sandbox.folder / "claims" / cluster.namespace / "models"
    folder.mkdir(parents=True)
    (folder / "model").write_text("bytes")
    mounts = "volumeMounts: [{name: m, mountPath: /mnt/lockstep/pvc/models}]"
    volumes = (
        "restartPolicy: Never\n  volumes: [{name: m, persistentVolumeClaim: {claimName: models}}]"
    )
    command = "[sh, -c, 'cat /mnt/lockstep/pvc/models/model; ls /mnt/lockstep/pvc']"
    await cluster.apply(single("reader", command, mounts, volumes))

    async def complains() -> bool:
        found = await cluster.events("FailedMount", "reader")
        return any('persistentvolumeclaim "models" not found' in each for each in found)

    await eventually(complains, lambda: "no FailedMount event")
    await cluster.apply(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: models}\n"
        "spec: {accessModes: [ReadOnlyMany], resources: {requests: {storage: 1Gi}}}\n"
    )
    await cluster.until("Pod", "reader", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert await logs(cluster, "reader") == "bytesmodels\n"


async def test_termination_runs_pre_stop_then_term_then_kill(cluster: Cluster) -> None:
    code = (
        "import os,signal,time; signal.signal(15, lambda *a: print('TERM', flush=True));"
        "os.fork() or (os.setsid(), os.fork());"  # what it leaves behind is in a session of its own
        "open(os.environ['HOME']+'/up','w').close()\\nwhile 1: time.sleep(1)"
    )
    hook = "lifecycle: {preStop: {exec: {command: [sh, -c, 'touch $HOME/pre-stop; sleep 0.5']}}}"
    await cluster.apply(single("stubborn", f'[python3, -c, "{code}"]', hook))
    pod = await cluster.ready("stubborn")
    home = cluster.folder(pod) / "c" / "root"

    await appears(home / "up")
    before = len(cluster.sandbox.state.alive())
    begin = time.monotonic()
    await cluster.client.delete("Pod", pod)
    pod = await cluster.get("Pod", "stubborn")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 2
    await appears(home / "pre-stop")
    await cluster.gone("Pod", "stubborn")
    assert 2 <= time.monotonic() - begin < 6
    assert len(cluster.sandbox.state.alive()) == before - 3


async def test_logs_follow_and_are_cut(cluster: Cluster) -> None:
    command = "[sh, -c, 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done']"
    await cluster.apply(single("talker", command, spec="restartPolicy: Never"))
    await cluster.until(
        "Pod", "talker", lambda pod: state(pod) and "waiting" not in state(pod)["state"]
    )
    assert await logs(cluster, "talker", "follow=true") == "1\n2\n3\n4\n5\n"
    assert await logs(cluster, "talker", "tailLines=2") == "4\n5\n"
    stamped = await logs(cluster, "talker", "tailLines=1&timestamps=true")
    assert stamped.startswith("20") and stamped.endswith("Z 5\n")


async def test_what_the_node_cannot_offer_stays_pending(cluster: Cluster) -> None:
    limits = "resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 1}}"
    await cluster.apply(single("gpu", "[sleep, '9']", limits))
    pod = await cluster.until("Pod", "gpu", lambda pod: condition(pod, "PodScheduled") == "False")
    assert pod["status"]["conditions"][0]["reason"] == "Unschedulable"
