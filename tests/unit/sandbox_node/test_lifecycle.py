"""Whatever ends, and however: no process and no file outside the folder is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from lockstep_sandbox.keeper import Options
from lockstep_sandbox.lifecycle import Sandbox, SandboxError, down, status, up
from lockstep_sandbox.supervisor import module

STUBBORN = """
import os, signal, time
signal.signal(15, lambda *a: None)
os.fork() or (os.setsid(), os.fork())
while 1: time.sleep(1)
"""
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "stubborn"},
    "spec": {"containers": [{"name": "c", "image": "python:3", "args": ["-c", STUBBORN]}]},
}


def kubectl(sandbox: Sandbox, *arguments: str, text: str = "") -> str:
    program = Path(sys.executable).parent / "kubectl"
    environment = {**os.environ, "KUBECONFIG": str(sandbox.kubeconfig)}
    command = [str(program), *arguments]
    return subprocess.run(
        command, env=environment, input=text, capture_output=True, text=True, check=True
    ).stdout


def populate(sandbox: Sandbox) -> None:
    """Start a pod whose processes do not want to end, one of them in a session of its own."""
    kubectl(sandbox, "create", "-f", "-", text=yaml.safe_dump(POD))
    wait(lambda: len(sandbox.state.alive()) >= 6, "the pod's processes")


def wait(done: object, what: str, patience: float = 15.0) -> None:
    assert callable(done)
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def is_clean(sandbox: Sandbox) -> bool:
    link = sandbox.state.link
    return not sandbox.state.alive() and not (link and os.path.lexists(link))


@pytest.fixture
def running(tmp_path: Path, images: Path) -> Sandbox:
    sandbox = up(tmp_path, images)
    populate(sandbox)
    return sandbox


def test_it_is_up_quickly_and_down_leaves_nothing(tmp_path: Path, images: Path) -> None:
    begin = time.monotonic()
    sandbox = up(tmp_path, images)
    assert time.monotonic() - begin < 5  # 1.3 s when the machine has nothing else to do
    assert sandbox.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o700 == 0o700
    assert status(tmp_path) == sandbox
    with pytest.raises(SandboxError, match="is up"):
        up(tmp_path, images)
    populate(sandbox)
    assert down(tmp_path)
    assert is_clean(sandbox)
    assert status(tmp_path) is None
    assert not down(tmp_path)


@pytest.mark.parametrize("victim", ["up", "keeper", "apiserver", "node"])
def test_a_killed_process_takes_all_others_along(running: Sandbox, victim: str) -> None:
    running.state.processes[victim].send(signal.SIGKILL)
    wait(lambda: is_clean(running), "the end of all processes")


def test_down_finds_what_both_supervisors_left_behind(running: Sandbox) -> None:
    for victim in ("up", "keeper"):
        running.state.processes[victim].send(signal.SIGKILL)
    time.sleep(0.3)
    down(running.folder)
    assert is_clean(running)


def test_two_sandboxes_do_not_collide(tmp_path: Path, images: Path) -> None:
    first, second = up(tmp_path / "a", images), up(tmp_path / "b", images)
    try:
        assert first.state.network != second.state.network
        assert "sandbox" in kubectl(second, "get", "nodes")
    finally:
        first.down()
        assert "sandbox" in kubectl(second, "get", "nodes")
        second.down()


def foreground(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = module("lockstep_sandbox", "up", *Options(folder).arguments(), *arguments)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as parent:
        process = foreground(tmp_path, "--parent-pid", str(parent.pid))
        assert process.stdout is not None
        assert process.stdout.readline() == f"export KUBECONFIG={tmp_path}/kubeconfig\n"
        sandbox = status(tmp_path)
        assert sandbox is not None
        parent.kill()
    _, errors = process.communicate(timeout=15)
    assert "its parent ended" in errors
    assert is_clean(sandbox)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_without_complaint(tmp_path: Path, number: signal.Signals) -> None:
    process = foreground(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    assert process.communicate(timeout=15) == ("", "")
    assert process.returncode == 0
    assert not (tmp_path / "state.json").exists()


def test_a_wrong_catalogue_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"^images file .*/none\.yaml: .*No such file") as info:
        up(tmp_path, tmp_path / "none.yaml")
    assert "\n" not in str(info.value)
