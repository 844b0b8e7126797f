"""gRPC asks for what HTTP asks for: a bearer token, TLS, a client's certificate."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc import aio

from lockstep_runtime.authentication import BearerTokens
from lockstep_runtime.errors import ListenFailure
from lockstep_runtime.grpc_service.messages import Health
from lockstep_runtime.grpc_service.server import GrpcServer
from lockstep_runtime.routes.call import InferLimits
from lockstep_runtime.server import Tls
from lockstep_runtime.state import ServingState
from lockstep_runtime.telemetry.recorder import Recorder
from runtime.conftest import MAX_BYTES, NAME
from runtime.grpc_client import Client, typed

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
INFER = "/inference.GRPCInferenceService/ServerLive"


@pytest.fixture
def tokens(tmp_path: Path) -> BearerTokens:
    path = tmp_path / "tokens"
    path.write_text("first\nsecond\n")
    return BearerTokens(path)


async def test_a_token_for_all_but_probes(
    state: ServingState, recorder: Recorder, tokens: BearerTokens
) -> None:
    server = GrpcServer(state, recorder, InferLimits(MAX_BYTES), access_log=False, tokens=tokens)
    client = Client(await server.start("127.0.0.1", 0))
    for method, message in (
        ("ModelInfer", typed()),
        ("ModelMetadata", {"name": NAME}),
        ("ModelReady", {"name": NAME}),
        ("ServerMetadata", {}),
        ("RepositoryIndex", {}),
    ):
        for wrong in ((), (("authorization", "Bearer third"),)):
            error = await client.refusal(message, method, metadata=wrong)
            assert error.code() is UNAUTHENTICATED
            assert "the bearer token is" in error.details()
        await client.ask(method, message, metadata=(("authorization", "Bearer second"),))
    assert (await client.ask("ServerLive", {})).live
    assert (await client.ask("ServerReady", {})).ready
    assert (await client.health()).status == Health.HealthCheckResponse.SERVING
    await client.channel.close()
    await server.stop(0)


@dataclass
class Pair:
    """A certificate and its key, PEM files."""

    certificate: Path
    key: Path

    @property
    def bytes(self) -> tuple[bytes, bytes]:
        return self.key.read_bytes(), self.certificate.read_bytes()


def signed_by_itself(folder: Path, name: str) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    pem = serialization.Encoding.PEM
    pair.certificate.write_bytes(certificate.public_bytes(pem))
    plain, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pair.key.write_bytes(key.private_bytes(pem, plain, none))
    return pair


async def live(port: int, credentials: grpc.ChannelCredentials | None) -> None:
    """Ask once, on a connection of its own."""
    address, options = f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]
    if credentials is None:
        channel = aio.insecure_channel(address, options=options)
    else:
        channel = aio.secure_channel(address, credentials, options=options)
    async with channel:
        await channel.unary_unary(INFER)(b"", timeout=5)


async def test_tls_and_certificates_of_clients(
    state: ServingState, recorder: Recorder, tmp_path: Path
) -> None:
    server_pair, client_pair = (signed_by_itself(tmp_path, name) for name in ("server", "client"))
    root = server_pair.certificate.read_bytes()
    key, chain = client_pair.bytes
    anonymous = grpc.ssl_channel_credentials(root)
    known = grpc.ssl_channel_credentials(root, key, chain)
    for authority, refused in (
        (None, [None]),
        (client_pair.certificate, [None, anonymous]),
    ):
        tls = Tls(server_pair.certificate, server_pair.key, authority)
        server = GrpcServer(state, recorder, InferLimits(MAX_BYTES), access_log=False, tls=tls)
        port = await server.start("127.0.0.1", 0)
        for credentials in refused:
            with pytest.raises(aio.AioRpcError) as caught:
                await live(port, credentials)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        await live(port, known)
        await server.stop(0)


@pytest.mark.parametrize("key", ["no such file", "no key"])
async def test_a_key_that_cannot_be_used(
    state: ServingState, recorder: Recorder, tmp_path: Path, key: str
) -> None:
    pair = signed_by_itself(tmp_path, "server")
    (tmp_path / "no key").write_text("nothing")
    tls = Tls(pair.certificate, tmp_path / key)
    server = GrpcServer(state, recorder, InferLimits(MAX_BYTES), access_log=False, tls=tls)
    with pytest.raises(ListenFailure, match=r"cannot (read .*no such file|listen on)"):
        await server.start("127.0.0.1", 0)
