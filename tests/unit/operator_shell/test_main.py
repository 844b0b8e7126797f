import sys

import pytest

from lockstep_operator.__main__ import main


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["lockstep-operator", *arguments])
        monkeypatch.setattr("lockstep_operator.__main__.set_up_logs", lambda *_: None)
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr()

    return run


def test_what_is_fatal_is_told_in_one_line(run):
    code, output = run("--kubeconfig", "/nowhere/config")
    assert code == 1
    [line] = output.err.splitlines()
    assert line.startswith("lockstep-operator: error: no kubeconfig at /nowhere/config")


def test_bad_flags_are_status_two(run):
    assert run("--workers", "many")[0] == 2


def test_help_names_every_part(run):
    code, output = run("--help")
    assert code == 0
    for word in ("--kubeconfig", "--runtime-image", "--router-replicas", "--resync", "LOCKSTEP_"):
        assert word in output.out
