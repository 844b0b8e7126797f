"""Proofs of what the project promises, each one command: `python -m proofs.<name>`.

Each prints a table of figures with the machine they were measured on, and ends with status 1 when
a promise is broken. `--quick` is the bounded form that runs before every change.
"""

import sys
from pathlib import Path

# The proofs with real processes drive the sandbox with what the integration tests drive it with.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
