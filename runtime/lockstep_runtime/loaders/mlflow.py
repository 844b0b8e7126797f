"""Loading MLflow model folders: the file MLmodel tells what is in them.

Where the folder holds a scikit-learn, XGBoost, LightGBM or ONNX model, it is loaded by our own
loader of that format, by its rules of trust, and MLflow is not imported, which takes seconds. Any
other runs as a python_function, which may run any code and so needs the user's word. A signature
becomes the model's inputs and is enforced.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from lockstep_runtime.errors import LoadFailure, first_line
from lockstep_runtime.loaders import loader_for
from lockstep_runtime.loaders.signature import signature_of
from lockstep_runtime.loaders.signed import SignedModel
from lockstep_runtime.model import Model

_FILE = "MLmodel"
# By flavour: the field that names its file, and the loader by the file's suffix.
_NATIVE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "sklearn": ("pickled_model", {}),
    "xgboost": ("data", {".ubj": "xgboost", ".json": "xgboost", ".xgb": "xgboost"}),
    "lightgbm": ("data", {".lgb": "lightgbm", ".txt": "lightgbm"}),
    "onnx": ("data", {".onnx": "onnx"}),
}
_ESTIMATORS = (".skops", ".pkl", ".pickle", ".joblib")


def load(content: Path, *, trust_pickle: bool) -> Model:
    """Load the model folder in (or at) the folder `content`.

    Raises:
        LoadFailure: no model folder, not trusted, or it does not load.
    """
    folder, document = _document(content)
    signature = signature_of(document)
    native = _native(folder, document, trust_pickle=trust_pickle)
    if native is not None:
        return native if signature is None else SignedModel(signature, native)
    if not trust_pickle:
        raise LoadFailure(
            "this MLflow model runs as a python_function, which may run any code; if you trust "
            "it, set spec.model.trust: pickle (--trust pickle); its flavours: "
            f"{', '.join(document['flavors'])}"
        )
    if signature is None:
        raise LoadFailure(
            "the MLflow model has no signature, so nobody knows its inputs: save it with "
            "signature=mlflow.models.infer_signature(inputs, outputs) or an input_example"
        )
    # MLflow is imported here and not above: native flavours do without it.
    try:
        pyfunc = import_module("lockstep_runtime.loaders.pyfunc")
    except ModuleNotFoundError as error:
        raise LoadFailure(
            f"this image cannot run a python_function: Python package {error.name!r} is missing; "
            "lockstep-serving[mlflow] brings it"
        ) from error
    return SignedModel(signature, pyfunc.load_pyfunc(folder, signature))


def _document(content: Path) -> tuple[Path, dict[str, Any]]:
    """Return the model folder and what its MLmodel says."""
    files = sorted(content.rglob(_FILE), key=lambda path: len(path.parts))
    if not files:
        raise LoadFailure(f"no MLflow model: there is no file {_FILE}")
    if len(files) > 1 and files[0].parent != content:
        raise LoadFailure(f"there must be one MLflow model, there are {len(files)}")
    try:
        document = yaml.safe_load(files[0].read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LoadFailure(f"{_FILE} is no YAML: {first_line(error)}") from error
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        raise LoadFailure(f"{_FILE} has no flavors")
    return files[0].parent, document


def _native(folder: Path, document: Mapping[str, Any], *, trust_pickle: bool) -> Model | None:
    """Load a flavour that a loader of ours knows; None: there is none."""
    for flavour, (field, suffixes) in _NATIVE.items():
        fields = document["flavors"].get(flavour)
        if not isinstance(fields, dict):
            continue
        path = _inside(folder, str(fields.get(field, "")))
        form = "sklearn" if path.suffix in _ESTIMATORS else suffixes.get(path.suffix)
        if form is not None:
            return _load_file(form, path, trust_pickle=trust_pickle)
    return None


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise LoadFailure(f"{_FILE} names the file {name!r}, which is not in the model's folder")
    return path


def _load_file(form: str, path: Path, *, trust_pickle: bool) -> Model:
    loader: Any = loader_for(form)
    model: Model = (
        loader.load_file(path, trust_pickle=trust_pickle)
        if form == "sklearn"
        else loader.load_file(path)
    )
    return model
