from types import SimpleNamespace

from kubernetes.aio.client import Configuration

from lockstep_operator.shell.connection import Certificates
from lockstep_operator.shell.watches import _login, _settings


class Connection(SimpleNamespace):
    async def credentials(self):
        return self.secret


def connection(secret=None, **certificates):
    return Connection(
        configuration=Configuration(host="https://10.0.0.1:443"),
        certificates=Certificates(**certificates),
        trust_env=False,
        secret=secret,
    )


async def test_kopf_logs_in_with_the_same_token_and_asks_for_it_again_in_time():
    info = await _login(connection(("Bearer", "abc"), authority="CA"))
    assert (info.server, info.ca_data) == ("https://10.0.0.1:443", "CA")
    assert info.as_http_headers() == {"Authorization": "Bearer abc"}
    assert info.expiration is not None
    assert not info.insecure


async def test_kopf_logs_in_with_the_same_certificate():
    info = await _login(connection(authority="CA", client="C", key="K"))
    assert (info.certificate_data, info.private_key_data) == ("C", "K")
    assert info.as_http_headers() == {}
    assert info.expiration is None


def test_kopf_watches_only_our_objects_and_posts_nothing():
    settings = _settings()
    selectors = list(settings.watching.label_selectors.values())
    assert selectors == ["app.kubernetes.io/managed-by=lockstep"] * 5
    assert not settings.posting.enabled
