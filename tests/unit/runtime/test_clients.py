"""Other people's clients against a real server, over HTTP; `test_grpc` has them over gRPC."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from runtime import estimators
from runtime.client_programs import run_client
from runtime.process import Runtime, serve_arguments, started

ROWS = load_wine().data[::10]


@pytest.fixture(scope="module")
def server(wine_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    log = tmp_path_factory.mktemp("clients") / "runtime.log"
    with started(log, *serve_arguments(wine_dir)) as runtime:
        runtime.wait_event("ready")
        runtime.wait_listening()
        yield runtime
        assert "Traceback" not in runtime.output


@pytest.fixture(scope="module")
def expectations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = estimators.wine()
    document = {
        "rows": ROWS.tolist(),
        "classes": model.predict(ROWS).tolist(),
        "probabilities": model.predict_proba(ROWS).tolist(),
    }
    path = tmp_path_factory.mktemp("expected") / "wine.json"
    path.write_text(json.dumps(document))
    return path


async def test_tritonclient(server: Runtime, expectations: Path) -> None:
    address = server.url.removeprefix("http://")
    passed = await run_client("triton_http", address, str(expectations))
    assert {"check_binary_is_the_default", "check_json", "check_errors"} <= {*passed}


async def test_kserves_client(server: Runtime, expectations: Path) -> None:
    passed = await run_client("kserve_rest", server.url, str(expectations))
    assert {"check_v2_json", "check_v2_binary", "check_v1"} <= {*passed}
