"""A server that is not ours, with its own port and health path, from manifest to rollback."""

from typing import Any

import httpx

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from integration.support.rollouts import rolled_out

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path == "/alive" else 404)

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(int(os.environ["STATUS"]))

    def answer(self, status):
        body = b'{"server": "theirs"}'
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer((os.environ["POD_IP"], 9000), Handler).serve_forever()
"""
SCRIPT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "server"},
    "data": {"server.py": SERVER},
}


def manifest(models: ModelStore, status: int) -> dict[str, Any]:
    """A candidate that answers with this status."""
    container = {
        "name": "model",
        "command": ["python", "/srv/server.py"],
        "volumeMounts": [{"name": "server", "mountPath": "/srv"}],
    }
    volume = {"name": "server", "configMap": {"name": "server"}}
    runtime = {
        "type": "Custom",
        "image": "lockstep/runtime",
        "port": 9000,
        "healthPath": "/alive",
        "env": [{"name": "STATUS", "value": str(status)}],
        "podTemplate": {"spec": {"containers": [container], "volumes": [volume]}},
    }
    gate = {"metric": "errorRate", "max": 0.1, "minSamples": 20}
    rollout = {"steps": [{"weight": 20, "hold": "1h"}], "gates": [gate]}
    return models.deployment("theirs", "v1", runtime=runtime, rollout=rollout)


def test_a_bad_version_of_it_is_taken_back(cluster: Cluster, models: ModelStore) -> None:
    cluster.apply(SCRIPT)
    first = rolled_out(cluster, manifest(models, 200))
    with httpx.Client(base_url=cluster.address("theirs")) as client:
        answer = client.post("/anything", content=b"{}")
        assert (answer.status_code, answer.json()) == (200, {"server": "theirs"})
        cluster.apply(manifest(models, 503))

        def caught() -> bool:
            for _ in range(50):
                client.post("/anything", content=b"{}")
            candidate = cluster.status("theirs").get("candidateRevision")
            mark = candidate and cluster.get("mrev", candidate)["spec"].get("quarantine")
            return bool(mark) or cluster.condition("theirs", "Ready")[1] == "SpecQuarantined"

        wait_for("the quarantine", caught, seconds=90)
        wait_for("the rollback", lambda: cluster.weights("theirs") == {first: 100})
        assert {client.post("/x", content=b"").status_code for _ in range(50)} == {200}
