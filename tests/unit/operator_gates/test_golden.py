"""Golden requests: the document, the comparison, the gate."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_operator.api.gates import Gate
from lockstep_operator.core.gates.golden import (
    InvalidGolden,
    first_difference,
    parse_golden,
    result_of,
    tolerance_of,
)
from lockstep_operator.core.gates.samples import GoldenResult
from operator_gates.world import Lookout, at, target

GATE = Gate(metric="goldenRequests")
BODY = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}


def request(name: str = "one", data: Any = (1.0, 2.0), **more: Any) -> dict[str, Any]:
    expected = {"outputs": [{"name": "predict", "data": list(data)}]}
    return {"name": name, "request": BODY, "expected": expected, **more}


def document(*requests: dict[str, Any], **more: Any) -> str:
    return json.dumps({"requests": list(requests), **more})


def reply(*data: Any, name: str = "predict") -> dict[str, Any]:
    return {"model_name": "m", "outputs": [{"name": name, "shape": [1], "data": list(data)}]}


def test_a_document_is_read() -> None:
    golden = parse_golden(document(request(), tolerance=0.5))
    assert golden.tolerance == 0.5
    assert golden.requests[0].name == "one"
    assert golden.requests[0].body == BODY
    assert golden.requests[0].expected == {"predict": [1.0, 2.0]}


BAD = [
    ("{", "the golden document is not JSON"),
    ("[" * 100_000, "the golden document is not JSON"),
    ("[]", "the golden document is a list, must be an object"),
    ("{}", "requests: must be a list of 1 to 1000 requests"),
    (document(), "requests: must be a list of 1 to 1000 requests"),
    (document(request(), tolerance=-1), "tolerance: is -1, must be a number of 0 or more"),
    (document(request(), tolerance="1"), "tolerance: is '1', must be a number of 0 or more"),
    (document(request(), tolerance=True), "tolerance: is True, must be a number"),
    ('{"requests": [3]}', r"requests\[0\]: is 3, must be an object"),
    (document(request(""), request()), r"requests\[0\].name: must be a text of 1 to 253"),
    (document(request(), request()), r"requests\[1\].name: 'one' is there twice"),
    (document(request(path="predict")), r"requests\[0\].path: is 'predict', must be a text that"),
    (document({"name": "a", "expected": {}}), r"requests\[0\].request: is missing"),
    (document({"name": "a", "request": BODY}), r"requests\[0\].expected: is missing"),
    (document(request(request=[1])), r"requests\[0\].request: must be the body of an inference"),
    (document(request(expected={"outputs": 1})), r"requests\[0\].expected: must be an object with"),
    (document(request(expected={"outputs": [{"name": "y"}]})), r"requests\[0\].expected: must be"),
    (document(request(expected={"outputs": []})), r"requests\[0\].expected.outputs: must have an"),
    (" " * (1024 * 1024 + 1), "longer than 1048576 bytes"),
    (b"\xff\xfe", "the golden document is not JSON"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_bad_document_is_refused_with_the_field(text: str | bytes, message: str) -> None:
    with pytest.raises(InvalidGolden, match=message):
        parse_golden(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.text() | json_values.map(json.dumps))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    try:
        parse_golden(text)
    except InvalidGolden as error:
        assert str(error)


@given(json_values)
def test_whatever_is_answered_gets_a_sentence_or_agrees(value: Any) -> None:
    for golden in (request(), request(path="/mine", expected=value)):
        difference = first_difference(parse_golden(document(golden)).requests[0], value, None)
        assert difference is None or isinstance(difference, str)


@pytest.mark.parametrize(
    ("answer", "difference"),
    [
        (reply(1.0, 2.0), None),
        (reply([1.0], [2.0]), None),
        (reply(1.0, 2.0 + 1e-9), None),
        (reply(1.0, 2.5), "output 'predict'[1] is 2.5, expected 2.0"),
        (reply(1.0), "output 'predict' has 1 values, expected 2"),
        (reply(1.0, None), "output 'predict'[1] is None, expected 2.0"),
        (reply(1.0, 2.0, name="other"), "the answer has no output 'predict'"),
        ({"error": "no"}, "the answer has no outputs with name and data"),
        (None, "the answer has no outputs with name and data"),
    ],
)
def test_an_answer_is_compared_by_its_outputs(answer: Any, difference: str | None) -> None:
    golden = parse_golden(document(request())).requests[0]
    assert first_difference(golden, answer, None) == difference


def test_an_answer_of_another_server_is_compared_whole() -> None:
    golden = parse_golden(
        document(request(path="/ask", expected={"score": [0.5], "by": "me"}))
    ).requests[0]
    assert first_difference(golden, {"score": [0.5], "by": "me"}, None) is None
    assert first_difference(golden, {"score": [0.5]}, None) == "the answer has no 'by'"
    more = {"score": [0.7], "by": "me"}
    assert first_difference(golden, more, None) == "the answer.score[0] is 0.7, expected 0.5"
    assert first_difference(golden, more, 0.3) is None
    extra = {"score": [0.5], "by": "me", "at": 1}
    assert first_difference(golden, extra, None) == "the answer has 'at', which is not expected"


def test_the_gates_tolerance_goes_before_the_documents() -> None:
    golden = parse_golden(document(request(), tolerance=1.0))
    assert tolerance_of(golden, GATE) == 1.0
    assert tolerance_of(golden, Gate(metric="goldenRequests", tolerance=0.1)) == 0.1


@pytest.mark.parametrize("value", [10**400, [10**400], -(10**400)])
def test_a_number_of_any_size_is_compared_or_wrong(value: Any) -> None:
    golden = parse_golden(document(request(data=[1.0]))).requests[0]
    found = first_difference(golden, reply(value), None)
    assert found == "the answer has a number that is too large to be compared"


def test_what_is_said_of_a_difference_is_short() -> None:
    golden = parse_golden(document(request(path="/ask", expected={}))).requests[0]
    assert len(first_difference(golden, {"x" * 100_000: 1}, None) or "") < 600


def test_a_request_that_is_not_answered_is_wrong() -> None:
    golden = parse_golden(document(request("one"), request("two"), request("three")))
    result = result_of(golden, {"two": "status 500", "one": None})
    assert result == GoldenResult(2, 1, "two: status 500")


def test_a_wrong_answer_fails_the_gate_before_the_first_step() -> None:
    lookout = Lookout(target(GATE, step=0))
    assert lookout.evidence.due(at(2)) == {"goldenRequests"}
    assert lookout.status.verdict == "inconclusive"
    lookout.look(golden={"goldenRequests": GoldenResult(10, 1, "rose: it is a tulip")})
    assert lookout.status.verdict == "fail"
    message = "1 of 10 golden requests answered wrong; first rose: it is a tulip"
    assert lookout.status.message == message
    assert lookout.evidence.due(at(9)) == frozenset()


def test_right_answers_pass_and_are_not_asked_again() -> None:
    lookout = Lookout(target(GATE, step=0, stable=None))
    lookout.look(golden={"goldenRequests": GoldenResult(10, 0)})
    assert (lookout.status.verdict, lookout.evidence.due(at(99))) == ("pass", frozenset())


def test_some_wrong_answers_may_be_allowed() -> None:
    lookout = Lookout(target(Gate(metric="goldenRequests", max=0.1)))
    lookout.look(golden={"goldenRequests": GoldenResult(10, 1, "x: y")})
    assert lookout.status.verdict == "pass"


def test_when_they_cannot_be_asked_it_is_tried_again_in_a_moment() -> None:
    lookout = Lookout(target(GATE))
    lookout.look(problems={"goldenRequests": "ConfigMap g is missing; create it"})
    assert lookout.status.verdict == "inconclusive"
    assert lookout.status.message == "ConfigMap g is missing; create it"
    assert lookout.evidence.due(at(lookout.second + 1)) == frozenset()
    assert lookout.evidence.due(at(lookout.second + 6)) == {"goldenRequests"}
    assert lookout.evidence.due(at(lookout.second - 3600)) == {"goldenRequests"}
    lookout.look(golden={"goldenRequests": GoldenResult(3, 0)})
    assert lookout.status.verdict == "pass"
