"""Why a revision's pods do not serve, in the server's own words where it left any."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_MESSAGE_LIMIT = 900
_IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


@dataclass(frozen=True, slots=True)
class Failure:
    """A condition reason (CamelCase) and one line for a person."""

    reason: str
    message: str


def failure_of(pods: Iterable[dict[str, Any]]) -> Failure | None:
    """Return why pods of one revision fail, None when none that lasts has failed.

    A pod that is Ready has no failure, whatever happened to it before.
    """
    for pod in sorted(pods, key=lambda one: str(one["metadata"]["name"])):
        if "deletionTimestamp" not in pod["metadata"] and not is_ready(pod):
            for failure in _failures(pod):
                return failure
    return None


def is_ready(pod: dict[str, Any]) -> bool:
    """Return whether a pod is Ready and not on its way out."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _failures(pod: dict[str, Any]) -> Iterator[Failure]:
    status = pod.get("status", {})
    for container in status.get("initContainerStatuses") or []:
        yield from _container_failure(container, "FetchFailed")
    for container in status.get("containerStatuses") or []:
        yield from _container_failure(container, "LoadFailed")
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield Failure("Unschedulable", _one_line(condition.get("message") or "no node fits"))


def _container_failure(container: dict[str, Any], reason: str) -> Iterator[Failure]:
    waiting = (container.get("state") or {}).get("waiting") or {}
    cause = waiting.get("reason", "")
    name, message = container["name"], _one_line(waiting.get("message") or cause)
    if cause in _IMAGE_REASONS:
        yield Failure("ImagePullFailed", message)
    elif cause in _CONFIG_REASONS:
        yield Failure("ConfigurationFailed", f"container {name}: {message}")
    ended = _terminated(container)
    if ended and ended.get("exitCode", 0) != 0:
        words = _one_line(ended.get("message") or "")
        yield Failure(reason, words or f"container {name} exited with {_exit_words(ended)}")


def _terminated(container: dict[str, Any]) -> dict[str, Any] | None:
    for state in (container.get("state") or {}, container.get("lastState") or {}):
        if "terminated" in state:
            return dict(state["terminated"])
    return None


def _exit_words(ended: dict[str, Any]) -> str:
    reason = ended.get("reason", "Error")
    return f"status {ended['exitCode']} ({reason}); `kubectl logs` has its last words"


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_MESSAGE_LIMIT] if lines else ""
