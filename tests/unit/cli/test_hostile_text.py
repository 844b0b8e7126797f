"""Texts that anybody may have written never reach the terminal as they are."""

import json
import re
import sys
import unicodedata

import pytest
import yaml
from rich.text import Text

from lockstep_cli.clean import cleaned, printable
from tests.unit.cli.api_stub import failure
from tests.unit.cli.manifests import judged, lease, mark, order, promoted, revision

EVIL = "a\x1b[2J\x9b31m\u202eb\u2066\u200b\ud800\x07\x00\r\u2028\nReady: True"
FREE_TEXT = ("reason", "message", "by", "uri", "phase", "holderIdentity", "url", "state", "digest")


def _poison(value, key=""):
    """Append EVIL to every text that the API lets somebody write freely."""
    if isinstance(value, dict):
        return {name: _poison(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_poison(item, key) for item in value]
    return value + EVIL if key in FREE_TEXT and isinstance(value, str) else value


@pytest.fixture
def poisoned(stub):
    parent, children = judged()
    order(children[0], paused=mark(), approvals=[mark() | {"step": 2}])
    children.append(revision("cccc3333", 2, role="quarantined", quarantine="slow"))
    children[2]["status"]["message"] = "the last start failed"
    children[0]["spec"]["promotions"] = [
        mark() | {"number": 2, "time": "2026-03-01T11:00:00Z", "revoked": True}
    ]
    stub.hold(_poison(parent), [_poison(child) for child in children])
    stub.leases = [_poison(lease())]
    return stub


def _unfit(text):
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [char for char in text if char != "\n" and unicodedata.category(char) in kinds]


@pytest.mark.parametrize(
    "args",
    [
        ["status"],
        ["status", "churn"],
        ["history", "churn"],
        ["diff", "churn", "aaaa1111", "bbbb2222"],
        ["pause", "churn"],
        ["resume", "churn", "--yes", "--no-wait", "--reason", "x"],
        ["resume", "churn", "--yes", "--timeout", "0.1"],
        ["approve", "churn", "--yes", "--step", "2"],
        ["abort", "churn", "--yes", "--timeout", "0.1"],
        ["retry", "churn", "--yes"],
        ["promote", "churn", "--yes", "--timeout", "0.1"],
        ["rollback", "churn", "--yes", "--no-wait"],
        ["quarantine", "churn", "cccc3333", "--yes"],
        ["release", "churn", "cccc3333", "--yes", "--timeout", "0.1"],
        ["status", EVIL],
        [EVIL],
    ],
)
def test_no_command_lets_it_through(run, poisoned, args):
    ran = run(*args)
    assert not _unfit(ran.out + ran.err)
    assert not re.search(r"^\s*Ready: True", ran.out + ran.err, re.MULTILINE)


def test_nor_do_the_api_servers_own_sentences(run, stub):
    stub.faults = lambda method, path: failure(403, "Forbidden", EVIL)
    ran = run("status", "churn")
    assert ran.code == 2
    assert not _unfit(ran.err)


def test_nor_does_the_question(run, poisoned, monkeypatch):
    class Terminal:
        def isatty(self):
            return True

        def readline(self, *_):
            return "n\n"

    monkeypatch.setattr(sys, "stdin", Terminal())
    ran = run("resume", "churn")
    assert "It was paused by bob" in ran.err
    assert not _unfit(ran.err)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_for_machines_it_is_exact(run, stub, form):
    parent, children = promoted()
    spoken = EVIL.replace("\ud800", "")
    parent["status"]["conditions"][0]["message"] = spoken
    stub.hold(parent, children)
    ran = run("status", "churn", "-o", form)
    assert yaml.safe_load(ran.out)["conditions"][0]["message"] == spoken
    assert not _unfit(ran.out)


def test_a_lone_surrogate_is_exact_in_json(run, poisoned):
    rows = json.loads(run("history", "churn", "-o", "json").out)
    assert rows[-1]["quarantine"]["reason"] == "slow" + EVIL


def test_what_it_looks_like():
    assert printable("a\x1b[31mb\r\nc\u202e\td") == r"a\x1b[31mb c\u202e d"
    assert printable("größer 模型 🙂") == "größer 模型 🙂"


def test_nothing_is_printed_that_nobody_knows_how_to_clean():
    with pytest.raises(TypeError):
        cleaned(Text.from_markup)  # type: ignore[arg-type]


def test_a_reason_that_is_no_text_is_not_written(run, stub):
    stub.hold(*judged())
    ran = run("pause", "churn", "--reason", "caf\udce9")
    assert (ran.code, ran.err) == (2, "error: --reason is not text in UTF-8\n")
    assert not stub.patches
