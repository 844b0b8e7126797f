"""What a client may send, how slowly, and who may send at all."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runtime.conftest import REVISION
from runtime.process import Runtime, run, serve_arguments, started

INFER = "/v2/models/wine/infer"
ROW = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}]}
HEAD = f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n".encode()


@pytest.fixture(scope="module")
def strict(wine_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server with little patience."""
    more = ("--receive-timeout", 0.5, "--max-header-bytes", 1000, "--max-connections", 8)
    log = tmp_path_factory.mktemp("strict") / "log"
    with started(log, *serve_arguments(wine_dir, *more)) as runtime:
        runtime.wait_event("ready")
        runtime.wait_listening()
        yield runtime


def connected(runtime: Runtime) -> socket.socket:
    host, port = runtime.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def everything(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def refused(answer: bytes, status: int, words: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert b"x-lockstep-revision: " + REVISION.encode() in head
    assert b"connection: close" in head
    assert words.encode() in body
    assert body.startswith(b'{"error":')
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("begun", [b"POST /v2", HEAD, HEAD + b"\r\n", HEAD + b"\r\n" + b"{" * 20])
def test_a_request_that_does_not_arrive_is_408(strict: Runtime, begun: bytes) -> None:
    with closing(connected(strict)) as connection:
        connection.sendall(begun)
        refused(everything(connection), 408, "did not arrive within 0.5 s")


def test_a_byte_now_and_then_does_not_prolong_it(strict: Runtime) -> None:
    start = time.monotonic()
    with closing(connected(strict)) as connection:
        connection.settimeout(0.1)
        answer = b""
        for letter in HEAD:
            connection.sendall(bytes([letter]))
            try:
                answer = connection.recv(65536)
                break
            except TimeoutError:
                continue
    refused(answer, 408, "did not arrive")
    assert time.monotonic() - start < 5


def test_a_silent_connection_is_closed_without_a_word(strict: Runtime) -> None:
    with closing(connected(strict)) as connection:
        assert everything(connection) == b""


def test_an_idle_connection_that_was_used_stays(strict: Runtime) -> None:
    with httpx.Client(base_url=strict.url) as client:
        client.post(INFER, json=ROW).raise_for_status()
        time.sleep(0.7)  # longer than a request may take
        answer = client.post(INFER, json=ROW)
        assert (answer.status_code, answer.extensions["network_stream"] is not None) == (200, True)


@pytest.mark.parametrize("whole", [True, False])
def test_large_headers_are_431(strict: Runtime, whole: bool) -> None:
    with closing(connected(strict)) as connection:
        connection.sendall(HEAD + b"x-large: " + b"a" * 2000 + (b"\r\n\r\n" if whole else b""))
        refused(everything(connection), 431, "over the limit of 1000 bytes")


def test_a_large_body_does_not_count_as_headers(strict: Runtime) -> None:
    large = ROW | {"id": "a" * 20_000}
    assert httpx.post(strict.url + INFER, json=large).status_code == 200


def test_one_connection_too_many_is_503(strict: Runtime) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(closing(connected(strict))) for _ in range(8)]
        for connection in held:
            connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        late = stack.enter_context(closing(connected(strict)))
        refused(everything(late), 503, "8 connections already")
    assert httpx.get(strict.url + "/v2/health/live").status_code == 200


def test_slow_clients_do_not_starve_others(served: Callable[..., Runtime]) -> None:
    runtime = served("--receive-timeout", 20)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(closing(connected(runtime))).sendall(HEAD)
        start = time.monotonic()
        for _ in range(20):
            httpx.post(runtime.url + INFER, json=ROW).raise_for_status()
        assert time.monotonic() - start < 10


def test_tokens(served: Callable[..., Runtime], tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("first\nsecond\n")
    runtime = served("--token-file", tokens)
    with httpx.Client(base_url=runtime.url) as client:
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert client.get(path).status_code == 200
        for path in (INFER, "/v2/models/wine", "/metrics", "/openapi.json"):
            answer = client.get(path)
            assert (answer.status_code, list(answer.json())) == (401, ["error"])
            assert answer.headers["www-authenticate"].startswith("Bearer")
        for wrong in ("Bearer third", "Basic first", "first", "Bearer"):
            answer = client.post(INFER, json=ROW, headers={"authorization": wrong})
            assert answer.status_code == 401
        for right in ("Bearer first", "bearer second"):
            answer = client.post(INFER, json=ROW, headers={"authorization": right})
            assert answer.status_code == 200
        tokens.write_text("third\n")
        deadline = time.monotonic() + 20
        headers = {"authorization": "Bearer third"}
        while client.post(INFER, json=ROW, headers=headers).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        answer = client.post(INFER, json=ROW, headers={"authorization": "Bearer first"})
        assert answer.status_code == 401
    assert "first" not in runtime.output


@pytest.mark.parametrize(("content", "words"), [(None, "cannot read"), ("\n", "holds no token")])
def test_a_bad_token_file(wine_dir: Path, tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "tokens").write_text(content)
    ended = run(*serve_arguments(wine_dir, "--token-file", tmp_path / "tokens"))
    assert ended.returncode == 1
    assert words in ended.stderr


def certificate(
    folder: Path, name: str, signer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None = None
) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
    """Write NAME.crt and NAME.key, signed by `signer` or by itself as an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = signer or (subject, key)
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return subject, key


def test_clients_need_a_certificate(wine_dir: Path, tmp_path: Path) -> None:
    authority = certificate(tmp_path, "ca")
    for name in ("server", "client"):
        certificate(tmp_path, name, authority)
    more = ("--tls-cert", tmp_path / "server.crt", "--tls-key", tmp_path / "server.key")
    more += ("--tls-client-ca", tmp_path / "ca.crt")
    with started(tmp_path / "log", *serve_arguments(wine_dir, *more)) as runtime:
        runtime.wait_event("ready")
        runtime.wait_listening()
        url = runtime.url.replace("http:", "https:")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        with pytest.raises(httpx.TransportError), httpx.Client(verify=trusting) as stranger:
            stranger.get(url + "/v2")
        trusting.load_cert_chain(tmp_path / "client.crt", tmp_path / "client.key")
        with httpx.Client(verify=trusting) as friend:
            assert friend.post(url + INFER, json=ROW).status_code == 200


def test_tls_flags_go_together(wine_dir: Path) -> None:
    ended = run(*serve_arguments(wine_dir, "--tls-cert", "x"))
    assert ended.returncode == 2
    assert "--tls-cert and --tls-key go together" in ended.stderr
