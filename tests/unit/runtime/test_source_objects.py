"""Object stores: S3 (moto's server), and servers of our own for what GCS and Azure read with."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import obstore
import pytest
from obstore.store import S3Store

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.bringing import bring
from lockstep_runtime.storage.digest import directory_digest
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.source import SourceOptions, source_for
from runtime.object_server import Objects, serving
from runtime.programs import free_port, running

LARGE = bytes(range(256)) * 20_000
OBJECTS = {
    "wine/model.skops": LARGE,
    "wine/golden.json": b"[]",
    "tree/a b/ä.bin": b"a",
    "tree/c%2B+d": b"b",
    "tree/e.txt": b"c",
    "tree/empty": b"",
    "treetop": b"another model",
    "alone/model.skops": b"alone",
}
TREE = {path.removeprefix("tree/"): data for path, data in OBJECTS.items() if "tree/" in path}
KEYS = {"AWS_ACCESS_KEY_ID": "an-access-key", "AWS_SECRET_ACCESS_KEY": "a-secret-key-of-s3"}
ACCOUNT_KEY = base64.b64encode(b"a-secret-key-of-azure").decode()
LIMITS = TransferLimits(backoff=0.01, attempts=2)


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("moto") / "log"
    with running(url, log, "moto_server", "-H", "127.0.0.1", "-p", str(port)):
        assert httpx.put(f"{url}/models").status_code == 200
        store = S3Store(
            "models",
            endpoint=url,
            region="us-east-1",
            access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
        )
        for path, data in OBJECTS.items():
            obstore.put(store, path, data)
        yield url


@pytest.fixture
def objects() -> Iterator[Objects]:
    with serving(Objects(dict(OBJECTS))) as objects:
        yield objects


def _s3(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return "s3://models"


def _gs(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    return "gs://models"


def _az(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", url)
    return "az://models"


@pytest.fixture(params=["s3", "gs", "az"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of a bucket with OBJECTS."""
    if request.param == "s3":
        return _s3(monkeypatch, request.getfixturevalue("moto"))
    objects: Objects = request.getfixturevalue("objects")
    return (_gs if request.param == "gs" else _az)(monkeypatch, objects.url)


@pytest.fixture(params=["s3", "gs", "az"])
def faulty(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, objects: Objects
) -> str:
    """The URI of a bucket whose server fails on demand; what S3 and GCS read with is the same."""
    return {"s3": _s3, "gs": _gs, "az": _az}[request.param](monkeypatch, objects.url)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def reason(request: FetchRequest) -> str:
    with pytest.raises(FetchFailure) as caught:
        fetch(request)
    text = str(caught.value)
    assert "\n" not in text
    assert not any(secret in text for secret in (*KEYS.values(), ACCOUNT_KEY))
    return text


def brought(uri: str, target: Path, limits: TransferLimits = LIMITS) -> str:
    (target / "content").mkdir(exist_ok=True)
    return bring(source_for(uri, SourceOptions(limits=limits)), target, limits).digest


def test_an_object_and_the_golden_requests_beside_it(bucket: str, tmp_path: Path) -> None:
    request = FetchRequest(f"{bucket}/wine/model.skops", tmp_path)
    assert fetch(request).digest == sha256(LARGE)
    assert (tmp_path / "content" / "model.skops").read_bytes() == LARGE
    assert (tmp_path / "golden.json").read_bytes() == b"[]"
    assert fetch(replace(request, uri=f"{bucket}/alone/model.skops")).digest == sha256(b"alone")
    assert not (tmp_path / "golden.json").exists()


@pytest.mark.parametrize("end", ["", "/"])
def test_a_prefix_is_a_tree(bucket: str, tmp_path: Path, end: str) -> None:
    manifest = fetch(FetchRequest(f"{bucket}/tree{end}", tmp_path / "into"))
    content = tmp_path / "into" / "content"
    files = {path.relative_to(content).as_posix(): path for path in content.rglob("*")}
    assert {path: file.read_bytes() for path, file in files.items() if file.is_file()} == TREE
    assert manifest.directory
    assert manifest.digest == directory_digest(content)


