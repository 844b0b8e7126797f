import subprocess
from pathlib import Path

import pytest

from lockstep_sandbox.images import CatalogueError, envoy, load


def catalogue(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "images.yaml"
    path.write_text(text)
    return path


def test_the_first_match_counts_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    text = '- {match: "a:1", path: [bin], entrypoint: [run], env: {N: 1}}\n- {match: "a:*"}\n'
    found = load(catalogue(tmp_path, text))
    image = found.find("a:1")
    assert image is not None
    assert image.environment()["PATH"].startswith(f"{tmp_path}/bin:")
    assert image.environment()["N"] == "1"
    other = found.find("a:2")
    assert other is not None
    assert other.entrypoint == ()
    assert found.find("b:1") is None
    assert found.find("a") is found.find("a:latest") is other


@pytest.mark.parametrize(
    "text",
    ["{}", "- x", "- {path: []}", "- {match: a, image: b}", "- {match: a, path: [none]}", "- {"],
)
def test_a_wrong_catalogue_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(CatalogueError, match=r"images\.yaml"):
        load(catalogue(tmp_path, text))


def test_the_envoy_wrapper_runs_envoy(tmp_path: Path) -> None:
    image = envoy(tmp_path, ("127.9.0.10", 5353))
    assert load(None, image).find("envoyproxy/envoy:v1.40.0") is image
    script = Path(image.path[0]) / "envoy"
    text = script.read_text()
    assert "--disable-hot-restart" in text
    assert '"port_value": 5353' in text
    shown = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert "1.40" in shown.stdout
