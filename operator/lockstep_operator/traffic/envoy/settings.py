"""What an operator's settings say about the routers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """One router per namespace; changes of image, resources and limits restart its pods.

    Attributes:
        image: an image with `envoy` on its PATH; no shell is needed in it.
        cpu: the CPU limit in whole CPUs, which is also the number of worker threads.
        cpu_request, memory_request, memory_limit: Kubernetes quantities.
        max_connections: open client connections per router pod; more are refused.
        drain_seconds: how long an ending router pod goes on serving after leaving its Services.
            At least the connection age (see `connections`) plus the longest ordinary request.
        cluster_domain: the cluster's DNS domain.
        max_models: ModelDeployments per namespace. Envoy takes one inotify instance for each route
            file and aborts when it gets none; Linux allows 128 for one user on one node, and on a
            small cluster three pods of a router can meet on a node. Raise it with the nodes'
            `fs.inotify.max_user_instances`.
    """

    image: str
    replicas: int = 2
    cpu: int = 2
    cpu_request: str = "100m"
    memory_request: str = "128Mi"
    memory_limit: str = "1Gi"
    max_connections: int = 20_000
    drain_seconds: int = 15
    cluster_domain: str = "cluster.local"
    max_models: int = 40
