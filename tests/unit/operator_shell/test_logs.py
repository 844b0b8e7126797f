import json
import logging

import pytest
import structlog

from lockstep_operator.shell.logs import set_up_logs


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield
    root.handlers, root.level = before
    structlog.reset_defaults()


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_json_lines_carry_the_key(capsys):
    set_up_logs("json", "info")
    log = structlog.get_logger("lockstep")
    with structlog.contextvars.bound_contextvars(key="shop/churn"):
        log.info("applied", kind="Service")
        log.debug("not at this level")
    [line] = map(json.loads, lines(capsys))
    assert (line["event"], line["key"], line["kind"]) == ("applied", "shop/churn", "Service")
    assert (line["level"], line["logger"]) == ("info", "lockstep")
    assert line["timestamp"].endswith("Z")


def test_an_exception_stays_on_its_line(capsys):
    set_up_logs("json", "info")
    structlog.get_logger("lockstep").error("failed", exc_info=ValueError("bad"))
    [line] = map(json.loads, lines(capsys))
    assert "ValueError: bad" in line["exception"]


def test_libraries_speak_the_same_way_but_less(capsys):
    set_up_logs("json", "info")
    logging.getLogger("kopf.objects").info("chatter")
    logging.getLogger("kopf.clients").error("Request attempt #1/9 failed; will retry: GET x")
    logging.getLogger("kopf.clients").error("Request attempt #9/9 failed; escalating: GET x")
    [line] = map(json.loads, lines(capsys))
    assert "escalating" in line["event"]


def test_text_for_people(capsys):
    set_up_logs("text", "debug")
    structlog.get_logger("lockstep").debug("applied", kind="Service")
    [line] = lines(capsys)
    assert "applied" in line
    assert "kind=Service" in line
