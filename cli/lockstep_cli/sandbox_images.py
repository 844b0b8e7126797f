"""What stands for our images in a sandbox: the commands of this very installation."""

import sys
from pathlib import Path

import yaml

_PROGRAMS = ("operator", "runtime")


def write_images(folder: Path) -> Path:
    """Write the sandbox's image catalogue and return its path."""
    commands = str(Path(sys.prefix) / "bin")
    entries = [
        {
            "match": f"lockstep/{program}:*",
            "path": [commands],
            "entrypoint": [f"lockstep-{program}"],
        }
        for program in _PROGRAMS
    ]
    path = folder / "images.yaml"
    path.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")
    return path
