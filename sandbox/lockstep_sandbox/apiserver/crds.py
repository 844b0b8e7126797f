"""Serve what CustomResourceDefinitions define, from the moment they are stored."""

from __future__ import annotations

from typing import Any

from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.resources import of_crd_versions
from lockstep_sandbox.apiserver.store import Event

Json = Any
KEY = "customresourcedefinitions.apiextensions.k8s.io"


def follow(cluster: Cluster) -> None:
    """Add and remove resources as definitions come and go."""

    def noticed(key: str, event: Event) -> None:
        if key != KEY:
            return
        spec = event.obj["spec"]
        group, name = spec["group"], spec["names"]["plural"]
        if event.type == "DELETED":
            for obj in cluster.store.items(f"{name}.{group}"):
                cluster.store.remove(f"{name}.{group}", obj)
            cluster.store.forget(f"{name}.{group}")
            cluster.registry.remove(group, name)
            return
        if event.old is not None and event.old["spec"] == spec:
            return
        cluster.registry.remove(group, name)
        for resource in of_crd_versions(event.obj):
            cluster.registry.add(resource)

    cluster.store.listeners.append(noticed)
