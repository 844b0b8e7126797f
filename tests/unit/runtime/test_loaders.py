"""Loading files: what is trusted, and one clear line for each that is not a model."""

import pickle
import sys
import zipfile
from pathlib import Path

import pytest

from lockstep_runtime.errors import LoadFailure
from lockstep_runtime.loaders import loader_for
from lockstep_runtime.loaders.sklearn import load
from runtime import estimators


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return tmp_path


def reason(content: Path, *, trust_pickle: bool = False) -> str:
    with pytest.raises(LoadFailure) as caught:
        load(content, trust_pickle=trust_pickle)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_skops(content: Path) -> None:
    estimators.save_skops(estimators.wine(), content / "model.skops")
    assert load(content, trust_pickle=False).inputs[0].shape == (-1, 13)


def test_a_model_file_deep_in_a_directory(content: Path) -> None:
    estimators.save_skops(estimators.wine(), content / "model" / "wine.skops")
    (content / "README.md").write_text("a model")
    assert load(content, trust_pickle=False).outputs[0].name == "predict"


@pytest.mark.parametrize("name", ["model.joblib", "model.pkl", "model.pickle"])
def test_pickles_need_a_word(content: Path, name: str) -> None:
    estimators.save_joblib(estimators.wine(), content / name)
    text = reason(content)
    assert name in text
    assert "spec.model.trust: pickle" in text
    assert load(content, trust_pickle=True).inputs[0].shape == (-1, 13)


def test_a_plain_pickle(content: Path) -> None:
    (content / "model.pkl").write_bytes(pickle.dumps(estimators.diabetes()))
    assert load(content, trust_pickle=True).inputs[0].shape == (-1, 10)


def test_skops_types_that_nobody_vouches_for(content: Path) -> None:
    estimators.save_skops(estimators.forest(), content / "model.skops")
    text = reason(content)
    assert "sklearn.tree._tree.Tree" in text
    assert "spec.model.trust: pickle" in text
    assert load(content, trust_pickle=True).outputs[0].name == "predict"


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("pickle-ran"),)  # type: ignore[return-value]


def test_an_untrusted_pickle_runs_nothing(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (content / "model.pkl").write_bytes(pickle.dumps(Payload()))
    monkeypatch.chdir(tmp_path)
    reason(content)
    assert not (tmp_path / "pickle-ran").exists()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("model.skops", b"", "no skops file, or a damaged one"),
        ("model.skops", b"not a zip", "no skops file, or a damaged one"),
        ("model.pkl", b"", "no pickle, or a damaged one"),
        ("model.pkl", b"\x80\x04garbage", "model.pkl"),
        ("model.joblib", b"not a pickle", "model.joblib"),
        ("model.pkl", b"cno_such_module\nThing\n.", "needs the Python package 'no_such_module'"),
        ("model.pkl", b"c__main__\nMyScaler\n.", "MyScaler"),
        ("model.pkl", pickle.dumps([1, 2]), "list cannot be served"),
        ("model.onnx", b"x", "expected .skops, .joblib, .pkl, .pickle; there is model.onnx"),
    ],
)
def test_no_model(content: Path, name: str, data: bytes, words: str) -> None:
    (content / name).write_bytes(data)
    assert words in reason(content, trust_pickle=True)


def test_a_damaged_skops_file(content: Path) -> None:
    path = estimators.save_skops(estimators.wine(), content / "model.skops")
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)
    assert "model.skops" in reason(content)
    path.write_bytes(bytes(data[: len(data) // 2]))
    assert "damaged" in reason(content)


def test_a_zip_that_is_no_skops_file(content: Path) -> None:
    with zipfile.ZipFile(content / "model.skops", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "model.skops" in reason(content)


def test_no_file_and_several(content: Path) -> None:
    assert "there is none" in reason(content)
    (content / "a.skops").touch()
    (content / "b.pkl").touch()
    assert "several: a.skops, b.pkl" in reason(content)


def test_an_unknown_format() -> None:
    with pytest.raises(LoadFailure, match="'torch' is unknown; known: sklearn, xgboost, lightgbm"):
        loader_for("torch")


@pytest.mark.parametrize(
    ("form", "package", "extra"),
    [("onnx", "onnxruntime", "onnx"), ("pytorch", "torch", "torch"), ("mlflow", "yaml", "mlflow")],
)
def test_a_package_that_is_missing(
    form: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"lockstep_runtime.loaders.{form}", raising=False)
    words = rf"Python package '{package}' is missing; lockstep-serving\[{extra}\] brings it"
    with pytest.raises(LoadFailure, match=words):
        loader_for(form)
