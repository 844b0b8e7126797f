"""One module per model format, imported only when used.

A loader is a module with `load(content, trust_pickle=…) -> Model` (see `model.Loader`). Importing
this package imports no numpy: the command line reads FORMATS before thread counts are set.
"""

from importlib import import_module
from typing import TYPE_CHECKING, cast

from lockstep_runtime.errors import LoadFailure

if TYPE_CHECKING:
    from lockstep_runtime.model import Loader

# By format: the module, and the extra of our distribution that brings what it imports.
_MODULES = {
    "sklearn": ("lockstep_runtime.loaders.sklearn", "sklearn"),
    "xgboost": ("lockstep_runtime.loaders.xgboost", "xgboost"),
    "lightgbm": ("lockstep_runtime.loaders.lightgbm", "lightgbm"),
    "onnx": ("lockstep_runtime.loaders.onnx", "onnx"),
    "pytorch": ("lockstep_runtime.loaders.pytorch", "torch"),
    "mlflow": ("lockstep_runtime.loaders.mlflow", "mlflow"),
    "python": ("lockstep_runtime.loaders.python", "runtime"),
}
FORMATS = tuple(_MODULES)


def loader_for(form: str) -> "Loader":
    """Import the loader of a format.

    Raises:
        LoadFailure: unknown format, or this image lacks the framework.
    """
    if form not in _MODULES:
        raise LoadFailure(f"model format {form!r} is unknown; known: {', '.join(FORMATS)}")
    module, extra = _MODULES[form]
    try:
        return cast("Loader", import_module(module))
    except ModuleNotFoundError as error:
        raise LoadFailure(
            f"this image cannot serve {form} models: Python package {error.name!r} is missing; "
            f"lockstep-serving[{extra}] brings it"
        ) from error
