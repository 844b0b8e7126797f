import asyncio
import os
import time
from pathlib import Path

import pytest

from lockstep_sandbox.node.logs import LogRequest, LogWriter, last_lines, read
from lockstep_sandbox.node.process import Launch, Process, StartError, execute
from lockstep_sandbox.processes import Identity, become_subreaper, carriers


def launch(tmp_path: Path, *command: str) -> Launch:
    environment = {"PATH": os.environ["PATH"], "GREETING": "hello"}
    return Launch(command, environment, tmp_path, tmp_path, f"test/{tmp_path.name}")


def shell(tmp_path: Path, script: str) -> Launch:
    return launch(tmp_path, "sh", "-c", script)


async def run(what: Launch) -> tuple[int, str]:
    log = what.folder / "log"
    process = await Process.start(what, log)
    async with asyncio.timeout(10):
        return await process.wait(), last_lines(log, 100, 10_000)


async def test_output_and_exit_code(tmp_path: Path) -> None:
    assert await run(shell(tmp_path, "echo $GREETING; echo no newline >&2; exit 3")) == (
        3,
        "hello\nno newline"[:5] + "\nno newline",
    )


async def test_the_environment_is_the_given_one(tmp_path: Path) -> None:
    _, output = await run(launch(tmp_path, "env"))
    assert {line.partition("=")[0] for line in output.splitlines()} <= {
        "PATH",
        "GREETING",
        "SANDBOX_CONTAINER",
        "LC_CTYPE",
    }


async def test_a_signal_is_128_and_its_number(tmp_path: Path) -> None:
    assert (await run(shell(tmp_path, "kill -9 $$")))[0] == 137


async def test_a_command_that_cannot_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StartError, match='exec: "nope": executable file not found'):
        await Process.start(launch(tmp_path, "nope"), tmp_path / "log")
    with pytest.raises(StartError, match="Permission denied"):
        await Process.start(launch(tmp_path, str(tmp_path)), tmp_path / "log")


async def test_the_end_takes_along_what_was_left_behind(tmp_path: Path) -> None:
    become_subreaper()
    what = shell(tmp_path, "setsid sleep 77 & sleep 77 & exit 0")
    begin = time.monotonic()
    assert (await run(what))[0] == 0
    assert time.monotonic() - begin < 5
    await asyncio.sleep(0.1)
    assert carriers(f"SANDBOX_CONTAINER={what.mark}") == []


async def test_executing_beside_a_process_leaves_it_alone(tmp_path: Path) -> None:
    what = shell(tmp_path, "sleep 77")
    process = await Process.start(what, tmp_path / "log")
    assert await execute(shell(tmp_path, "echo out; exit 2"), 5) == (2, "out")
    with pytest.raises(TimeoutError):
        await execute(shell(tmp_path, "sleep 77"), 0.2)
    assert process.code is None
    process.kill()
    assert await process.wait() == 137
    assert not list(tmp_path.glob("exec-*"))


def test_an_identity_is_more_than_a_pid() -> None:
    me = Identity.of(os.getpid())
    assert me is not None
    assert me.is_alive()
    assert not Identity(me.pid, me.start + 1).is_alive()
    assert Identity.of(2**22 + 1) is None


async def test_long_lines_are_split_and_times_can_be_shown(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log")
    writer.data_received(b"short\n" + b"x" * 40_000)
    writer.connection_lost(None)
    lines = [chunk async for chunk in read(tmp_path / "log", LogRequest(), lambda: False)]
    assert [len(line) for line in b"".join(lines).splitlines()] == [5, 16384, 16384, 7232]
    shown = [
        chunk
        async for chunk in read(
            tmp_path / "log", LogRequest(timestamps=True, tail=1), lambda: False
        )
    ]
    assert b"".join(shown)[10:11] == b"T"


async def test_a_large_log_moves_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockstep_sandbox.node.logs._LARGEST", 1000)
    writer = LogWriter(tmp_path / "c.0.log")
    for number in range(100):
        writer.data_received(f"line {number}\n".encode())
    writer.connection_lost(None)
    assert (tmp_path / "c.0.old").stat().st_size > 1000
    assert (tmp_path / "c.0.log").stat().st_size < 1000
    assert last_lines(tmp_path / "c.0.log", 1, 100) == "line 99"
