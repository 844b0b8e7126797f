"""Which part gets which: builds the process from its settings."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from lockstep_operator.core.plan import Defaults
from lockstep_operator.settings import Settings
from lockstep_operator.shell.analysis.analyst import Analyst
from lockstep_operator.shell.analysis.collector import Collector
from lockstep_operator.shell.analysis.golden import Golden
from lockstep_operator.shell.analysis.models import Models
from lockstep_operator.shell.analysis.prometheus import Queries
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.clock import Clock, utc_now
from lockstep_operator.shell.connection import Connection
from lockstep_operator.shell.intake import Intake
from lockstep_operator.shell.leader import Leader
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.operator import Operator
from lockstep_operator.shell.pods import DirectPods, Pods, ProxiedPods
from lockstep_operator.shell.reconciler import Planner, Reconciler
from lockstep_operator.shell.recorder import Recorder
from lockstep_operator.shell.reporter import Reporter
from lockstep_operator.shell.resync import Resync
from lockstep_operator.shell.store import Store
from lockstep_operator.shell.urgency import Urgency
from lockstep_operator.shell.workqueue import WorkQueue
from lockstep_operator.shell.writer import Writer
from lockstep_operator.traffic.interface import Cluster, PodReader, TrafficProvider

_RECONCILE_SECONDS = 60.0
_LEASE_SECONDS = 4.0

MakeProvider = Callable[[Cluster, PodReader], TrafficProvider]


@dataclass(frozen=True)
class Assembly:
    """The built process, and what must be closed after it."""

    operator: Operator
    pods: Pods
    queries: Queries
    collector: Collector

    async def close(self) -> None:
        """Close what the parts keep open; they must have ended."""
        self.collector.close()
        await self.queries.close()
        await self.pods.close()


def assemble(
    settings: Settings,
    connection: Connection,
    planner: Planner,
    make_provider: MakeProvider,
    clock: Clock = utc_now,
) -> Assembly:
    """Build the process; nothing runs yet."""
    metrics, store, urgency = Metrics(), Store(), Urgency()
    leader = _leader(settings, connection, metrics)
    client = Client(connection.api, metrics, may_write=leader.holds)
    writer = Writer(client, store)
    pods = _pods(settings, connection, client)
    provider = make_provider(writer, pods)
    queries = Queries(client, settings.prometheus_address)
    collector = Collector(
        provider, Models(store, pods), Golden(client, store, pods), queries, clock=clock
    )
    reconciler = Reconciler(
        store=store,
        writer=writer,
        provider=provider,
        analyst=Analyst(collector, metrics, clock),
        reporter=Reporter(store, writer, Recorder(client), metrics),
        urgency=urgency,
        metrics=metrics,
        planner=planner,
        defaults=Defaults(runtime_image=settings.runtime_image),
        clock=clock,
    )
    queue = WorkQueue(
        reconciler.reconcile, settings.workers, _RECONCILE_SECONDS, metrics, urgency.holds
    )
    operator = Operator(
        connection=connection,
        leader=leader,
        resync=Resync(client, store, queue.add, settings.resync),
        intake=Intake(store, queue.add, urgency.raise_for),
        queue=queue,
        metrics=metrics,
    )
    return Assembly(operator, pods, queries, collector)


def _leader(settings: Settings, connection: Connection, metrics: Metrics) -> Leader:
    client = Client(connection.api, metrics, seconds=_LEASE_SECONDS, pauses=())
    own_pod = f"{settings.pod_name}_{settings.pod_uid}_" if settings.pod_uid else None
    identity = f"{own_pod or f'{settings.pod_name or socket.gethostname()}_'}{uuid4().hex[:8]}"
    namespace = settings.namespace or connection.namespace or "default"
    return Leader(client, namespace, settings.lease_name, identity, own_pod)


def _pods(settings: Settings, connection: Connection, client: Client) -> Pods:
    direct = settings.pod_access == "direct"
    if direct or (settings.pod_access == "auto" and connection.in_cluster):
        return DirectPods()
    return ProxiedPods(client)
