"""Virtual time, and modules of operator and sandbox that take it for the real one."""

import asyncio
import sys
import time
import types
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self, TypeVar

import virtual_time

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)
_PACKAGES = ("lockstep_operator", "lockstep_sandbox")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with _virtual_modules():
        return virtual_time.run(work)


def now() -> datetime:
    """Return the virtual time of day."""
    return START + timedelta(seconds=elapsed())


def elapsed() -> float:
    """Return the virtual seconds since the start."""
    return asyncio.get_running_loop().time() - virtual_time.START


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
