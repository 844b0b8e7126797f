import base64
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lockstep_operator.shell.connection import StartupError, connect


@pytest.fixture(scope="module")
def pem():
    """A self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(encoding), private


@pytest.fixture
def kubeconfig(tmp_path, pem):
    def write(user, **cluster):
        authority = base64.b64encode(pem[0]).decode()
        server = {"server": "https://127.0.0.1:6443", "certificate-authority-data": authority}
        config = {
            "clusters": [{"name": "c", "cluster": server | cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [
                {"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
                {"name": "y", "context": {"cluster": "c", "user": "u"}},
            ],
            "current-context": "x",
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return str(path)

    return write


@pytest.fixture
def account(tmp_path, pem):
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(pem[0])
    (folder / "token").write_text("secret-1")
    (folder / "namespace").write_text("lockstep-system\n")
    return folder


IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


async def test_a_kubeconfig_with_a_token(kubeconfig, tmp_path, pem):
    path = kubeconfig({"token": "abc"})
    for _ in range(2):  # loading it again must not meet leftovers of the first time
        connection = await connect(path, None, tmp_path, {})
        assert connection.configuration.host == "https://127.0.0.1:6443"
        assert await connection.credentials() == ("Bearer", "abc")
        assert connection.certificates.authority == pem[0].decode()
        assert connection.configuration.verify_ssl
        assert (connection.namespace, connection.in_cluster) == ("shop", False)


async def test_a_kubeconfig_with_certificates_leaves_no_key_behind(kubeconfig, tmp_path, pem):
    encoded = {name: base64.b64encode(part).decode() for name, part in zip("ck", pem, strict=True)}
    path = kubeconfig({"client-certificate-data": encoded["c"], "client-key-data": encoded["k"]})
    connection = await connect(path, None, tmp_path, {})
    assert await connection.credentials() is None
    assert connection.certificates.key == pem[1].decode()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["kubeconfig"]


async def test_another_context_and_the_environment(kubeconfig, tmp_path):
    path = kubeconfig({"token": "abc"})
    connection = await connect(None, "y", tmp_path, {"KUBECONFIG": path} | IN_CLUSTER)
    assert (connection.namespace, connection.in_cluster) == (None, False)


async def test_proxies_count_but_not_for_this_machine(kubeconfig, tmp_path):
    path = kubeconfig({"token": "abc"})
    assert not (await connect(path, None, tmp_path, {})).trust_env
    path = kubeconfig({"token": "abc"}, server="https://api.example:6443")
    assert (await connect(path, None, tmp_path, {})).trust_env


async def test_a_pod_uses_its_service_account_and_reads_the_token_again(account):
    connection = await connect(None, None, account, IN_CLUSTER)
    assert connection.configuration.host == "https://10.0.0.1:443"
    assert (connection.namespace, connection.in_cluster) == ("lockstep-system", True)
    assert await connection.credentials() == ("Bearer", "secret-1")


@pytest.mark.parametrize(
    ("kubeconfig_path", "sentence"),
    [("/nowhere/config", "no kubeconfig at /nowhere/config.*--kubeconfig")],
)
async def test_says_that_there_is_no_kubeconfig(kubeconfig_path, sentence, tmp_path):
    with pytest.raises(StartupError, match=sentence):
        await connect(kubeconfig_path, None, tmp_path, {})


@pytest.mark.parametrize("text", ["a: [", "[]", "clusters: []\n", "\x00"])
async def test_a_broken_kubeconfig_is_one_line(text, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(StartupError) as caught:
        await connect(str(path), None, tmp_path, {})
    assert "\n" not in str(caught.value)


async def test_an_unknown_context_is_told(kubeconfig, tmp_path):
    with pytest.raises(StartupError, match="nonsense"):
        await connect(kubeconfig({"token": "a"}), "nonsense", tmp_path, {})


async def test_a_pod_without_its_token_is_told(tmp_path):
    with pytest.raises(StartupError, match="token"):
        await connect(None, None, tmp_path, IN_CLUSTER)
