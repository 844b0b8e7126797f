"""What the images hold: the Dockerfile's own install steps, run in clean virtual environments.

There is no container engine to build with, so this runs the script that the Dockerfile runs. Pages
of PyPI come from uv's cache once it is warm.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = {
    "operator": {"has": {"kopf", "kubernetes"}, "lacks": {"sklearn", "uvicorn", "fastapi"}},
    "runtime": {"has": {"sklearn", "skops", "uvicorn"}, "lacks": {"kopf", "kubernetes"}},
}
ENTRY_MODULES = {
    "operator": "lockstep_operator.__main__",
    "runtime": "lockstep_runtime.loaders.sklearn",
}
BUILD_TOOLS = {"pip", "setuptools", "wheel", "uv", "hatchling"}


@pytest.fixture(scope="module", params=sorted(PARTS))
def image(request, tmp_path_factory):
    """Build one environment the way the Dockerfile does."""
    part, target = request.param, tmp_path_factory.mktemp("image") / request.param
    search = f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"
    environment = _clean_environment() | {"PATH": search}
    script = [str(ROOT / "tools" / "image_env.sh"), part, str(target)]
    ran = subprocess.run(
        script, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=170, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return part, target


def _clean_environment():
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    return {name: value for name, value in os.environ.items() if name not in hidden}


def _packages(target):
    (site,) = target.glob("lib/python3.*/site-packages")
    return {path.name for path in site.iterdir()}


def test_it_starts(image):
    part, target = image
    command = [str(target / "bin" / f"lockstep-{part}"), "--help"]
    ran = subprocess.run(
        command, env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert f"lockstep-{part}" in ran.stdout


def test_it_holds_its_part_and_no_other(image):
    part, target = image
    packages = _packages(target)
    assert PARTS[part]["has"] <= packages
    assert not PARTS[part]["lacks"] & packages
    assert not BUILD_TOOLS & packages
    assert "lockstep_operator" in packages
    assert not any(name.startswith("__editable__") for name in packages)


def test_all_its_imports_are_there(image):
    part, target = image
    command = [str(target / "bin" / "python"), "-I", "-c", f"import {ENTRY_MODULES[part]}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_dockerfile_runs_this_script_as_a_numeric_user():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for part in PARTS:
        assert f"RUN tools/image_env.sh {part} /opt/lockstep" in text
        assert f"AS {part}\n" in text
        assert f'ENTRYPOINT ["lockstep-{part}"]' in text
    assert re.search(r"^USER [0-9]+:[0-9]+$", text, re.MULTILINE)
