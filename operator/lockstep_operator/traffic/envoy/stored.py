"""The router's ConfigMap as the operator last saw it whole."""

from dataclasses import replace
from typing import Any

import structlog

from lockstep_operator.traffic.envoy import manifests, names
from lockstep_operator.traffic.envoy.config import EMPTY, RouterConfig
from lockstep_operator.traffic.envoy.configmap import joined, mended, read_config
from lockstep_operator.traffic.envoy.settings import RouterSettings
from lockstep_operator.traffic.interface import Cluster

_SHARED = (names.CLUSTERS_FILE, names.LISTENERS_FILE)
_log = structlog.get_logger(__name__)


class StoredConfig:
    """Reads the configuration of a namespace's router, also when somebody deleted or damaged it.

    The router pods go on with what they had, and would forget a model whose entry is missing from
    what is written next. So that holds what was last read whole; and where this operator has not
    seen it whole, what follows from the parts that can be read.
    """

    def __init__(self, cluster: Cluster, settings: RouterSettings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._whole: dict[str, RouterConfig] = {}

    def read(self, namespace: str) -> tuple[RouterConfig, str | None]:
        """Return (configuration, resource version of the ConfigMap or None when it is gone)."""
        configmap = self._cluster.get("ConfigMap", namespace, names.ROUTER)
        version = manifests.resource_version(configmap)
        if configmap is None or not configmap.get("data"):
            return replace(self._whole.get(namespace, EMPTY), damaged=_SHARED), version
        config = read_config(configmap)
        if not config.damaged:
            self._whole[namespace] = config
            return config, version
        _log.warning("router configuration damaged", namespace=namespace, files=config.damaged)
        known = joined(config, self._whole.get(namespace, EMPTY))
        return mended(known, namespace, self._ports(namespace), self._settings), version

    def keep(self, namespace: str, config: RouterConfig) -> None:
        """Remember what was just written."""
        self._whole[namespace] = replace(config, damaged=())

    def forget(self, namespace: str) -> None:
        """Forget a router that is removed."""
        self._whole.pop(namespace, None)

    def _ports(self, namespace: str) -> dict[str, int | None]:
        services: list[dict[str, Any]] = self._cluster.select(
            "Service", namespace, dict(names.ROUTER_LABELS)
        )
        every = [(one["metadata"]["name"], one) for one in services]
        return {name: manifests.service_port(service, name) for name, service in every}
