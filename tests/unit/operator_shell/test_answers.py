import json

import pytest

from lockstep_operator.core import errors
from lockstep_operator.shell.answers import refusal


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Invalid),
        (401, errors.Forbidden),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.Unavailable),
        (422, errors.Invalid),
        (429, errors.Unavailable),
        (500, errors.Unavailable),
        (504, errors.Unavailable),
        (418, errors.ApiError),
    ],
)
def test_each_status_has_its_error(status, kind):
    error = refusal("GET /x", status, b"", {})
    assert type(error) is kind
    assert error.status == status


def test_tells_what_was_asked_and_the_servers_sentence_in_one_line():
    body = json.dumps({"message": "pods is\nforbidden", "reason": "Forbidden"}).encode()
    error = refusal("GET /pods", 403, body, {})
    assert str(error) == "GET /pods: pods is forbidden"
    assert error.reason == "Forbidden"


def test_a_patch_for_a_replaced_object_is_a_conflict():
    cause = {"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "immutable"}
    status = {"message": "x is invalid", "reason": "Invalid", "details": {"causes": [cause]}}
    assert type(refusal("PATCH /x", 422, json.dumps(status).encode(), {})) is errors.Conflict
    cause["field"] = "spec.replicas"
    assert type(refusal("PATCH /x", 422, json.dumps(status).encode(), {})) is errors.Invalid


@pytest.mark.parametrize(
    "body", [b"<html>bad gateway</html>", b"[1]", b"\xff", b"", b"[" * 100_000]
)
def test_survives_answers_that_are_no_status(body):
    assert "\n" not in str(refusal("GET /x", 502, body, {}))


def test_long_answers_are_cut():
    assert len(str(refusal("GET /x", 500, b"x" * 100_000, {}))) < 1100


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("soon", 0.0), ("-1", 0.0), ("\u00b2", 0.0)]
)
def test_reads_how_long_to_wait(header, seconds):
    assert refusal("GET /x", 429, b"", {"Retry-After": header}).retry_after == seconds
