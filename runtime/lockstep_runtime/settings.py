"""What `serve` is told on its command line, checked."""

from dataclasses import dataclass
from pathlib import Path

from lockstep_runtime.connection import ConnectionLimits
from lockstep_runtime.server import Tls


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How to serve one fetched model.

    Attributes:
        model_dir: filled by `fetch`.
        format: a name in `loaders.FORMATS`.
        trust_pickle: the user allows formats that can run code when loaded.
        name, revision: the model's and its version's name in URLs and answers.
        port: 0 takes a free one.
        telemetry_port: of the second listener, for the operator; None when there is none.
        grpc_port: of the listener for gRPC; None when there is none.
        drain_seconds: after SIGTERM, how long new connections are still accepted.
        grace_seconds: after SIGTERM, when the process must be gone.
        max_request_bytes: larger bodies get 413.
        max_batch_rows, max_batch_delay, max_queue: see `inference.engine.QueueLimits`.
        request_timeout: seconds that a request may wait for the model; None: no limit.
        schema: what requests are held against, as `schema.declaration.read_schema` takes it.
        connections: bounds of each connection, and how many there may be.
        tokens: a file of bearer tokens, one of which each request must carry; None: none.
        tls: certificate and key, and whose certificates clients need; None: plain HTTP.
    """

    model_dir: Path
    format: str
    trust_pickle: bool
    name: str
    revision: str
    host: str
    port: int
    telemetry_port: int | None
    grpc_port: int | None
    drain_seconds: float
    grace_seconds: float
    max_request_bytes: int
    max_batch_rows: int
    max_batch_delay: float
    max_queue: int
    request_timeout: float | None
    schema: str | None
    connections: ConnectionLimits
    tokens: Path | None
    tls: Tls | None
    access_log: bool
