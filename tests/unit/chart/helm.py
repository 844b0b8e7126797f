"""Runs the real helm: the one that `make setup` unpacked into the virtual environment."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "lockstep"
HELM = Path(sys.prefix) / "bin" / "helm"  # by `make setup`


def template(home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Render the chart as release `lockstep`; `home`: instead of the user's, with its settings."""
    command = [str(HELM), "template", "lockstep", str(CHART), "-n", "lockstep-system"]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [*command, *args], capture_output=True, text=True, env=environment, check=False
    )


def documents(text: str) -> list[dict[str, Any]]:
    """Return the manifests of a rendered chart."""
    return [document for document in yaml.safe_load_all(text) if document]
