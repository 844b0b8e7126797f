"""When what the gates found is worth a write to a revision's status."""

import asyncio
from collections.abc import Mapping
from typing import Any

from lockstep_operator.api.gates import Analysis
from lockstep_operator.shell.comparison import same_news
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.store import Manifest

SECONDS = 10.0


def recorded_analysis(revision: Manifest | None) -> Analysis | None:
    """Return the analysis in a revision's status; None when there is none that can be read."""
    found = ((revision or {}).get("status") or {}).get("analysis")
    if not found:
        return None
    try:
        return Analysis.model_validate(found)
    except ValueError:  # written by another build: the step's evidence begins anew
        return None


class WriteThrottle:
    """Numbers change at every look; they are written every ten seconds, verdicts at once."""

    def __init__(self) -> None:
        self._written: dict[Key, float] = {}

    def allows(self, key: Key, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
        """Return whether a status is to be written now. `key`: of the revision."""
        now = asyncio.get_running_loop().time()
        if _only_numbers(before, wanted) and now - self._written.get(key, -SECONDS) < SECONDS:
            return False
        if wanted.get("analysis"):
            self._written[key] = now
        else:
            self._written.pop(key, None)
        return True


def _only_numbers(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if not before.get("analysis") or not wanted.get("analysis"):
        return False
    same = same_news(_without_analysis(before), _without_analysis(wanted))
    return same and _verdicts(before["analysis"]) == _verdicts(wanted["analysis"])


def _without_analysis(status: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key != "analysis"}


def _verdicts(analysis: Mapping[str, Any]) -> Any:
    gates = [(gate.get("name"), gate.get("verdict")) for gate in analysis.get("gates") or []]
    return analysis.get("step"), analysis.get("since"), gates
