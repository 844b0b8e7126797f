"""OCI artifacts: pushed by oras to a registry on loopback, and fetched from there."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import oras.client
import pytest

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.storage.bringing import bring
from lockstep_runtime.storage.digest import directory_digest
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.registry import is_local
from lockstep_runtime.storage.source import SourceOptions, source_for
from runtime.registry_server import PASSWORD, TOKEN, USER, RegistryState, registry

MODEL = bytes(range(256)) * 4000
HEX = hashlib.sha256(MODEL).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RegistryState]:
    monkeypatch.setenv("HOME", str(tmp_path))  # nobody's Docker configuration
    with registry() as state:
        yield state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "wine"
    (folder / "data").mkdir(parents=True)
    (folder / "model.skops").write_bytes(MODEL)
    (folder / "data" / "a.bin").write_bytes(b"a")
    return folder


def push(server: RegistryState, *files: Path, tag: str = "v1") -> str:
    """Push with oras, as people do; return the artifact's URI without its tag."""
    client = oras.client.OrasClient(insecure=True)
    names = [str(file) for file in files]
    client.push(
        f"{server.host}/models/wine:{tag}", files=names, disable_path_validation=True, quiet=True
    )
    return f"oci://{server.host}/models/wine"


def put_manifest(server: RegistryState, tag: str, manifest: dict[str, Any]) -> str:
    data = json.dumps(manifest).encode()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    stored = ("application/vnd.oci.image.manifest.v1+json", data)
    server.manifests |= {tag: stored, digest: stored}
    return digest


def manifest_digest(server: RegistryState, tag: str = "v1") -> str:
    return "sha256:" + hashlib.sha256(server.manifests[tag][1]).hexdigest()


def request(uri: str, into: Path, **more: Any) -> FetchRequest:
    return FetchRequest(uri, into, allow_mutable=True, **more)


def reason(request: FetchRequest) -> str:
    with pytest.raises(FetchFailure) as caught:
        fetch(request)
    text = str(caught.value)
    assert not any(word in text for word in (PASSWORD, TOKEN))
    return text


def test_a_file(server: RegistryState, folder: Path, tmp_path: Path) -> None:
    uri = push(server, folder / "model.skops")
    manifest = fetch(request(f"{uri}:v1", tmp_path / "into"))
    assert (manifest.digest, manifest.directory) == (f"sha256:{HEX}", False)
    assert manifest.version == manifest_digest(server)
    assert (tmp_path / "into" / "content" / "model.skops").read_bytes() == MODEL


def test_several_files_are_a_tree(server: RegistryState, folder: Path, tmp_path: Path) -> None:
    uri = push(server, folder / "model.skops", folder / "data" / "a.bin")
    manifest = fetch(request(f"{uri}:v1", tmp_path / "into"))
    content = tmp_path / "into" / "content"
    assert sorted(path.name for path in content.iterdir()) == ["a.bin", "model.skops"]
    assert manifest.directory
    assert manifest.digest == directory_digest(content)


def test_a_folder_is_the_model(server: RegistryState, folder: Path, tmp_path: Path) -> None:
    uri = push(server, folder)
    manifest = fetch(request(f"{uri}:v1", tmp_path / "into"))
    assert manifest.digest == directory_digest(folder)
    assert (tmp_path / "into" / "content" / "data" / "a.bin").read_bytes() == b"a"


