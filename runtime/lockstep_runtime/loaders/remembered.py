"""One result for two methods: a classifier's predict is often a look at its predict_proba."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

# What scikit-learn's own predict and predict_proba call on themselves, in some estimators.
_SHARED = ("decision_function", "predict_proba")


class _Remembered:
    """A method of one argument that, when told to, need not compute twice for the same rows."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        self._remembering = False
        self._rows: Any = None
        self._result: Any = None

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if not self._remembering or len(arguments) != 1 or options:
            return self._method(*arguments, **options)
        if self._rows is not arguments[0]:
            self._result = self._method(*arguments)
            self._rows = arguments[0]
        # A copy, for callers write into what they get.
        return self._result.copy() if isinstance(self._result, np.ndarray) else self._result

    def remember(self, remembering: bool) -> None:
        """Begin, or end and forget."""
        self._remembering = remembering
        self._rows = self._result = None


class SharedCalls:
    """Calls several methods of an estimator, computing once what they have in common.

    A random forest's predict asks its predict_proba, and a linear model's predict and predict_proba
    both ask decision_function. They find here what was computed for the same array; what they make
    of it is scikit-learn's own. For one thread at a time.
    """

    def __init__(self, estimator: Any) -> None:
        """Wrap the methods in question, on this one object, if it is one of scikit-learn's."""
        self._estimator = estimator
        self._remembered: list[_Remembered] = []
        if not type(estimator).__module__.startswith("sklearn."):
            return
        for name in _SHARED:
            if callable(method := getattr(estimator, name, None)):
                wrapped = _Remembered(method)
                setattr(estimator, name, wrapped)
                self._remembered.append(wrapped)

    def __call__(self, methods: Sequence[str], rows: Any) -> list[Any]:
        """Return the results of the methods for the same rows."""
        with self._remembering():
            return [getattr(self._estimator, name)(rows) for name in methods]

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        for each in self._remembered:
            each.remember(True)
        try:
            yield
        finally:
            for each in self._remembered:
                each.remember(False)
