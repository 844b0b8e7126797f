"""Golden requests beside the model come along, and are never taken for the model."""

from pathlib import Path

import httpx
import pytest

from lockstep_runtime.errors import FetchFailure
from lockstep_runtime.loaders.sklearn import load
from lockstep_runtime.metrics import Metrics
from lockstep_runtime.routes.telemetry import TelemetryPages
from lockstep_runtime.state import ServingState
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.storage.golden import MAX_GOLDEN_BYTES, GoldenFile, read_golden
from lockstep_runtime.storage.manifest import verify
from lockstep_runtime.telemetry.recorder import Recorder
from runtime import estimators

GOLDEN = b'{"requests": []}'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a model and its golden requests."""
    folder = tmp_path / "source"
    estimators.save_skops(estimators.diabetes(), folder / "model.skops")
    (folder / "golden.json").write_bytes(GOLDEN)
    return folder


def test_of_a_directory_it_is_one_of_the_files(source: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    digest = fetch(FetchRequest(source.as_uri(), into)).digest
    assert read_golden(into).body == GOLDEN
    assert load(into / "content", trust_pickle=True).inputs[0].shape == (-1, 10)
    (source / "golden.json").write_bytes(b"{}")
    assert fetch(FetchRequest(source.as_uri(), tmp_path / "other")).digest != digest


def test_beside_a_file_it_comes_along_and_is_not_in_the_digest(
    source: Path, tmp_path: Path
) -> None:
    request = FetchRequest((source / "model.skops").as_uri(), tmp_path / "into")
    digest = fetch(request).digest
    assert read_golden(request.into).body == GOLDEN
    assert [path.name for path in (request.into / "content").iterdir()] == ["model.skops"]
    assert verify(request.into).digest == digest
    assert load(request.into / "content", trust_pickle=False).inputs[0].shape == (-1, 10)
    (source / "golden.json").unlink()
    assert fetch(request).digest == digest  # nothing is fetched twice
    assert read_golden(request.into).body == GOLDEN


def test_another_model_in_the_same_place_takes_it_away(source: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    fetch(FetchRequest((source / "model.skops").as_uri(), into))
    other = estimators.save_skops(estimators.diabetes(), tmp_path / "alone" / "model.skops")
    fetch(FetchRequest(other.as_uri(), into))
    assert read_golden(into) == GoldenFile(None, "")


def test_too_large_to_be_handed_on(source: Path, tmp_path: Path) -> None:
    (source / "golden.json").write_bytes(b" " * MAX_GOLDEN_BYTES)
    fetch(FetchRequest(source.as_uri(), tmp_path / "fits"))
    assert read_golden(tmp_path / "fits").body == b" " * MAX_GOLDEN_BYTES
    (source / "golden.json").write_bytes(b" " * (MAX_GOLDEN_BYTES + 1))
    fetch(FetchRequest(source.as_uri(), tmp_path / "large"))
    golden = read_golden(tmp_path / "large")
    assert golden.body is None
    assert golden.problem == "golden.json has 1048577 bytes, the limit is 1048576"


async def test_one_that_cannot_be_used_is_not_told_as_none(
    state: ServingState, recorder: Recorder, metrics: Metrics
) -> None:
    state.golden = GoldenFile(problem="golden.json is too large")
    transport = httpx.ASGITransport(app=TelemetryPages(state, recorder, metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://pod") as client:
        answer = await client.get("/golden")
    assert (answer.status_code, answer.json()) == (500, {"error": "golden.json is too large"})


def test_a_link_may_not_leave_the_claim(tmp_path: Path) -> None:
    mount = tmp_path / "pvc" / "models"
    mount.mkdir(parents=True)
    (mount / "model.skops").write_bytes(b"model")
    (tmp_path / "secret").write_bytes(b"secret")
    (mount / "golden.json").symlink_to(tmp_path / "secret")
    request = FetchRequest("pvc://models/model.skops", tmp_path / "into", pvc_root=tmp_path / "pvc")
    with pytest.raises(FetchFailure, match=r"'golden\.json' is a link that leaves the claim"):
        fetch(request)
    assert not (request.into / "golden.json").exists()


def test_a_size_limit_holds_for_it_too(source: Path, tmp_path: Path) -> None:
    size = (source / "model.skops").stat().st_size
    (source / "golden.json").write_bytes(b" " * (size + 1))
    request = FetchRequest((source / "model.skops").as_uri(), tmp_path / "into", max_bytes=size)
    with pytest.raises(FetchFailure, match=r"golden\.json beside file://.* is larger than"):
        fetch(request)
