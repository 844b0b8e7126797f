"""Models of a real MLflow tracking server with its registry, filled by MLflow's own client."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
from mlflow.tracking import MlflowClient

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.digest import directory_digest
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.storage.redaction import scrub
from lockstep_runtime.storage.source import SourceOptions, source_for
from runtime.object_server import Objects, serving
from runtime.programs import free_port, running

pytestmark = pytest.mark.timeout(300)  # the server alone takes 20 s of CPU to start
NAME = "wine of mine"
URI = "mlflow://wine%20of%20mine"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    stores = ("--backend-store-uri", f"sqlite:///{folder}/store.sqlite")
    stores += ("--artifacts-destination", str(folder / "artifacts"))
    address = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = folder / "log"
    with running(f"{url}/health", log, "mlflow", "server", *address, *stores, **settings):
        yield url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "data").mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "data" / "ä model.bin").write_bytes(bytes(3_000_000))
    return folder


@pytest.fixture(scope="module")
def client(server: str, folder: Path) -> MlflowClient:
    client = MlflowClient(server)
    client.create_registered_model(NAME)
    run = client.create_run("0")
    client.log_artifacts(run.info.run_id, str(folder), "model")
    register(client, f"{run.info.artifact_uri}/model", run.info.run_id)
    client.set_registered_model_alias(NAME, "champion", "1")
    return client


def register(client: MlflowClient, source: str, run: str | None = None) -> str:
    return str(client.create_model_version(NAME, source, run).version)


@pytest.fixture(autouse=True)
def _tracking(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)


def reason(request: FetchRequest) -> str:
    with pytest.raises(FetchFailure) as caught:
        fetch(request)
    return str(caught.value)


@pytest.mark.usefixtures("client")
def test_a_version(folder: Path, tmp_path: Path) -> None:
    manifest = fetch(FetchRequest(f"{URI}/1", tmp_path))
    assert manifest.digest == directory_digest(folder)
    assert manifest.version == "1"
    assert (tmp_path / "content" / "data" / "ä model.bin").stat().st_size == 3_000_000


def test_an_alias_moves_and_a_revision_does_not(
    client: MlflowClient, folder: Path, tmp_path: Path
) -> None:
    assert "the alias 'champion'" in reason(FetchRequest(f"{URI}@champion", tmp_path / "0"))
    observed = tmp_path / "observed"
    request = FetchRequest(
        f"{URI}@champion", tmp_path / "1", observed_dir=observed, allow_mutable=True
    )
    first = fetch(request)
    assert (first.digest, first.version) == (directory_digest(folder), "1")
    run = client.create_run("0")
    client.log_text(run.info.run_id, "another model", "model/MLmodel")
    second = register(client, f"{run.info.artifact_uri}/model", run.info.run_id)
    client.set_registered_model_alias(NAME, "champion", second)
    observed.mkdir()
    (observed / "digest").write_text(first.digest)
    (observed / "version").write_text("1")
    later = FetchRequest(request.uri, tmp_path / "2", observed_dir=observed, allow_mutable=True)
    assert fetch(later).version == "1"
    client.set_registered_model_alias(NAME, "champion", "1")


def test_artifacts_in_an_object_store_come_straight_from_there(
    client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key-of-s3")
    with serving(Objects({"wine/MLmodel": b"flavors: {}"})) as objects:
        monkeypatch.setenv("AWS_ENDPOINT_URL", objects.url)
        version = register(client, "s3://models/wine")
        fetch(FetchRequest(f"{URI}/{version}", tmp_path))
    assert (tmp_path / "content" / "MLmodel").read_bytes() == b"flavors: {}"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("where", ["hdfs://somewhere/wine", "file:///etc", "/etc"])
def test_stores_we_cannot_or_must_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    # A server does not let clients register such places; it may have them from elsewhere.
    monkeypatch.setattr(MlflowClient, "get_model_version_download_uri", lambda *_: where)
    assert "they must be in the tracking server's own" in reason(FetchRequest(f"{URI}/1", tmp_path))


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("mlflow://none/1", "not found"),
        (f"{URI}/99", "not found"),
        (f"{URI}@none", "alias none not found"),
    ],
)
def test_what_is_not_there(tmp_path: Path, uri: str, words: str) -> None:
    assert words in reason(FetchRequest(uri, tmp_path, allow_mutable=True))


@pytest.mark.parametrize("uri", ["mlflow://wine", "mlflow://wine/latest", "mlflow:///1"])
def test_malformed(tmp_path: Path, uri: str) -> None:
    assert "it must be mlflow://NAME/VERSION or" in reason(FetchRequest(uri, tmp_path))


def test_no_server_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "set MLFLOW_TRACKING_URI" in reason(FetchRequest("mlflow://wine/1", tmp_path))


def test_a_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:a-word@127.0.0.1:{free_port()}")
    text = reason(FetchRequest("mlflow://wine/1", tmp_path))
    assert "(tried 4 times)" in text
    assert "a-word" not in text


def test_an_alias_is_taken_for_no_user() -> None:
    assert source_for("mlflow://wine@champion", SourceOptions()).display == "mlflow://wine@champion"
    assert scrub("cannot fetch mlflow://wine@champion") == "cannot fetch mlflow://wine@champion"
