"""Refuse Python modules of 300 lines or more, unless their docstring says why they are long.

The docstring of a longer module must have a line that starts with `Length:` and gives the reason.
"""

import ast
import subprocess
import sys
from pathlib import Path

LIMIT = 300


def too_long(path: Path) -> bool:
    """Tell whether a module has no excuse for its length."""
    text = path.read_text(encoding="utf-8")
    if text.count("\n") < LIMIT:
        return False
    docstring = ast.get_docstring(ast.parse(text)) or ""
    return not any(line.startswith("Length:") for line in docstring.splitlines())


def modules() -> list[Path]:
    """Return the repository's Python files, tracked or new, as git sees them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.py"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for path in map(Path, listed.splitlines()) if path.is_file()]


if __name__ == "__main__":
    offenders = [path for path in modules() if too_long(path)]
    for offender in offenders:
        sys.stderr.write(f"{offender}: {LIMIT} lines or more without a `Length:` line\n")
    sys.exit(1 if offenders else 0)
