"""The digest that a revision's first pod reports in the termination message of its fetch."""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from lockstep_operator.api.modelrevision import ObservedModel


def reported(pods: Iterable[dict[str, Any]]) -> ObservedModel | None:
    """Return what the pod that fetched first found, None until one has."""
    finished = [
        (str(ended.get("finishedAt", "")), ended["message"])
        for pod in pods
        for container in pod.get("status", {}).get("initContainerStatuses") or []
        if container["name"] == "fetch"
        and (ended := (container.get("state") or {}).get("terminated"))
        and ended.get("exitCode") == 0
        and ended.get("message")
    ]
    for _, message in sorted(finished):
        try:
            return ObservedModel.model_validate(json.loads(message))
        except (json.JSONDecodeError, ValidationError):
            continue  # a foreign server's words; it reports no digest
    return None
