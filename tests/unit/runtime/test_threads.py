"""The CPU limit, and the threads that follow from it."""

import os
from pathlib import Path

import pytest

from lockstep_runtime.cpu import cpu_limit, limit_threads


@pytest.mark.parametrize(
    ("content", "expected"), [("50000 100000", 0.5), ("100000 100000", 1.0), ("max 100000", None)]
)
def test_cgroup_v2(tmp_path: Path, content: str, expected: float | None) -> None:
    (tmp_path / "cpu.max").write_text(content + "\n")
    assert cpu_limit(tmp_path) == (expected or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(("quota", "expected"), [("25000", 0.25), ("-1", None)])
def test_cgroup_v1(tmp_path: Path, quota: str, expected: float | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cpu_limit(tmp_path) == (expected or len(os.sched_getaffinity(0)))


def test_threads_follow_the_limit_but_not_over_the_users_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "7")
    cores = len(os.sched_getaffinity(0))
    assert limit_threads(1) == 1
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["LOKY_MAX_CPU_COUNT"] == "7"
    assert limit_threads(cores + 100) <= cores
    monkeypatch.delenv("OMP_NUM_THREADS")
