"""Methods of a user's class, which may take the request's parameters or not."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from lockstep_runtime.errors import LoadFailure
from lockstep_runtime.tensors import Array

Method = Callable[[Mapping[str, Array], Mapping[str, Any]], Any]


def method_of(instance: Any, name: str) -> Method | None:
    """Return a method, to be called with inputs and parameters; None: there is none.

    Raises:
        LoadFailure: it takes other arguments, or is async: the model's thread has no event loop.
    """
    method = getattr(instance, name, None)
    if method is None:
        return None
    if not callable(method):
        raise LoadFailure(f"{name} must be a method, it is {method!r}")
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        raise LoadFailure(f"{name} must not be async: it runs in a thread of its own")
    if _takes(method, 2):
        bound: Method = method
        return bound
    if _takes(method, 1):
        return lambda inputs, _: method(inputs)
    raise LoadFailure(f"{name} must take inputs and parameters, or inputs alone")


def _takes(method: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(method).bind(*range(count))
    except TypeError:
        return False
    return True
