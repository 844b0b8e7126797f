"""A virtual environment for each peer, from its file of hashed requirements."""

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.runtime.errors import BenchmarkError

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PEERS = ("mlserver", "kserve", "bentoml", "fastapi", "uvicorn")


def environment(peer: str) -> Path:
    """Return the folder of a peer's programs; makes the environment when it is not as required.

    Raises:
        BenchmarkError: it cannot be made.
    """
    requirements = ROOT / "requirements" / f"bench-{peer}.txt"
    folder = BIN.parent / f"bench-{peer}"
    stamp = folder / ".done"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        sys.stderr.write(f"making {folder.relative_to(ROOT)} …\n")
        python = folder / "bin" / "python"
        _run(peer, [sys.executable, "-m", "venv", "--without-pip", str(folder)])
        sync = [str(BIN / "uv"), "pip", "sync", "--quiet", "--require-hashes"]
        _run(peer, [*sync, "--python", str(python), str(requirements)])
        stamp.write_text(wanted)
    return folder / "bin"


def version(python_bin: Path, package: str) -> str:
    """Return the version of a package that is installed there."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    command = [str(python_bin / "python"), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _run(peer: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no message"]
        raise BenchmarkError(f"the environment of {peer} cannot be made: {said[-1]}")
