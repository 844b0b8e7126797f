"""Virtual time: a loop that jumps to its next timer, and modules that read their clock from it."""

import asyncio
import selectors
import sys
import time
import types
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self, TypeVar

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
_FIRST = 1000.0  # of the loop's own clock
_PACKAGES = ("lockstep_operator", "lockstep_sandbox")


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = _FIRST

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout > 0:
            self.now += timeout or 0.0
        return []


class _VirtualLoop(asyncio.SelectorEventLoop):
    """For work without sockets: nothing but timers ever wakes it."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner, _virtual_modules():
        return runner.run(work)


def now() -> datetime:
    """Return the virtual time of day."""
    return START + timedelta(seconds=elapsed())


def elapsed() -> float:
    """Return the virtual seconds since the start."""
    return asyncio.get_running_loop().time() - _FIRST


class _AnyDatetime(type):
    """Makes every real datetime an instance of the virtual class that stands in its place."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class _VirtualDatetime(datetime, metaclass=_AnyDatetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        moment: Any = now().astimezone(tz)
        return moment  # type: ignore[no-any-return]


def _virtual_time() -> types.ModuleType:
    module = types.ModuleType("time")
    module.__dict__.update(time.__dict__)
    module.__dict__.update(time=lambda: now().timestamp(), monotonic=elapsed)
    return module


@contextmanager
def _virtual_modules() -> Iterator[None]:
    """Put the virtual clock where modules of operator and sandbox imported the real one."""
    replaced: list[tuple[types.ModuleType, str, Any]] = []
    substitutes: dict[str, tuple[Any, Any]] = {
        "datetime": (datetime, _VirtualDatetime),
        "time": (time, _virtual_time()),
    }
    for module in [m for name, m in sys.modules.items() if name.split(".")[0] in _PACKAGES]:
        for name, (real, virtual) in substitutes.items():
            if module.__dict__.get(name) is real:
                replaced.append((module, name, real))
                setattr(module, name, virtual)
    try:
        yield
    finally:
        for module, name, real in replaced:
            setattr(module, name, real)