def test_names_are_written_as_in_any_uri(bucket: str, tmp_path: Path) -> None:
    assert fetch(FetchRequest(f"{bucket}/tree/a%20b/%C3%A4.bin", tmp_path)).digest == sha256(b"a")


def test_what_is_not_there(bucket: str, tmp_path: Path) -> None:
    assert "no such object" in reason(FetchRequest(f"{bucket}/tre", tmp_path))
    if bucket.startswith("s3"):
        other = bucket.replace("models", "others")
        assert "NoSuchBucket" in reason(FetchRequest(f"{other}/tree", tmp_path))


def test_the_limits_hold(bucket: str, tmp_path: Path) -> None:
    request = FetchRequest(f"{bucket}/wine", tmp_path, max_bytes=len(LARGE))
    assert "is larger than the limit" in reason(request)
    few = replace(LIMITS, max_files=3)
    with pytest.raises(FetchFailure, match="has over 3 objects"):
        brought(f"{bucket}/tree", tmp_path, few)


def test_an_object_goes_on_where_it_broke_off(
    faulty: str, objects: Objects, tmp_path: Path
) -> None:
    objects.objects["alone/model.skops"] = LARGE
    objects.cuts["alone/model.skops"] = 2_000_000
    assert brought(f"{faulty}/alone/model.skops", tmp_path) == sha256(LARGE)
    whole = [asked for asked, _ in objects.ranges if asked is None]
    assert len(whole) == 1
    # The library tries once by itself; ours says which bytes it has.
    assert any(asked and mark for asked, mark in objects.ranges)


def test_a_server_that_fails_for_a_moment(faulty: str, objects: Objects, tmp_path: Path) -> None:
    objects.failing = 1
    assert brought(f"{faulty}/alone/model.skops", tmp_path) == sha256(b"alone")
    objects.failing = 1000
    with pytest.raises(FetchFailure, match=r"500 .*\(tried 2 times\)"):
        brought(f"{faulty}/alone/model.skops", tmp_path)


def test_access_denied(faulty: str, objects: Objects, tmp_path: Path) -> None:
    objects.denied.add("alone/model.skops")
    assert "access denied" in reason(FetchRequest(f"{faulty}/alone/model.skops", tmp_path))
    # Those who may read, but not list, are told so of golden requests that are not there.
    objects.denied = {"alone/golden.json"}
    assert fetch(FetchRequest(f"{faulty}/alone/model.skops", tmp_path)).digest == sha256(b"alone")


def test_objects_that_stand_for_folders(faulty: str, objects: Objects, tmp_path: Path) -> None:
    objects.objects |= {"tree/": b"", "tree/folder/": b""}
    assert fetch(FetchRequest(f"{faulty}/tree", tmp_path)).directory
    assert not (tmp_path / "content" / "folder").exists()


def test_requests_are_signed(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _s3(monkeypatch, objects.url)
    _az(monkeypatch, objects.url)
    for scheme, words in (
        ("s3", "AWS4-HMAC-SHA256 Credential=an-access-key/"),
        ("az", "SharedKey account:"),
    ):
        objects.authorizations.clear()
        fetch(FetchRequest(f"{scheme}://models/alone/model.skops", tmp_path))
        assert all((sent or "").startswith(words) for sent in objects.authorizations)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3:///path", "must be s3://BUCKET/PATH"),
        ("gs://user@bucket/path", "must be gs://BUCKET/PATH"),
        ("s3://bucket/path?version=1", "as %3F and %23"),
        ("az://container/path", "set AZURE_STORAGE_ACCOUNT_NAME"),
    ],
)
def test_malformed(tmp_path: Path, uri: str, words: str) -> None:
    assert words in reason(FetchRequest(uri, tmp_path))


def test_settings_that_are_no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", "{a-malformed-key")
    text = reason(FetchRequest("gs://bucket/path", tmp_path))
    assert "cannot use gs://bucket/path" in text
    assert "a-malformed-key" not in text
