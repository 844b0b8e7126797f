"""A declared schema: what it refuses, counts, and says."""

import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_runtime.errors import InvalidInput, LoadFailure
from lockstep_runtime.metrics import Metrics
from lockstep_runtime.schema.declaration import Feature, Schema, read_schema
from lockstep_runtime.schema.enforcement import SchemaCheck
from lockstep_runtime.state import ServingState
from lockstep_runtime.tensors import DATATYPES, Tensor

FEATURES: list[dict[str, Any]] = [
    {"name": "age", "type": "integer", "min": 0, "max": 120},
    {"name": "income", "min": 0, "nullable": True},
    {"name": "city", "type": "string", "categories": ["Bonn", "Oslo"]},
    {"name": "member", "type": "boolean"},
    {"name": "stars", "type": "integer", "categories": [1, 2, 3]},
]


def schema(*features: dict[str, Any], mode: str = "enforce") -> SchemaCheck:
    return SchemaCheck(read_schema(json.dumps({"mode": mode, "features": list(features)})))


def column(name: str, datatype: str, *values: Any) -> Tensor:
    return Tensor(name, datatype, np.array(values, dtype=DATATYPES[datatype]))


GOOD = {
    "age": column("age", "INT64", 30, 60),
    "income": column("income", "FP64", 100.5, np.nan),
    "city": column("city", "BYTES", "Bonn", "Oslo"),
    "member": column("member", "BOOL", True, False),
    "stars": column("stars", "FP32", 1.0, 3.0),
}


def test_a_good_request_passes() -> None:
    check = schema(*FEATURES)
    check.check(list(GOOD.values()))
    check.check([column(name, one.datatype, *one.array) for name, one in reversed(GOOD.items())])
    assert not check.violations


@pytest.mark.parametrize(
    ("bad", "rule", "words"),
    [
        (column("age", "INT64", 30, -1), "range", "feature 'age': -1 is below its minimum 0"),
        (column("age", "INT64", 121), "range", "feature 'age': 121 is above its maximum 120"),
        (column("age", "FP64", 30.5), "type", "feature 'age': 30.5 is no integer"),
        (column("age", "FP64", np.nan), "null", "feature 'age': a value is missing"),
        (column("age", "BYTES", "30"), "type", "feature 'age': datatype BYTES is no integer"),
        (column("age", "BOOL", True), "type", "feature 'age': datatype BOOL is no integer"),
        (column("income", "FP64", -0.5), "range", "feature 'income': -0.5 is below"),
        (column("city", "BYTES", "Rome"), "category", "'Rome' is no category; there are 'Bonn'"),
        (column("city", "FP64", 1.0), "type", "feature 'city': datatype FP64 is no string"),
        (column("member", "INT64", 2), "type", "feature 'member': datatype INT64 is no boolean"),
        (column("stars", "INT64", 4), "category", "feature 'stars': 4 is no category"),
        (column("extra", "INT64", 4), "unknown", "feature 'extra': the schema has no such"),
    ],
)
def test_what_is_refused(bad: Tensor, rule: str, words: str) -> None:
    check = schema(*FEATURES)
    with pytest.raises(InvalidInput) as caught:
        check.check(list((GOOD | {bad.name: bad}).values()))
    assert words in str(caught.value)
    assert check.violations == {(bad.name, rule): 1}


def test_a_missing_feature() -> None:
    check = schema(*FEATURES)
    with pytest.raises(InvalidInput, match="feature 'age': it is missing; the inputs are income"):
        check.check([GOOD[name] for name in ("income", "city", "member", "stars")])


def test_a_table_is_checked_by_column() -> None:
    check = schema({"name": "a", "min": 0}, {"name": "b", "max": 1, "nullable": True})
    check.check([column("x", "FP64", [0.0, 1.0], [5.0, np.nan])])
    check.check([column("x", "INT8", [0, 1])])
    with pytest.raises(InvalidInput, match="feature 'b': 2 is above its maximum 1"):
        check.check([column("x", "FP64", [0.0, 2.0])])
    with pytest.raises(InvalidInput, match="feature 'a': a value is missing"):
        check.check([column("x", "FP64", [np.nan, 0.0])])


