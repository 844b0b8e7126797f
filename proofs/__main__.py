"""All proofs, one after the other: `python -m proofs [--quick] [--output FILE]`.

Each runs as the command of its own that it is. Ends with status 1 when one of them broke.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

PROOFS = ("crash", "kill", "restore", "lossfree", "rollback_time", "statistics")


def run(name: str, quick: bool) -> tuple[str, bool]:
    """Run one proof; return its report and whether it holds."""
    with tempfile.NamedTemporaryFile(suffix=".md") as file:
        flags = ["--output", file.name, *(["--quick"] if quick else [])]
        ran = subprocess.run([sys.executable, "-m", f"proofs.{name}", *flags], check=False)
        return Path(file.name).read_text(encoding="utf-8"), ran.returncode == 0


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the bounded form of each")
    parser.add_argument("--output", type=Path, help="write all reports to this file")
    parser.add_argument("--only", nargs="+", choices=PROOFS, default=PROOFS)
    arguments = parser.parse_args()
    found = [run(name, arguments.quick) for name in arguments.only]
    if arguments.output:
        arguments.output.write_text("\n".join(text for text, _ in found), encoding="utf-8")
    return 0 if all(holds for _, holds in found) else 1


if __name__ == "__main__":
    sys.exit(main())
