"""Loading scikit-learn models: skops files, and pickles on demand.

A skops file is built from types that skops knows to be harmless. A pickle runs any code it likes
while it loads, so it needs the user's word (`spec.model.trust: pickle`). The same word accepts
skops files with types that skops does not vouch for; among them are trees, whose node indices
scikit-learn follows unchecked.
"""

import logging
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import sklearn

from lockstep_runtime.errors import LoadFailure, first_line
from lockstep_runtime.loaders.estimator import EstimatorModel
from lockstep_runtime.loaders.files import model_file

_SKOPS = (".skops",)
_PICKLES = (".joblib", ".pkl", ".pickle")
_log = logging.getLogger(__name__)


def load(content: Path, *, trust_pickle: bool) -> EstimatorModel:
    """Load the one model file in the folder `content`.

    Raises:
        LoadFailure: none or several files, not trusted, damaged, or nothing that predicts.
    """
    path = model_file(content, (*_SKOPS, *_PICKLES), "scikit-learn")
    return load_file(path, trust_pickle=trust_pickle)


def load_file(path: Path, *, trust_pickle: bool) -> EstimatorModel:
    """Load a model file; its suffix tells how.

    Raises:
        LoadFailure: not trusted, damaged, or nothing that predicts.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if path.suffix in _SKOPS:
            estimator = _load_skops(path, trust_pickle=trust_pickle)
        elif trust_pickle:
            estimator = _load_pickle(path)
        else:
            raise LoadFailure(
                f"{path.name} is a pickle, which can run any code when it is loaded; save the "
                "model with skops, or, if you trust the file, set spec.model.trust: pickle "
                "(--trust pickle)"
            )
    for message in sorted({_text(warning) for warning in caught if _tells(warning)}):
        _log.warning("the model loads with a warning", extra={"fields": {"warning": message}})
    # Requests carry plain arrays; columns were matched by name before.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    return EstimatorModel(estimator)


def _tells(warning: warnings.WarningMessage) -> bool:
    """Tell whether it is about the model (an older scikit-learn wrote it), not our libraries."""
    return issubclass(warning.category, UserWarning)


def _text(warning: warnings.WarningMessage) -> str:
    return " ".join(str(warning.message).split())


def _load_skops(path: Path, *, trust_pickle: bool) -> Any:
    # Importing skops imports all of scikit-learn (2.5 s of CPU); pickles do without it.
    import skops.io

    try:
        untrusted = skops.io.get_untrusted_types(file=path)
        if untrusted and not trust_pickle:
            raise LoadFailure(_untrusted_message(path, untrusted))
        return skops.io.load(path, trusted=untrusted)
    except LoadFailure:
        raise
    except zipfile.BadZipFile as error:
        raise LoadFailure(
            f"{path.name} is no skops file, or a damaged one: {first_line(error)}"
        ) from error
    except Exception as error:
        raise LoadFailure(_failure(path, error)) from error


def _untrusted_message(path: Path, untrusted: list[str]) -> str:
    return (
        f"{path.name} holds types that skops does not vouch for: {', '.join(untrusted)}; if you "
        "trust the file, set spec.model.trust: pickle (--trust pickle), else train a model "
        "without them"
    )


def _load_pickle(path: Path) -> Any:
    import joblib

    try:
        return joblib.load(path)
    except (pickle.UnpicklingError, EOFError, KeyError, IndexError) as error:
        raise LoadFailure(
            f"{path.name} is no pickle, or a damaged one: {first_line(error)}"
        ) from error
    except Exception as error:
        raise LoadFailure(_failure(path, error)) from error


def _failure(path: Path, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return (
            f"{path.name} needs the Python package {error.name!r}, which this image does not have"
        )
    return (
        f"cannot load {path.name} with scikit-learn {sklearn.__version__}: "
        f"{type(error).__name__}: {first_line(error)}"
    )
