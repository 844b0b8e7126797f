"""gRPC from a ModelDeployment: the Service's two ports, and a rollback under load."""

import threading
from collections import Counter
from types import TracebackType
from typing import Self

import grpc

from integration.support.cluster import Cluster, wait_for
from integration.support.models import ModelStore
from integration.support.rollouts import FAST, quarantine, rolled_out
from lockstep_runtime.grpc_service.messages import Inference

OFFERED = {"grpc": True}


class GrpcLoad:
    """One request after the other, from a thread of its own; `answers` are counted by revision."""

    def __init__(self, address: str) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.last = ""
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(address,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave.set()
        self._thread.join()

    def wait_for_more(self, count: int) -> None:
        wanted = self.answers.total() + count
        wait_for(f"{count} answers", lambda: self.answers.total() >= wanted)

    def _run(self, address: str) -> None:
        with grpc.insecure_channel(address) as channel:
            while not self._leave.wait(0.005):
                try:
                    self.last = infer(channel)
                except grpc.RpcError as error:
                    self.failures.append(f"{error.code()}: {error.details()}")
                else:
                    self.answers[self.last] += 1


def infer(channel: grpc.Channel) -> str:
    """Ask for one prediction; return the revision that made it."""
    contents = {"fp64_contents": [1.0] * 13}
    tensor = {"name": "input", "datatype": "FP64", "shape": [1, 13], "contents": contents}
    request = Inference.ModelInferRequest(model_name="wine", inputs=[tensor])
    call = channel.unary_unary(
        "/inference.GRPCInferenceService/ModelInfer",
        response_deserializer=Inference.ModelInferResponse.FromString,
    )
    answer = call(request.SerializeToString(), timeout=20)
    assert answer.outputs[0].contents.int64_contents
    return str(answer.model_version)


def test_grpc_follows_the_rollout_and_the_rollback(cluster: Cluster, models: ModelStore) -> None:
    first = rolled_out(cluster, models.deployment("wine", "v1", rollout=FAST, runtime=OFFERED))
    service = cluster.get("service", "wine")["spec"]
    ports = {one["name"]: one["port"] for one in service["ports"]}
    assert ports == {"http": 80, "grpc": 8001}
    for port in ports.values():
        with grpc.insecure_channel(f"{service['clusterIP']}:{port}") as channel:
            assert infer(channel) == first
    with GrpcLoad(f"{service['clusterIP']}:{ports['grpc']}") as load:
        load.wait_for_more(20)
        second = rolled_out(cluster, models.deployment("wine", "v2", rollout=FAST, runtime=OFFERED))
        wait_for("answers of the second", lambda: load.last == second)
        quarantine(cluster, second)
        wait_for("the rollback", lambda: cluster.weights("wine") == {first: 100})
        load.wait_for_more(50)
        assert load.last == first
    assert load.failures == []
    assert load.answers.keys() == {first, second}
