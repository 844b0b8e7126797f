"""Rules of built-in kinds that the schema cannot say: preparation, validation, clean-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lockstep_sandbox.apiserver.builtin import config, definitions, events, network, pods, workloads
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import FieldError

Json = Any


def _prepare(cluster: Cluster, new: Json, old: Json | None) -> None:
    """Change nothing."""


def _validate(cluster: Cluster, new: Json, old: Json | None) -> Iterable[FieldError]:
    """Find nothing wrong."""
    return ()


def _release(cluster: Cluster, obj: Json) -> None:
    """Hold nothing."""


def _may_go(obj: Json) -> bool:
    """Let an object go with its last finalizer."""
    return True


@dataclass(frozen=True)
class Rules:
    """What is special about a kind."""

    prepare: Callable[[Cluster, Json, Json | None], None] = _prepare  # after defaults
    validate: Callable[[Cluster, Json, Json | None], Iterable[FieldError]] = _validate
    release: Callable[[Cluster, Json], None] = _release  # when an object goes for good
    may_go: Callable[[Json], bool] = _may_go
    status_at_birth: bool = False  # a create may set status


RULES: dict[str, Rules] = {
    "pods": Rules(pods.prepare, pods.validate, status_at_birth=True),
    "deployments.apps": Rules(workloads.prepare_deployment, workloads.validate_deployment),
    "replicasets.apps": Rules(workloads.prepare, workloads.validate_selector),
    "services": Rules(network.prepare, network.validate, network.release),
    "namespaces": Rules(config.prepare_namespace, may_go=config.namespace_is_empty),
    "configmaps": Rules(validate=config.validate_configmap),
    "secrets": Rules(config.prepare_secret, config.validate_secret),
    "leases.coordination.k8s.io": Rules(validate=config.validate_lease),
    "rolebindings.rbac.authorization.k8s.io": Rules(
        config.prepare_binding, config.validate_binding
    ),
    "clusterrolebindings.rbac.authorization.k8s.io": Rules(
        config.prepare_binding, config.validate_binding
    ),
    "events": Rules(events.prepare, events.validate),
    "endpointslices.discovery.k8s.io": Rules(network.prepare_slice),
    "customresourcedefinitions.apiextensions.k8s.io": Rules(
        definitions.prepare, definitions.validate, status_at_birth=True
    ),
}
