"""A Reconciler with a fake API server, router and gates."""

import asyncio

from lockstep_operator.core.plan import Defaults, Plan
from lockstep_operator.core.routing import Backend, LiveRoute, Route
from lockstep_operator.shell.metrics import Metrics
from lockstep_operator.shell.reconciler import Reconciler
from lockstep_operator.shell.recorder import Recorder
from lockstep_operator.shell.reporter import Reporter
from lockstep_operator.shell.store import Store
from lockstep_operator.shell.urgency import Urgency
from lockstep_operator.shell.writer import Writer
from operator_shell.api import Api
from operator_shell.manifests import NAMESPACE

KEY = (NAMESPACE, "churn")
ROUTE = Route(NAMESPACE, "churn", (Backend("churn-1a2b3c4d", 10000),))


class Provider:
    def __init__(self, api):
        self.calls = api.calls
        self.errors = []
        self.live = LiveRoute(port=20000)
        self.configured = None
        self.hangs = False
        self.asked, self.routed = asyncio.Event(), asyncio.Event()

    async def observe(self, namespace, name, ask=True):
        if not ask:
            return self.configured or self.live
        if self.hangs:
            self.asked.set()
            await asyncio.Event().wait()
        return self.live

    async def reconcile(self, route, live, owners):
        assert live in (self.live, self.configured)
        self.calls.append(f"route {route.deployment} {len(owners)}")
        self.routed.set()
        if self.errors:
            raise self.errors.pop(0)

    async def finalize(self, namespace, name, owners):
        self.calls.append(f"finalize {name} {len(owners)}")


class Looks:
    """An analyst that says what it is told to."""

    def __init__(self):
        self.asked, self.forgotten = [], []
        self.analysis = self.next = None

    async def look(self, key, target, recorded):
        self.asked.append((key, target, recorded))
        return self.analysis

    def next_look(self, key):
        return self.next

    def forget(self, key):
        self.forgotten.append(key)


class World:
    """A reconciler among fakes; `plans` are given out in turn, the last one for ever."""

    def __init__(self):
        self.api, self.store, self.metrics = Api(), Store(), Metrics()
        self.writer = Writer(self.api, self.store)
        self.provider, self.looks, self.urgency = Provider(self.api), Looks(), Urgency()
        self.plans = [Plan()]
        self.seen = []
        self.reconciler = Reconciler(
            store=self.store,
            writer=self.writer,
            provider=self.provider,
            analyst=self.looks,
            reporter=Reporter(self.store, self.writer, Recorder(self.api), self.metrics),
            urgency=self.urgency,
            metrics=self.metrics,
            planner=self.plan,
            defaults=Defaults("image"),
        )

    def plan(self, observed, defaults):
        self.seen.append(observed)
        plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
        return plan(observed) if callable(plan) else plan

    def have(self, manifest):
        self.store.put(self.api.seed(manifest))

    async def reconcile(self):
        return await self.reconciler.reconcile(KEY)
