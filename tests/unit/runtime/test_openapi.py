"""The OpenAPI document is true: no answer that it does not tell of, no bad request that passes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import numpy as np
import orjson
import pytest
import schemathesis
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from lockstep_runtime.tensors import DATATYPES
from runtime.conftest import NAME
from runtime.estimators import WINE_FEATURES
from runtime.process import Runtime, serve_arguments, started

load_all_checks()
# OpenAPI cannot say that data must fill the shape, nor what the model takes; see the last test.
_ACCEPTANCE = CHECKS.get_by_names(["positive_data_acceptance"])


@pytest.fixture(scope="module")
def roomy(wine_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server that takes larger bodies than `running` does."""
    log = tmp_path_factory.mktemp("roomy") / "log"
    with started(log, *serve_arguments(wine_dir)) as runtime:
        runtime.wait_event("ready")
        runtime.wait_listening()
        yield runtime


@pytest.fixture(scope="module")
def to_roomy(roomy: Runtime) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=roomy.url) as client:
        yield client


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_operation_surprises(roomy: Runtime, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{roomy.url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    if mode is GenerationMode.NEGATIVE:  # of the others nothing can be wrong but the name
        operations = [one for one in operations if one.method == "post"]
    for operation in operations:
        obey(operation, mode)
    assert len(operations) >= (4 if mode is GenerationMode.NEGATIVE else 14)


def obey(operation: Any, mode: GenerationMode) -> None:
    """Check an operation with generated requests."""
    infers = operation.path.endswith(("infer", ":predict"))

    @hypothesis.settings(
        max_examples=20, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def all_checks_hold(case: schemathesis.Case) -> None:
        case.call_and_validate(excluded_checks=_ACCEPTANCE if infers else [])

    all_checks_hold()


@st.composite
def valid_requests(draw: st.DrawFn) -> dict[str, Any]:
    """Requests that the wine model must answer: any numeric datatype, flat or nested."""
    datatype = draw(st.sampled_from([name for name in DATATYPES if name != "BYTES"]))
    dtype = DATATYPES[datatype]
    rows = draw(st.integers(1, 4))
    bounds = {"min_value": -1e3, "max_value": 1e3} if dtype.kind == "f" else {}
    exact = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    elements = npst.from_dtype(dtype, **bounds, **exact)
    array = draw(npst.arrays(dtype, (rows, WINE_FEATURES), elements=elements))
    flat = draw(st.booleans())
    data = array.ravel().tolist() if flat else array.tolist()
    tensor = {"name": draw(st.text("xyz", min_size=1)), "datatype": datatype, "data": data}
    request: dict[str, Any] = {"inputs": [tensor | {"shape": [rows, WINE_FEATURES]}]}
    wanted = draw(st.lists(st.sampled_from(["predict", "predict_proba"]), unique=True))
    request |= draw(st.fixed_dictionaries({}, optional={"id": st.text(max_size=20)}))
    return request | ({"outputs": [{"name": name} for name in wanted]} if wanted else {})


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(request=valid_requests())
def test_a_valid_request_is_answered(to_roomy: httpx.Client, request: dict[str, Any]) -> None:
    answer = to_roomy.post(f"/v2/models/{NAME}/infer", content=orjson.dumps(request))
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document.get("id") == request.get("id")
    names = [output["name"] for output in document["outputs"]]
    asked = [output["name"] for output in request.get("outputs", [])]
    assert names == (asked or ["predict", "predict_proba"])
    for output in document["outputs"]:
        assert len(output["data"]) == np.prod(output["shape"])
        assert output["shape"][0] == request["inputs"][0]["shape"][0]
