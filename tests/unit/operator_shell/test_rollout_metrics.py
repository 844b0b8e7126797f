"""What is published of a ModelDeployment, and that nothing outlives it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lockstep_operator.api.gates import Analysis, GateStatus
from lockstep_operator.core.plan import Observed, Plan
from lockstep_operator.core.routing import LiveRoute
from lockstep_operator.shell.metrics import Metrics
from operator_shell.manifests import deployment, revision

KEY = ("shop", "churn")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWN = {"namespace": "shop", "model_deployment": "churn"}
MARK = {"reason": "bad", "by": "ann", "time": "2026-01-01T12:00:00Z"}


def observed(*revisions, analysis=None, now=NOW, **route):
    return Observed(
        deployment=deployment(),
        revisions=revisions,
        children={},
        pods=(),
        route=LiveRoute(**{"applied": True, **route}),
        now=now,
        analysis=analysis,
    )


def marked(name="churn-b", **mark):
    return revision(name, spec={"quarantine": MARK | mark})


def promoted(name, *numbers, rollback_of=()):
    told = [{"number": number} for number in numbers]
    told[-1] |= {"rollbackOf": list(rollback_of)} if rollback_of else {}
    return revision(name, spec={"promotions": told})


class World:
    def __init__(self):
        self.metrics = Metrics()

    def see(self, seen, **status):
        self.metrics.rollouts.report(KEY, seen, Plan(status=status))

    def value(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, OWN | labels)

    def rollbacks(self, cause):
        return self.value("lockstep_rollbacks_total", cause=cause)

    def times(self):
        return self.metrics.registry.get_sample_value("lockstep_rollback_seconds_count")


@pytest.fixture
def world():
    return World()


def test_shows_where_a_rollout_stands(world):
    until = (NOW + timedelta(seconds=90)).isoformat()
    rollout = {"phase": "Progressing", "step": 1, "steps": 3, "holdUntil": until}
    world.see(observed(), rollout=rollout)
    assert world.value("lockstep_rollout_step") == 1
    assert world.value("lockstep_rollout_steps") == 3
    assert world.value("lockstep_rollout_hold_seconds_left") == 90
    assert world.value("lockstep_rollout_phase", phase="Progressing") == 1
    world.see(observed(), rollout=rollout | {"phase": "Inconclusive", "holdUntil": None})
    assert world.value("lockstep_rollout_phase", phase="Progressing") is None
    assert world.value("lockstep_rollout_phase", phase="Inconclusive") == 1
    assert world.value("lockstep_rollout_hold_seconds_left") == 0
    world.see(observed())
    assert world.value("lockstep_rollout_step") is None
    assert world.value("lockstep_rollout_phase", phase="Inconclusive") is None


def test_shows_what_the_gates_found(world):
    gate = GateStatus(
        name="errors",
        metric="errorRate",
        verdict="fail",
        value=0.2,
        limit=0.01,
        samples=640,
        evidence=1.5,
    )
    analysis = Analysis(step=1, since="2026-01-01T00:00:00Z", gates=[gate])
    world.see(observed(analysis=analysis))
    assert world.value("lockstep_gate_verdict", gate="errors", verdict="fail") == 1
    assert world.value("lockstep_gate_verdict", gate="errors", verdict="pass") == 0
    assert world.value("lockstep_gate_value", gate="errors") == 0.2
    assert world.value("lockstep_gate_limit", gate="errors") == 0.01
    assert world.value("lockstep_gate_samples", gate="errors") == 640
    assert world.value("lockstep_gate_evidence", gate="errors") == 1.5
    assert world.value("lockstep_gate_stable_value", gate="errors") is None
    world.see(observed())
    assert world.value("lockstep_gate_verdict", gate="errors", verdict="fail") is None


def test_shows_why_it_is_not_ready_and_a_router_that_refuses(world):
    ready = {"type": "Ready", "status": "False", "reason": "SpecQuarantined"}
    world.see(observed(marked(), rejected="router pod r refuses"), conditions=[ready])
    assert world.value("lockstep_condition", type="Ready") == 0
    assert world.value("lockstep_not_ready_reason", reason="SpecQuarantined") == 1
    assert world.value("lockstep_router_rejected") == 1
    assert world.value("lockstep_quarantined_revisions") == 1
    world.see(observed(), conditions=[ready | {"status": "True"}])
    assert world.value("lockstep_condition", type="Ready") == 1
    assert world.value("lockstep_not_ready_reason", reason="SpecQuarantined") is None
    assert world.value("lockstep_router_rejected") == 0


def test_a_rollback_is_counted_once_and_measured_when_the_router_is_without(world):
    serving = {"churn-b": 1000}
    world.see(observed(revision("churn-b"), weights=serving))
    world.see(observed(marked(), weights=serving))
    world.see(observed(marked(), weights={"churn-b": 0}, applied=False))
    assert (world.rollbacks("person"), world.times()) == (1, 0)
    later = NOW + timedelta(seconds=1.4)
    for _ in range(2):
        world.see(observed(marked(), weights={"churn-b": 0}, now=later))
    assert (world.rollbacks("person"), world.times()) == (1, 1)
    total = world.metrics.registry.get_sample_value("lockstep_rollback_seconds_sum")
    assert total == pytest.approx(1.4)


def test_causes_are_told_apart(world):
    world.see(observed(revision("churn-b"), revision("churn-c")))
    by_gate = {"by": "lockstep-operator", "reason": "gate errorRate failed: 0.2 over 0.1"}
    world.see(observed(marked("churn-b", **by_gate), marked("churn-c")))
    assert (world.rollbacks("gate"), world.rollbacks("person")) == (1, 1)


def test_old_quarantines_are_no_news_to_a_new_operator_but_one_under_way_is(world):
    world.see(observed(marked("churn-old"), marked("churn-b"), weights={"churn-b": 500}))
    assert world.rollbacks("person") == 1


def test_a_released_revision_is_counted_again_when_it_is_quarantined_again(world):
    world.see(observed(revision("churn-b")))
    world.see(observed(marked(), weights={"churn-b": 1}))
    world.see(observed(revision("churn-b"), weights={"churn-b": 1}))
    assert world.times() == 0
    world.see(observed(marked()))
    assert world.rollbacks("person") == 2


def test_promotions_and_reverts(world):
    first = promoted("churn-a", 1)
    world.see(observed(first))
    assert world.value("lockstep_promotions_total") == 0
    world.see(observed(first, promoted("churn-b", 2)))
    assert world.value("lockstep_promotions_total") == 1
    world.see(observed(promoted("churn-a", 1, 3), promoted("churn-b", 2)))
    assert world.value("lockstep_promotions_total") == 1
    assert world.rollbacks("revert") == 1
    back = promoted("churn-a", 1, 3, 4, rollback_of=["churn-b"])
    world.see(observed(back, promoted("churn-b", 2)))
    assert world.rollbacks("revert") == 1


def test_nothing_outlives_its_model_deployment(world):
    gate = GateStatus(name="errors", metric="errorRate", verdict="pass", value=0.2)
    seen = observed(
        revision("churn-b"), analysis=Analysis(step=1, since="2026-01-01T00:00:00Z", gates=[gate])
    )
    rollout = {"phase": "Progressing", "step": 1, "steps": 3}
    ready = {"type": "Ready", "status": "False", "reason": "RollingOut"}
    world.see(seen, rollout=rollout, conditions=[ready])
    world.see(replace(seen, revisions=(marked(), promoted("churn-a", 1))), rollout=rollout)
    assert b"churn" in world.metrics.exposition()
    world.metrics.rollouts.forget(KEY)
    assert b"churn" not in world.metrics.exposition()


def test_a_rollback_that_no_scrape_saw_the_counter_without_can_be_told(world):
    """The alerts ask when a counter began: one that begins with 1 shows no increase."""
    world.see(observed(marked(), weights={"churn-b": 100}))
    assert world.rollbacks("gate") + world.rollbacks("person") == 1
    assert world.value("lockstep_rollbacks_created", cause="person") is not None
    registry = world.metrics.registry
    assert registry.get_sample_value("lockstep_rollback_seconds_created") is not None
