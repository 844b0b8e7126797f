"""Whatever happens in whatever order: the promises of the rollout hold.

Length: one state machine, with its rules and its invariants.
"""

import dataclasses
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lockstep_operator.core.planner import make_plan
from operator_core.test_obstacles import HOSTILE
from operator_core.world import DEFAULTS, World, deployment

URIS = [f"http://models/v{number}" for number in range(1, 5)]
GATES = [
    [],
    [{"metric": "errorRate"}, {"metric": "goldenRequests"}],
    [{"metric": "shadowDisagreement", "max": 0.1}],
]
VERDICTS = ["pass", "pass", "inconclusive", "fail"]
STEPS = [
    [],
    [{"weight": 10, "hold": "1m"}],
    [{"weight": 0, "hold": "10s"}, {"weight": 0.01, "hold": "1m"}, {"weight": 100, "hold": "5s"}],
    [{"weight": 25, "hold": "1m"}, {"weight": 25, "approval": True}, {"weight": 60.5}],
]


def without_status(manifest: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key != "status"}


class Rollouts(RuleBasedStateMachine):
    """Random manifests, quarantines, failures, crashes, lost status and clock jumps."""

    world: World

    @initialize(
        steps=st.sampled_from(STEPS),
        gates=st.sampled_from(GATES),
        keep_warm=st.sampled_from(["0s", "1m", "1h"]),
        strategy=st.sampled_from(["Canary", "Canary", "Canary", "Replace"]),
    )
    def start(self, steps: list[Any], gates: list[Any], keep_warm: str, strategy: str) -> None:
        rollout = {"keepWarm": keep_warm, "revisionHistoryLimit": 2, "strategy": strategy}
        rollout |= {"steps": steps, "gates": gates, "analysisDeadline": "30m"}
        self.world = World(md=deployment(rollout=rollout, traffic={"mirror": 5}))
        self.had_stable = False

    @rule(
        gate=st.sampled_from(["errorRate", "goldenRequests", "shadowDisagreement"]), data=st.data()
    )
    def judge(self, gate: str, data: st.DataObject) -> None:
        self.world.verdicts[gate] = data.draw(st.sampled_from(VERDICTS))

    @rule(
        order=st.sampled_from(["paused", "aborted", "promote", "approvals", None]), data=st.data()
    )
    @precondition(lambda self: self.world.revisions)
    def order(self, order: str | None, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.world.revisions)))
        if order is None:
            self.world.revisions[name]["spec"].pop("rollout", None)
            self.world.order(name)
        else:
            step = [{"step": data.draw(st.integers(1, 3)), "time": self.world.now.isoformat()}]
            self.world.order(name, **{order: step if order == "approvals" else {"by": "eve"}})

    @rule(data=st.data())
    @precondition(lambda self: self.world.revisions)
    def restore(self, data: st.DataObject) -> None:
        names = st.sampled_from(sorted(self.world.revisions))
        target = data.draw(names)
        if "restore" in self.world.revisions[target]["spec"]:
            del self.world.revisions[target]["spec"]["restore"]
        else:
            self.world.restore(target, *data.draw(st.lists(names, unique=True, max_size=2)))

    @rule(data=st.data())
    @precondition(lambda self: self.world.revisions)
    def break_or_mend(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.world.revisions)))
        if self.world.broken.pop(name, None) is None:
            self.world.broken[name] = "broken"

    @rule(uri=st.sampled_from(URIS))
    def apply_manifest(self, uri: str) -> None:
        self.world.change(uri)

    @rule(runtime=st.sampled_from([{}, *HOSTILE]))
    def edit_runtime(self, runtime: dict[str, object]) -> None:
        self.world.md["spec"]["runtime"] = runtime

    @rule(replicas=st.integers(1, 5))
    def scale(self, replicas: int) -> None:
        self.world.md["spec"]["replicas"] = replicas

    @rule(strategy=st.sampled_from(["Canary", "Replace"]))
    def edit_strategy(self, strategy: str) -> None:
        self.world.md["spec"]["rollout"]["strategy"] = strategy

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        self.world.md["spec"]["paused"] = paused

    @rule(seconds=st.sampled_from([0, 1, 30, 61, 4000, -30]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)

    @rule()
    def reconcile(self) -> None:
        self.world.reconcile()

    @rule()
    def settle(self) -> None:
        self.world.turn()
        self.world.settle()

    @rule(hours=st.sampled_from([0.1, 3]))
    def roll_out(self, hours: float) -> None:
        for _ in range(4):
            self.world.turn()
            self.world.settle()
            self.world.now += timedelta(minutes=2)
        self.world.now += timedelta(hours=hours)

    @rule()
    def routers_catch_up(self) -> None:
        self.world.turn()

    @rule(up=st.booleans())
    def router_reachable(self, up: bool) -> None:
        self.world.router_moves = up
        if not up:
            self.world.live = dataclasses.replace(self.world.live, applied=False, healthy={})

    @rule(up=st.booleans())
    def pods_start(self, up: bool) -> None:
        self.world.pods_start = up

    @rule(data=st.data())
    @precondition(lambda self: self.world.revisions)
    def mark(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.world.revisions)))
        if "quarantine" in self.world.revisions[name]["spec"]:
            self.world.release(name)
        else:
            self.world.quarantine(name)

    @rule()
    def lose_status(self) -> None:
        self.world.md.pop("status", None)
        for revision in self.world.revisions.values():
            revision.pop("status", None)

    @rule()
    def lose_workloads(self) -> None:
        self.world.children.clear()

    @rule()
    def crash_after_creates(self) -> None:
        """The operator dies after its first write: the rest of the plan is never carried out."""
        plan = self.world.plan()
        self.world.carry_out(
            dataclasses.replace(plan, children=(), route=None, patches=(), prune=())
        )

    @rule()
    def crash_before_route(self) -> None:
        plan = self.world.plan()
        self.world.carry_out(dataclasses.replace(plan, route=None, patches=(), prune=()))

    @rule()
    def crash_after_route(self) -> None:
        plan = self.world.plan()
        status = self.world.md.get("status")
        self.world.carry_out(dataclasses.replace(plan, patches=(), prune=()))
        self.world.md["status"] = status or {}

    @invariant()
    def next_pass_is_safe(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        plan = world.plan()
        if plan.route is None:
            assert not world.revisions, "only what never served has no route"
            return
        weights = {backend.revision: backend.weight for backend in plan.route.backends}
        assert sum(weights.values()) in (0, 10_000)
        quarantined = {
            name for name, one in world.revisions.items() if one["spec"].get("quarantine")
        }
        assert not any(weights.get(name) for name in quarantined)
        if weights != dict(world.live.weights):
            assert plan.requeue_after is not None, "nobody would look at the router again"
        raised = [name for name, weight in weights.items() if weight > world.weights().get(name, 0)]
        assert all(name in world.live.weights for name in raised), "weight before cluster"
        ready = world.ready()
        # The first revision of all has to answer its golden requests again after it lost its pods.
        serves = plan.status.get("stableRevision") or any(map(ready.get, world.weights()))
        full = sum(world.weights().values()) == 10_000
        # Who aborts the first revision of all takes it down: there is no other.
        first = not plan.status.get("stableRevision")
        aborted = {
            name
            for name, one in world.revisions.items()
            if first and "aborted" in one["spec"].get("rollout", {})
        }
        if serves and full and world.weights().keys() - quarantined - aborted:
            assert sum(weights.values()) == 10_000 or quarantined & world.weights().keys()
        if not quarantined & world.weights().keys():
            assert all(ready.get(name) for name in raised), "weight on a revision without pods"
        for taker in (plan.route.candidate, plan.route.mirror and plan.route.mirror.revision):
            assert taker not in quarantined
            assert taker is None or world.ready().get(taker), "copies for a revision without pods"

    @invariant()
    def lost_evidence_never_advances(self) -> None:
        """The same plan without status and verdicts goes no further, but for a person's order."""
        if not hasattr(self, "world") or not self.world.revisions:
            return
        told = self.world.observed()
        forgetful = dataclasses.replace(
            told,
            deployment=without_status(told.deployment),
            revisions=tuple(without_status(one) for one in told.revisions),
            analysis=None,
        )
        kept, lost = make_plan(told, DEFAULTS), make_plan(forgetful, DEFAULTS)
        if kept.route is None or lost.route is None:
            return
        specs = {name: one["spec"] for name, one in self.world.revisions.items()}
        ordered = {name for name in specs if "restore" in specs[name]}
        ordered |= {name for name in specs if "promote" in specs[name].get("rollout", {})}
        free = {kept.status.get("stableRevision"), *ordered}
        now = self.world.weights()
        before = {one.revision: one.weight for one in kept.route.backends}
        for one in lost.route.backends:
            known = max(before.get(one.revision, 0), now.get(one.revision, 0))
            assert one.revision in free or one.weight <= known
        promoted = {one.name for one in kept.patches if "promotions" in one.body.get("spec", {})}
        for patch in lost.patches:
            promotes = "promotions" in patch.body.get("spec", {})
            assert not promotes or patch.name in promoted | ordered

    @invariant()
    def stable_exists_once_there_was_one(self) -> None:
        if not hasattr(self, "world"):
            return
        standing = [
            one
            for one in self.world.revisions.values()
            if any(not item.get("revoked") for item in one["spec"].get("promotions", []))
        ]
        quarantined = [one for one in self.world.revisions.values() if "quarantine" in one["spec"]]
        self.had_stable = self.had_stable or bool(standing)
        assert not self.had_stable or standing or quarantined or self._all_released()

    def _all_released(self) -> bool:
        """Every promoted revision was quarantined once, and its promotions were taken back."""
        revisions = self.world.revisions.values()
        return any(item.get("revoked") for one in revisions for item in one["spec"]["promotions"])

    def teardown(self) -> None:
        """Left in peace, every story ends with one revision that carries everything."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.pods_start = world.router_moves = True
        world.md["spec"]["paused"] = False
        world.md["spec"].pop("runtime", None)
        world.broken.clear()
        world.verdicts = dict.fromkeys(
            ["errorRate", "goldenRequests", "shadowDisagreement"], "pass"
        )
        for one in world.revisions.values():
            one["spec"].pop("rollout", None)
            one["spec"].pop("restore", None)
        for _ in range(6):
            world.turn()
            world.settle()
            if candidate := world.md["status"].get("candidateRevision"):
                world.order(candidate, approvals=[{"step": step} for step in (1, 2, 3)])
            world.tick(hours=2)
        desired = world.md["spec"]["model"]["uri"]
        asked = [
            one
            for one in world.revisions.values()
            if one["spec"]["content"]["model"]["uri"] == desired
        ]
        assert len(asked) == 1
        if "quarantine" not in asked[0]["spec"]:
            assert world.weights() == {asked[0]["metadata"]["name"]: 10_000}
            assert world.condition("Ready")[0] == "True"
        else:
            assert world.condition("Ready") == ("False", "SpecQuarantined")


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(
    max_examples=80, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
