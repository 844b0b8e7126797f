"""The gRPC server: in the event loop that HTTP has too."""

from collections.abc import Mapping

import grpc
from grpc import aio

from lockstep_runtime.authentication import BearerTokens
from lockstep_runtime.errors import ListenFailure
from lockstep_runtime.grpc_service.calls import Answering, Call
from lockstep_runtime.grpc_service.health import HealthChecks
from lockstep_runtime.grpc_service.inference import ModelInfer
from lockstep_runtime.grpc_service.messages import HEALTH_SERVICE, INFERENCE_SERVICE
from lockstep_runtime.grpc_service.pages import PROBES, Pages
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.server import Tls
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder


class GrpcServer:
    """Serves the Open Inference Protocol and health checks until `stop`."""

    def __init__(
        self,
        state: ServingState,
        recorder: Recorder,
        limits: InferLimits,
        *,
        access_log: bool,
        connection_seconds: float | None = None,
        tokens: BearerTokens | None = None,
        tls: Tls | None = None,
    ) -> None:
        """Take messages of `limits.max_bytes`; gRPC itself cuts off those of twice the size.

        What comes while a server stops is lost. So after `connection_seconds` each connection is
        told to open another, which leads to a server that is ready: set it below the time between
        not being ready and `stop`. Probes need no token.
        """
        self._tls = tls
        self._health = HealthChecks(state)
        options = [
            ("grpc.max_receive_message_length", 2 * limits.max_bytes),
            # Two servers on one port would share its clients, without a word.
            ("grpc.so_reuseport", 0),
        ]
        if connection_seconds is not None:
            options.append(("grpc.max_connection_age_ms", int(connection_seconds * 1000)))
        self._server = aio.server(options=options)
        answering = Answering(state.revision, access_log=access_log, tokens=tokens)
        calls: Mapping[str, Call] = {
            **Pages(state).calls(),
            "ModelInfer": ModelInfer(state, recorder, limits),
        }
        inference = {
            name: answering.unary(f"/{INFERENCE_SERVICE}/{name}", call, is_open=name in PROBES)
            for name, call in calls.items()
        }
        health = {
            "Check": answering.unary(f"/{HEALTH_SERVICE}/Check", self._health.check, is_open=True),
            "Watch": answering.stream(f"/{HEALTH_SERVICE}/Watch", self._health.watch, is_open=True),
        }
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(INFERENCE_SERVICE, inference),
                grpc.method_handlers_generic_handler(HEALTH_SERVICE, health),
            )
        )

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port; 0 takes a free one.

        Raises:
            ListenFailure: the address is not ours, or taken; or the certificate cannot be used.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if self._tls is None:
                bound = self._server.add_insecure_port(address)
            else:
                bound = self._server.add_secure_port(address, _credentials(self._tls))
        except RuntimeError as error:
            raise ListenFailure(f"cannot listen on {address} for gRPC") from error
        await self._server.start()
        return int(bound)

    async def stop(self, seconds: float) -> None:
        """Take no more requests, and drop those that are not answered within the time.

        May be called again, to be quicker.
        """
        self._health.close()
        await self._server.stop(seconds)


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        authority = tls.client_ca.read_bytes() if tls.client_ca else None
    except OSError as error:
        raise ListenFailure(f"cannot read {error.filename}: {error.strerror}") from error
    return grpc.ssl_server_credentials(
        [pair], root_certificates=authority, require_client_auth=authority is not None
    )
