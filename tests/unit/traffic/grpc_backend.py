"""gRPC of a model pod: every method answers with the pod's name, or a status."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc import aio

METHOD = "/inference.GRPCInferenceService/ModelInfer"


@dataclass
class GrpcBackend:
    """`code`: of its answers; `delay`: seconds before each; `seen`: metadata of all requests."""

    name: str
    address: str
    code: grpc.StatusCode = grpc.StatusCode.OK
    delay: float = 0.0
    seen: list[dict[str, str]] = field(default_factory=list)

    async def start(self) -> None:
        self._server = aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Every(self),))
        self._server.add_insecure_port(f"{self.address}:8082")
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(0)

    async def answer(self, _: bytes, context: Any) -> bytes:
        self.seen.append(dict(context.invocation_metadata()))
        await asyncio.sleep(self.delay)
        if self.code is not grpc.StatusCode.OK:
            await context.abort(self.code, "as the test wants it")
        return self.name.encode()


class _Every(grpc.GenericRpcHandler):
    def __init__(self, backend: GrpcBackend) -> None:
        self._handler = grpc.unary_unary_rpc_method_handler(backend.answer)

    def service(self, _: Any) -> Any:
        return self._handler


@asynccontextmanager
async def grpc_client(address: str) -> AsyncIterator[Any]:
    """Give a call that returns the name of who answered."""
    # A channel shares its connection with others to the same address, unless told not to.
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with aio.insecure_channel(address, options=options) as channel:
        call = channel.unary_unary(METHOD)

        async def ask(**options: Any) -> str:
            body: bytes = await call(b"", **options)
            return body.decode()

        yield ask