def test_warn_counts_and_says_no_value(caplog: pytest.LogCaptureFixture) -> None:
    check = schema({"name": "a", "min": 0}, mode="warn")
    check.check([column("a", "FP64", -4242.0)])
    assert check.violations == {("a", "range"): 1}
    [record] = caplog.records
    assert record.__dict__["fields"] == {"features": ["a"]}
    assert "4242" not in caplog.text


def test_off_does_nothing() -> None:
    check = schema({"name": "a", "min": 0}, mode="off")
    check.check([column("a", "FP64", -1.0)])
    assert not check.violations


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be an object with a list 'features'"),
        ('{"features": [], "mode": "maybe"}', "'mode' is 'maybe'"),
        ('{"features": [{}]}', "'features[0]' must be an object with a name"),
        ('{"features": [{"name": "a", "minimum": 1}]}', "unknown field 'minimum'"),
        ('{"features": [{"name": "a", "type": "date"}]}', "type 'date' is none of number"),
        ('{"features": [{"name": "a", "min": 2, "max": 1}]}', "min 2 is above max 1"),
        ('{"features": [{"name": "a", "min": "0"}]}', "min must be a number"),
        ('{"features": [{"name": "a", "type": "string", "min": 0}]}', "min is for numbers"),
        ('{"features": [{"name": "a", "categories": []}]}', "categories must be a list"),
        ('{"features": [{"name": "a", "categories": ["x"]}]}', "category 'x' is no number"),
        ('{"features": [{"name": "a", "nullable": 1}]}', "nullable must be true or false"),
        ('{"features": [{"name": "a"}, {"name": "a"}]}', "two features have the same name"),
        ("@/nowhere/schema.json", "cannot read the schema"),
    ],
)
def test_what_is_no_schema(text: str, words: str) -> None:
    with pytest.raises(LoadFailure) as caught:
        read_schema(text)
    assert words in str(caught.value)


def test_a_schema_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"features": [{"name": "a"}]}')
    assert read_schema(f"@{tmp_path}/schema.json") == Schema("enforce", (Feature("a"),))


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5) | st.none()), min_size=1, max_size=8),
    st.floats(-4, 0),
    st.floats(0, 4),
)
def test_the_quick_look_and_the_long_one_agree(
    rows: list[tuple[float, float | None]], low: float, high: float
) -> None:
    features = [{"name": "a", "min": low, "max": high}, {"name": "b", "nullable": True}]
    table = column("x", "FP64", *[[a, np.nan if b is None else b] for a, b in rows])
    quick, long = schema(*features), schema(*features, {"name": "c", "categories": [1]})
    with_c = np.column_stack([table.array, np.ones(len(table.array))])
    found = []
    for check, tensor in ((quick, table), (long, Tensor("x", "FP64", with_c))):
        with contextlib.suppress(InvalidInput):
            check.check([tensor])
        found.append(check.violations)
    assert found[0] == found[1]


async def test_in_the_server(
    state: ServingState, client: httpx.AsyncClient, metrics: Metrics
) -> None:
    names = [{"name": f"x{place}", "min": 0} for place in range(13)]
    state.schema = schema(*names)
    body = {"inputs": [{"name": "in", "datatype": "FP64", "shape": [1, 13], "data": [1.0] * 13}]}
    assert (await client.post("/v2/models/wine/infer", json=body)).status_code == 200
    body["inputs"][0]["data"] = [1.0] * 12 + [-1.0]
    answer = await client.post("/v2/models/wine/infer", json=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": "feature 'x12': -1 is below its minimum 0"}
    metrics.schema = state.schema
    text = (await client.get("/metrics")).text
    assert 'lockstep_schema_violations_total{feature="x12",revision="wine-1a2b3c4d",' in text
