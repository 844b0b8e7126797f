"""Loading a class of the user's own: `model.py` among the model's files, or any module.

    class Model:
        def load(self, path): ...                  # a pathlib.Path, the folder of the model
        def predict(self, inputs, parameters): ... # arrays by name in, arrays by name out

It runs whatever code is there, so it needs the user's word (`spec.model.trust: code`). What more a
class may have is told in `loaders.custom`.
"""

import importlib
import inspect
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from lockstep_runtime.errors import LoadFailure, first_line
from lockstep_runtime.loaders.custom import CustomModel

FILE = "model.py"
# Names the class where it is not the only one of model.py.
CLASS_VARIABLE = "LOCKSTEP_PYTHON_CLASS"
_CLASS = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")


def load(content: Path, *, trust_pickle: bool) -> CustomModel:
    """Import the class, make one and have it load itself from the folder `content`.

    Raises:
        LoadFailure: not trusted, no such class, or it fails.
    """
    wanted = os.environ.get(CLASS_VARIABLE)
    if not trust_pickle:
        raise LoadFailure(
            f"format python runs the code of {wanted or FILE}; if you trust it, "
            "set spec.model.trust: code (--trust code)"
        )
    module, name, folder = _place(content, wanted)
    sys.path.insert(0, str(folder))
    found = _class(_imported(module, folder), name)
    instance = _made(found, folder)
    return CustomModel(instance)


def _place(content: Path, wanted: str | None) -> tuple[str, str | None, Path]:
    """Return the module, the class if it is named, and the folder that is the model."""
    files = sorted(content.rglob(FILE))
    folder = files[0].parent if len(files) == 1 else content
    if wanted:
        match = _CLASS.fullmatch(wanted)
        if match is None:
            raise LoadFailure(
                f"{CLASS_VARIABLE} is {wanted!r}, it must be like package.module:Class"
            )
        return match[1], match[2], folder
    if len(files) > 1 and not (content / FILE).is_file():
        raise LoadFailure(f"there must be one {FILE}, there are {len(files)}")
    if not files:
        raise LoadFailure(f"the model has no {FILE}: add one, or name a class in {CLASS_VARIABLE}")
    return FILE.removesuffix(".py"), None, folder


def _imported(module: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise LoadFailure(f"there is no Python module {module!r}") from error
        raise LoadFailure(
            f"{module} needs the Python package {error.name!r}, which this image does not have"
        ) from error
    except Exception as error:
        raise LoadFailure(f"{module} cannot be imported: {_told(error, folder)}") from error


def _class(module: ModuleType, name: str | None) -> type[Any]:
    if name is not None:
        found = getattr(module, name, None)
        if not inspect.isclass(found):
            raise LoadFailure(f"module {module.__name__} has no class {name!r}")
        return found
    own = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if each.__module__ == module.__name__
    ]
    models = [each for each in own if hasattr(each, "predict") and hasattr(each, "load")]
    if len(models) == 1:
        return models[0]
    if models:
        names = ", ".join(each.__name__ for each in models)
        raise LoadFailure(
            f"{FILE} has several classes that could be the model: {names}; "
            f"name one in {CLASS_VARIABLE}, like model:{models[0].__name__}"
        )
    there = ", ".join(each.__name__ for each in own) or "none"
    raise LoadFailure(
        f"{FILE} has no class with the methods load and predict; its classes: {there}"
    )


def _made(found: type[Any], folder: Path) -> Any:
    try:
        instance = found()
        if callable(load_itself := getattr(instance, "load", None)):
            load_itself(folder)
    except MemoryError:
        raise
    except Exception as error:
        raise LoadFailure(f"{found.__name__}.load failed: {_told(error, folder)}") from error
    return instance


def _told(error: Exception, folder: Path) -> str:
    """Return the error on one line, with the last place in the user's own code."""
    text = f"{type(error).__name__}: {first_line(error)}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return f"{text} ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else text
