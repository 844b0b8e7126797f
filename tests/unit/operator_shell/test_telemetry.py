"""What our model server tells is what the operator reads."""

import math

import numpy as np

from lockstep_operator.shell.analysis.telemetry import parse_page
from lockstep_runtime.telemetry.recorder import Recorder
from lockstep_runtime.tensors import Tensor, TensorSpec


def recorded(*labels):
    recorder = Recorder("churn-1a2b3c4d")
    spec = TensorSpec("predict", "INT64", (-1,), kind="label")
    for number, label in enumerate(labels):
        recorder.request_started()
        output = Tensor("predict", "INT64", np.array([label]))
        recorder.answered("split", f"r{number}".encode(), [output], {spec.name: spec})
        recorder.request_finished("split", 200, 0.002)
    return recorder


def test_counts_and_latencies_arrive():
    recorder = recorded(1, 1, 0)
    page = parse_page(recorder.report(None), "uid", "churn-1a2b3c4d")
    reading = page.reading
    assert reading.source == f"uid/{recorder.started}"
    assert dict(reading.outputs["split", "predict"]) == {"1": 2, "0": 1}
    assert reading.numeric == frozenset()
    latency = reading.latency["split"]
    assert sum(latency.counts) == 3
    assert latency.bounds[-1] == math.inf
    assert list(latency.bounds) == sorted(latency.bounds)
    assert (page.cursor, reading.answers, page.is_full) == (3, (), False)


def test_numbers_are_told_apart_from_labels():
    recorder = Recorder("churn-1a2b3c4d")
    spec = TensorSpec("predict", "FP64", (-1,))
    recorder.answered(
        "split", b"r", [Tensor("predict", "FP64", np.array([0.5]))], {spec.name: spec}
    )
    reading = parse_page(recorder.report(None), "uid", "x").reading
    assert reading.numeric == {"predict"}
    [lower_bound] = reading.outputs["split", "predict"]
    assert 0 < float(lower_bound) <= 0.5


def test_answers_arrive_after_the_cursor():
    recorder = recorded(1, 0)
    [first, second] = parse_page(recorder.report(0), "uid", "x").reading.answers
    assert (first.request_id, first.assignment, dict(first.outputs)) == (
        "r0",
        "split",
        {"predict": (1,)},
    )
    assert first.digest != second.digest
    [only] = parse_page(recorder.report(1), "uid", "x").reading.answers
    assert only.request_id == "r1"


def test_a_large_answer_is_its_digest():
    recorder = Recorder("churn-1a2b3c4d")
    spec = TensorSpec("predict", "FP64", (-1,))
    recorder.answered("split", b"r", [Tensor("predict", "FP64", np.zeros(5000))], {spec.name: spec})
    [answer] = parse_page(recorder.report(0), "uid", "x").reading.answers
    assert answer.outputs is None
    assert answer.digest
