"""Everything the plan for one ModelDeployment is made from."""

from lockstep_operator.api.group import (
    COMPONENT_LABEL,
    DEPLOYMENT_LABEL,
    MODEL_DEPLOYMENT,
    MODEL_REVISION,
)
from lockstep_operator.core.plan import Observed
from lockstep_operator.shell.clock import Clock, utc_now
from lockstep_operator.shell.store import Manifest, Store
from lockstep_operator.traffic.interface import TrafficProvider

CHILD_KINDS = ("Deployment", "Service", "ConfigMap")


async def gather(
    store: Store,
    provider: TrafficProvider,
    deployment: Manifest,
    *,
    ask: bool = True,
    clock: Clock = utc_now,
) -> Observed:
    """Return what is known of a ModelDeployment; only the router is asked over the network.

    `ask` False: not even the router, so nothing can be waited for.
    """
    namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
    route = await provider.observe(namespace, name, ask=ask)
    return Observed(
        deployment=store.get(MODEL_DEPLOYMENT, namespace, name) or deployment,
        revisions=tuple(revisions_of(store, namespace, name)),
        children={
            (one["kind"], one["metadata"]["name"]): one
            for one in children_of(store, namespace, name)
        },
        pods=tuple(
            store.select("Pod", namespace, {DEPLOYMENT_LABEL: name, COMPONENT_LABEL: "model"})
        ),
        route=route,
        now=clock(),
    )


def revisions_of(store: Store, namespace: str, name: str) -> list[Manifest]:
    """Return the revisions of a ModelDeployment, also when it is gone."""
    return store.select(MODEL_REVISION, namespace, {DEPLOYMENT_LABEL: name})


def children_of(store: Store, namespace: str, name: str) -> list[Manifest]:
    """Return our Deployments, Services and ConfigMaps of a ModelDeployment."""
    labels = {DEPLOYMENT_LABEL: name}
    return [one for kind in CHILD_KINDS for one in store.select(kind, namespace, labels)]


def tenants_of(store: Store, namespace: str) -> list[Manifest]:
    """Return the ModelDeployments of a namespace that are not being deleted."""
    every = store.select(MODEL_DEPLOYMENT, namespace)
    return [one for one in every if "deletionTimestamp" not in one["metadata"]]
