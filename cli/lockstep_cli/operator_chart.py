"""Installing the operator into a sandbox as into any cluster: by Helm, from its chart."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from lockstep_cli.errors import CliError, Refused

CHART: Final = Path("helm/lockstep")
NAMESPACE: Final = "lockstep-system"
_SECONDS: Final = 90


def check_chart(chart: Path) -> None:
    """Say early that there is no chart.

    Raises:
        Refused: there is none.
    """
    if not (chart / "Chart.yaml").is_file():
        raise Refused(f"no chart at {chart}: run this in a checkout, or pass --chart")


def install_operator(kubeconfig: Path, chart: Path, work: Path) -> None:
    """Install or upgrade the release `lockstep` and wait until it runs; `work`: Helm's own files.

    Raises:
        Refused: there is no Helm.
        CliError: Helm did not succeed; its last line says why.
    """
    command = [_helm(), "upgrade", "--install", "lockstep", str(chart), "--wait"]
    command += ["--namespace", NAMESPACE, "--create-namespace", "--timeout", f"{_SECONDS}s"]
    folders = {
        f"HELM_{kind}_HOME": str(work / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")
    }
    ran = subprocess.run(
        [*command, "--kubeconfig", str(kubeconfig)],
        env=os.environ | folders,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        words = ran.stderr.strip().splitlines() or ["it gave no reason"]
        raise CliError(f"helm could not install the operator: {words[-1]}")


def _helm() -> str:
    """Return the Helm of this virtual environment, else the one on PATH."""
    own = Path(sys.prefix) / "bin" / "helm"
    found = str(own) if own.is_file() else shutil.which("helm")
    if found is None:
        raise Refused("no helm on PATH: install Helm 3.16 or newer, or run `make setup`")
    return found