def test_a_folder_and_a_file(server: RegistryState, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text("[]")
    uri = push(server, folder, tmp_path / "golden.json")
    fetch(request(f"{uri}:v1", tmp_path / "into"))
    content = tmp_path / "into" / "content"
    assert sorted(path.name for path in content.iterdir()) == ["golden.json", "wine"]


def test_a_digest_is_no_moving_reference(
    server: RegistryState, folder: Path, tmp_path: Path
) -> None:
    uri = push(server, folder / "model.skops")
    pinned = f"{uri}@{manifest_digest(server)}"
    assert fetch(FetchRequest(pinned, tmp_path / "1")).digest == f"sha256:{HEX}"
    text = reason(FetchRequest(f"{uri}:v1", tmp_path / "2"))
    assert "the tag 'v1' may stand for another model tomorrow" in text
    assert "spec.model.allowMutable: true (--allow-mutable)" in text
    assert "the tag 'latest'" in reason(FetchRequest(uri, tmp_path / "2"))
    # A pinned digest allows no other bytes, whatever the tag does.
    assert fetch(FetchRequest(f"{uri}:v1", tmp_path / "2", sha256=HEX))


def test_a_revision_stays_with_the_version_that_was_observed(
    server: RegistryState, folder: Path, tmp_path: Path
) -> None:
    uri = push(server, folder / "model.skops")
    observed = tmp_path / "observed"
    first = fetch(request(f"{uri}:v1", tmp_path / "1", observed_dir=observed))
    (folder / "model.skops").write_bytes(b"another model")
    push(server, folder / "model.skops")
    observed.mkdir()
    (observed / "digest").write_text(first.digest)
    (observed / "version").write_text(first.version or "")
    second = fetch(request(f"{uri}:v1", tmp_path / "2", observed_dir=observed))
    assert (second.digest, second.version) == (first.digest, first.version)
    (observed / "version").unlink()  # without it the tag leads to other bytes, which are refused
    assert "have changed" in reason(request(f"{uri}:v1", tmp_path / "3", observed_dir=observed))


def test_a_blob_goes_on_where_it_broke_off(
    server: RegistryState, folder: Path, tmp_path: Path
) -> None:
    uri = push(server, folder / "model.skops")
    server.cut, server.failing = 300_000, 1
    server.asked.clear()
    limits = TransferLimits(attempts=2, backoff=0.01)
    source = source_for(f"{uri}:v1", SourceOptions(limits=limits))
    assert bring(source, tmp_path, limits).digest == f"sha256:{HEX}"
    source.close()
    assert len([path for path in server.asked if "/blobs/" in path]) == 4


@pytest.fixture(params=["basic", "token"])
def login(request: pytest.FixtureRequest, server: RegistryState, folder: Path) -> str:
    """The URI of a model that needs credentials."""
    uri = push(server, folder / "model.skops", folder / "data" / "a.bin")
    server.login = request.param
    return f"{uri}:v1"


@pytest.mark.parametrize("form", ["variables", "DOCKER_AUTH_CONFIG", ".dockerconfigjson", "file"])
def test_credentials(
    server: RegistryState, login: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    text = reason(request(login, tmp_path / "into"))
    assert "401" in text
    assert "OCI_USERNAME" in text
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = json.dumps({"auths": {server.host: {"auth": auth}}})
    if form == "variables":
        monkeypatch.setenv("OCI_USERNAME", USER)
        monkeypatch.setenv("OCI_PASSWORD", PASSWORD)
    elif form == "file":
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker" / "config.json").write_text(config)
    else:
        monkeypatch.setenv(form, config)
    assert fetch(request(login, tmp_path / "into")).directory
    assert server.tokens <= 1  # all requests share one


def test_a_token_that_ran_out(
    server: RegistryState, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = push(server, folder / "model.skops")
    server.login = "token"
    monkeypatch.setenv("OCI_USERNAME", USER)
    monkeypatch.setenv("OCI_PASSWORD", PASSWORD)
    source = source_for(f"{uri}:v1", SourceOptions())
    (file,) = source.find().files
    server.tokens += 1  # the one it has is good no more
    with file.open(0, None) as stream:
        assert b"".join(stream.chunks) == MODEL
    source.close()


def test_credentials_do_not_follow_a_redirect(
    server: RegistryState, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = push(server, folder / "model.skops")
    server.login = "basic"
    monkeypatch.setenv("OCI_USERNAME", USER)
    monkeypatch.setenv("OCI_PASSWORD", PASSWORD)
    with registry() as store:
        store.blobs = server.blobs
        server.elsewhere = f"http://{store.host}"
        assert fetch(request(f"{uri}:v1", tmp_path / "into")).digest == f"sha256:{HEX}"
        assert store.authorizations == [None]


def test_other_bytes_than_the_digests_say(
    server: RegistryState, folder: Path, tmp_path: Path
) -> None:
    uri = push(server, folder / "model.skops")
    pinned = f"{uri}@{manifest_digest(server)}"
    server.blobs[f"sha256:{HEX}"] = bytes(len(MODEL))
    assert "came damaged" in reason(FetchRequest(pinned, tmp_path / "into"))
    digest = manifest_digest(server)
    media_type, data = server.manifests[digest]
    server.manifests[digest] = (media_type, data + b" ")
    assert "another manifest" in reason(FetchRequest(pinned, tmp_path / "into"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layers": []}, "holds no file"),
        ({"layers": None}, "is no OCI artifact"),
        ({"layers": [{}]}, "is no OCI artifact"),
        ({"manifests": [{}, {}]}, "an index of 2 artifacts"),
        ({"title": "../../escape"}, "no relative path"),
        ({"title": None}, "has no title"),
        ({"digest": "sha512:" + "0" * 128}, "has digest"),
    ],
)
def test_artifacts_that_are_no_model(
    server: RegistryState, folder: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    uri = push(server, folder / "model.skops")
    manifest = json.loads(server.manifests["v1"][1])
    (layer,) = manifest["layers"]
    if "title" in change:
        layer["mediaType"] = "application/octet-stream"
        layer["annotations"] = {"org.opencontainers.image.title": change["title"]}
        if change["title"] is None:
            del layer["annotations"]
    elif "digest" in change:
        layer["digest"] = change["digest"]
    else:
        manifest |= change
    put_manifest(server, "v2", manifest)
    assert words in reason(request(f"{uri}:v2", tmp_path / "into"))


def test_models_of_the_cncf_format(server: RegistryState, folder: Path, tmp_path: Path) -> None:
    uri = push(server, folder / "model.skops")
    manifest = json.loads(server.manifests["v1"][1])
    (layer,) = manifest["layers"]
    layer["mediaType"] = "application/vnd.cncf.model.weight.v1.raw"
    layer["annotations"] = {"org.cncf.model.filepath": "weights/model.skops"}
    put_manifest(server, "v2", manifest)
    fetch(request(f"{uri}:v2", tmp_path / "into"))
    assert (tmp_path / "into" / "content" / "weights" / "model.skops").read_bytes() == MODEL


def test_what_is_not_there(server: RegistryState, tmp_path: Path) -> None:
    uri = f"oci://{server.host}/models/none:v1"
    assert "the registry answered 404" in reason(request(uri, tmp_path / "into"))


@pytest.mark.parametrize(
    "uri", ["oci://registry", "oci://registry/", "oci://registry/Repo:v1", "oci://r/m@sha256:1"]
)
def test_malformed(tmp_path: Path, uri: str) -> None:
    assert "it must be oci://REGISTRY/REPOSITORY:TAG" in reason(FetchRequest(uri, tmp_path))


def test_tls_is_left_out_for_this_machine_only() -> None:
    local = ("localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "[::1]")
    assert all(is_local(host) for host in local)
    others = ("registry.example", "localhost.example:5000", "10.0.0.1:5000", "128.0.0.1")
    assert not any(is_local(host) for host in others)


def test_a_secret_that_is_no_docker_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", '{"auths": "a-robots-word')
    text = reason(replace(request("oci://localhost:1/m:v1", tmp_path)))
    assert text == "DOCKER_AUTH_CONFIG is no Docker configuration with `auths`"
