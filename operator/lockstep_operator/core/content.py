"""Content: what makes a revision. Compared after normalising both sides with the current code."""

import hashlib
import json
from typing import Any

from lockstep_operator.api.content import Content
from lockstep_operator.core.quantities import canonical

NormalContent = dict[str, Any]


def content_of(spec: dict[str, Any]) -> NormalContent:
    """Return the normalised content of a ModelDeployment's spec."""
    return normalise({"model": spec["model"], "runtime": spec.get("runtime") or {}})


def normalise(content: dict[str, Any]) -> NormalContent:
    """Drop what equals its default, sort what has no order, and write quantities in one way."""
    runtime = content.get("runtime") or {}
    typed = Content.model_validate({"model": content["model"], "runtime": runtime})
    plain = typed.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True, mode="json")
    if "runtime" in plain:
        plain["runtime"] = _normal_runtime(plain["runtime"])
    return {key: value for key, value in plain.items() if value != {}}


def _normal_runtime(runtime: dict[str, Any]) -> dict[str, Any]:
    out = dict(runtime)
    if "env" in out:
        out["env"] = sorted(out["env"], key=lambda variable: str(variable["name"]))
    if "resources" in out:
        out["resources"] = {
            section: {name: canonical(amount) for name, amount in amounts.items()}
            for section, amounts in out["resources"].items()
            if amounts
        }
    return {key: value for key, value in out.items() if value != {}}


def mint_name(content: NormalContent, taken: set[str], prefix: str, owner: str = "") -> str:
    """Return a revision name `<prefix>-<8 hex>` that is not taken.

    The hash only mints the name; whether two revisions are the same is decided by their content.
    `owner`: UID of the ModelDeployment. One that a restore brought back before its revisions mints
    other names than before, so that those of the revisions which come later are free.
    """
    text = json.dumps(content, sort_keys=True)
    for attempt in range(len(taken) + 1):
        digest = hashlib.sha256(f"{text}#{owner}#{attempt}".encode()).hexdigest()[:8]
        if (name := f"{prefix}-{digest}") not in taken:
            return name
    raise AssertionError("more attempts than taken names")  # pragma: no cover
