"""Recent answers: a cursor that skips nothing and repeats nothing, and memory that is bounded."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_runtime.telemetry import answers
from lockstep_runtime.telemetry.answers import RecentAnswers, digest
from lockstep_runtime.telemetry.sampling import Sampler
from lockstep_runtime.tensors import DATATYPES, Tensor


def everything() -> RecentAnswers:
    return RecentAnswers(Sampler(per_second=10**9))


def tensor(values: Any, datatype: str = "INT64", name: str = "predict") -> Tensor:
    return Tensor(name, datatype, np.array(values, dtype=DATATYPES[datatype]))


def offer(recent: RecentAnswers, number: int, *outputs: Tensor) -> None:
    recent.offer(b"%d" % number, "split", outputs or (tensor([number]),), 0.0)


def read(recent: RecentAnswers, cursor: int | None) -> tuple[int, list[dict[str, Any]]]:
    cursor, items = recent.after(cursor)
    return cursor, [json.loads(item) for item in items]


def ids(items: list[dict[str, Any]]) -> list[int]:
    return [int(item["id"]) for item in items]


def test_an_answer() -> None:
    recent = everything()
    proba = tensor([[0.25, 0.75]], "FP64", "predict_proba")
    recent.offer(b"r-1", "mirror", [tensor([3]), proba, tensor(["red"], "BYTES", "name")], 0.0)
    _, [item] = read(recent, 0)
    assert item.pop("digest") == digest([tensor([3]), proba, tensor(["red"], "BYTES", "name")])
    assert item == {
        "id": "r-1",
        "assignment": "mirror",
        "outputs": {"predict": [3], "predict_proba": [0.25, 0.75], "name": ["red"]},
    }


def test_without_a_cursor_there_is_only_the_cursor() -> None:
    recent = everything()
    assert read(recent, None) == (0, [])
    offer(recent, 1)
    assert read(recent, None) == (1, [])


@given(st.lists(st.one_of(st.integers(1, 400), st.just("read")), max_size=30))
def test_a_reader_gets_each_once_and_in_order_as_long_as_it_fits(steps: list[int | str]) -> None:
    recent = everything()
    cursor, seen, offered, unread = 0, [], 0, 0
    for step in steps:
        if isinstance(step, int) and unread + step <= answers.MAX_ANSWERS:
            for _ in range(step):
                offered += 1
                offer(recent, offered)
            unread += step
        else:
            cursor, items = read(recent, cursor)
            assert len(items) <= answers.MAX_ITEMS
            seen += ids(items)
            unread -= len(items)
    while unread:
        cursor, items = read(recent, cursor)
        assert items
        seen += ids(items)
        unread -= len(items)
    assert seen == list(range(1, offered + 1))
    assert read(recent, cursor) == (cursor, [])


def test_what_fell_out_is_gone_and_the_rest_is_in_order() -> None:
    recent = everything()
    for number in range(1, 3001):
        offer(recent, number)
    cursor, items = read(recent, 10)
    assert ids(items) == list(range(3001 - 2048, 3001 - 1048))
    cursor, items = read(recent, cursor)
    cursor, items = read(recent, cursor)
    assert ids(items)[-1] == cursor == 3000


def test_a_cursor_of_another_process_begins_at_the_oldest() -> None:
    recent = everything()
    for number in (1, 2):
        offer(recent, number)
    cursor, items = read(recent, 999)
    assert (cursor, ids(items)) == (2, [1, 2])


@pytest.mark.parametrize(
    "large",
    [
        tensor([0] * (answers.MAX_VALUES + 1)),
        tensor(["x" * answers.MAX_ANSWER_BYTES], "BYTES"),
    ],
)
def test_of_a_large_answer_only_the_digest_is_kept(large: Tensor) -> None:
    recent = everything()
    offer(recent, 1, large)
    _, [item] = read(recent, 0)
    assert (item["outputs"], item["digest"]) == (None, digest([large]))


def test_as_many_values_as_allowed_are_kept() -> None:
    recent = everything()
    offer(recent, 1, tensor([7] * answers.MAX_VALUES))
    _, [item] = read(recent, 0)
    assert item["outputs"] == {"predict": [7] * answers.MAX_VALUES}


@given(st.lists(st.integers(0, answers.MAX_VALUES), min_size=1, max_size=8))
def test_the_ring_is_bounded_in_bytes(sizes: list[int]) -> None:
    recent = everything()
    limit = 40_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "MAX_BYTES", limit)
        for number in range(30):
            size = sizes[number % len(sizes)]
            offer(recent, number, tensor([0.123456789] * size, "FP64"))
        _, items = recent.after(0)
    assert 0 < sum(map(len, items)) <= limit
    assert ids([json.loads(item) for item in items])[-1] == 29


def test_the_digest_tells_apart() -> None:
    different = [
        [tensor([1, 2])],
        [tensor([2, 1])],
        [tensor([[1, 2]])],
        [tensor([1, 2], "INT32")],
        [tensor([1, 2], name="other")],
        [tensor([1]), tensor([2])],
        [tensor(["1", "2"], "BYTES")],
        [tensor(["12"], "BYTES")],
        [tensor([1.0, 2.0], "FP64")],
        [tensor([True, False], "BOOL")],
        [],
    ]
    assert len({digest(outputs) for outputs in different}) == len(different)
    assert digest([tensor([1, 2])]) == digest([tensor([1, 2])])


@pytest.mark.parametrize("datatype", sorted(DATATYPES))
@pytest.mark.parametrize("shape", [(0,), (1,), (2, 3), (2, 0)])
def test_every_datatype_and_shape_can_be_kept(datatype: str, shape: tuple[int, ...]) -> None:
    recent = everything()
    array = np.full(shape, "1").astype(DATATYPES[datatype])
    offer(recent, 1, Tensor("predict", datatype, array))
    _, [item] = read(recent, 0)
    assert item["outputs"] == {"predict": array.ravel().tolist()}


def test_what_is_no_number_is_null() -> None:
    recent = everything()
    offer(recent, 1, tensor([1.0, float("nan"), float("inf")], "FP64"))
    _, [item] = read(recent, 0)
    assert item["outputs"] == {"predict": [1.0, None, None]}
