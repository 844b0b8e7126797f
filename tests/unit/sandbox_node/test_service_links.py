"""What containers are told of Services, as a kubelet 1.36 told them."""

from lockstep_sandbox.node.service_links import service_links
from lockstep_sandbox.objects import Obj
from unit.sandbox_node.cluster import Cluster


def service(name: str, address: str, *ports: Obj) -> Obj:
    return {"metadata": {"name": name}, "spec": {"clusterIP": address, "ports": [*ports]}}


def test_variables_of_a_service() -> None:
    ports = ({"name": "http-a", "port": 81}, {"name": "dns", "port": 53, "protocol": "UDP"})
    assert service_links([service("my-two", "10.96.68.149", *ports)]) == {
        "MY_TWO_PORT": "tcp://10.96.68.149:81",
        "MY_TWO_PORT_53_UDP": "udp://10.96.68.149:53",
        "MY_TWO_PORT_53_UDP_ADDR": "10.96.68.149",
        "MY_TWO_PORT_53_UDP_PORT": "53",
        "MY_TWO_PORT_53_UDP_PROTO": "udp",
        "MY_TWO_PORT_81_TCP": "tcp://10.96.68.149:81",
        "MY_TWO_PORT_81_TCP_ADDR": "10.96.68.149",
        "MY_TWO_PORT_81_TCP_PORT": "81",
        "MY_TWO_PORT_81_TCP_PROTO": "tcp",
        "MY_TWO_SERVICE_HOST": "10.96.68.149",
        "MY_TWO_SERVICE_PORT": "81",
        "MY_TWO_SERVICE_PORT_DNS": "53",
        "MY_TWO_SERVICE_PORT_HTTP_A": "81",
    }


def test_a_service_without_an_address_has_none() -> None:
    headless = service("headless", "None", {"port": 80})
    named = {"metadata": {"name": "elsewhere"}, "spec": {"externalName": "example.com"}}
    assert service_links([headless, named]) == {}


PODS = """
apiVersion: v1
kind: Service
metadata: {name: lockstep}
spec: {selector: {a: b}, ports: [{name: http, port: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: linked}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: "python:3", terminationMessagePolicy: FallbackToLogsOnError,
     command: [sh, -c, "echo $LOCKSTEP_PORT $(LOCKSTEP_SERVICE_PORT); exit 1"]}
---
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: "python:3", command: [sh, -c, "echo $LOCKSTEP_PORT; exit 1"],
     env: [{name: LOCKSTEP_PORT, value: "1"}], terminationMessagePolicy: FallbackToLogsOnError}
---
apiVersion: v1
kind: Pod
metadata: {name: unlinked}
spec:
  restartPolicy: Never
  enableServiceLinks: false
  containers:
  - {name: c, image: "python:3", terminationMessagePolicy: FallbackToLogsOnError,
     command: [sh, -c, "echo ${LOCKSTEP_PORT-none} ${KUBERNETES_PORT%%:*}; exit 1"]}
"""


async def test_a_pod_sees_the_services_of_its_namespace_unless_it_says_no(cluster: Cluster) -> None:
    await cluster.apply(PODS)
    address = (await cluster.get("Service", "lockstep"))["spec"]["clusterIP"]
    for name, seen in (
        ("linked", f"tcp://{address}:8080 8080"),
        ("own", "1"),
        ("unlinked", "none tcp"),
    ):
        pod = await cluster.until("Pod", name, lambda pod: pod["status"]["phase"] == "Failed")
        assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"] == seen
