"""Deployments and ReplicaSets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockstep_sandbox.apiserver.builtin.pods import default_spec, spec_problems
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError
from lockstep_sandbox.apiserver.metadata import label_problems
from lockstep_sandbox.apiserver.selectors import labels_match

Json = Any


def prepare(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Complete the pod template."""
    if spec := (new["spec"].get("template") or {}).get("spec"):
        default_spec(spec)
    new.setdefault("status", {})


def prepare_deployment(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Complete the pod template and the strategy."""
    prepare(cluster, new, old)
    strategy = new["spec"]["strategy"]
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def validate_deployment(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with a Deployment."""
    yield from validate_selector(cluster, new, old)
    strategy = new["spec"]["strategy"]
    if strategy["type"] not in ("Recreate", "RollingUpdate"):
        why = 'supported values: "Recreate", "RollingUpdate"'
        path = "spec.strategy.type"
        yield FieldError(path, "Unsupported value", why, strategy["type"])
    if strategy["type"] == "Recreate" and strategy.get("rollingUpdate"):
        why = "may not be specified when strategy `type` is 'Recreate'"
        yield FieldError("spec.strategy.rollingUpdate", "Forbidden", why)


def validate_selector(cluster: Cluster, new: Json, old: Json | None) -> Iterator[FieldError]:
    """Yield what is wrong with replicas, selector and template."""
    spec = new["spec"]
    if (replicas := spec.get("replicas", 1)) < 0:
        why = "must be greater than or equal to 0"
        yield FieldError("spec.replicas", "Invalid value", why, replicas)
    selector, template = spec.get("selector"), spec.get("template") or {}
    if not selector:
        yield FieldError("spec.selector", "Required value")
    elif not (selector.get("matchLabels") or selector.get("matchExpressions")):
        why = "empty selector is invalid for deployment"
        yield FieldError("spec.selector", "Invalid value", why, selector)
    if old is not None and selector != old["spec"].get("selector"):
        yield FieldError("spec.selector", "Invalid value", "field is immutable", selector)
    labels = (template.get("metadata") or {}).get("labels")
    yield from label_problems(labels, "spec.template.labels")
    if not selector or not labels_match(selector, labels):
        why = "`selector` does not match template `labels`"
        yield FieldError("spec.template.metadata.labels", "Invalid value", why, labels)
    yield from spec_problems(template.get("spec") or {}, "spec.template.spec")
    policy = (template.get("spec") or {}).get("restartPolicy", "Always")
    if policy != "Always":
        why = 'supported values: "Always"'
        yield FieldError("spec.template.spec.restartPolicy", "Unsupported value", why, policy)
