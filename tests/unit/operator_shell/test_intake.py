import pytest

from lockstep_operator.shell.intake import Intake
from lockstep_operator.shell.store import Store
from operator_shell.manifests import NAMESPACE, build, deployment, labels, revision


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def woken():
    return []


@pytest.fixture
def intake(store, woken):
    return Intake(store, lambda key: woken.append(key[1]))


def test_an_event_wakes_its_parent(intake, woken):
    intake.take(None, deployment())
    intake.take("ADDED", revision(parent="fraud"))
    intake.take("MODIFIED", build("Pod", "p", metadata={"labels": labels("spam", "model")}))
    assert woken == ["churn", "fraud", "spam"]


def test_router_objects_wake_every_tenant_of_the_namespace(intake, store, woken):
    store.put(deployment("churn"))
    store.put(deployment("fraud"))
    store.put(deployment("far", metadata={"namespace": "other"}))
    intake.take("MODIFIED", build("Pod", "r", metadata={"labels": labels(None, "router")}))
    assert sorted(woken) == ["churn", "fraud"]


def test_our_own_writes_come_back_unnoticed(intake, store, woken):
    store.put(deployment(version=7))
    intake.take("MODIFIED", deployment(version=7))
    intake.take("MODIFIED", deployment(version=6))
    assert woken == []


def test_a_status_alone_wakes_nobody_even_before_its_answer_arrived(intake, store, woken):
    store.put(deployment(version=7, status={"a": 1}))
    intake.take("MODIFIED", deployment(version=8, status={"a": 2}))
    assert woken == []
    assert store.get("ModelDeployment", NAMESPACE, "churn")["status"] == {"a": 2}


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"replicas": 2}},
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
        {"metadata": {"labels": {"team": "a"}}},
    ],
)
def test_everything_else_about_a_deployment_wakes_it(intake, store, woken, change):
    store.put(deployment(version=7))
    intake.take("MODIFIED", deployment(version=8, **change))
    assert woken == ["churn"]


def test_the_status_of_other_kinds_counts(intake, store, woken):
    pod = {"labels": labels("churn", "model")}
    store.put(build("Pod", "p", 1, metadata=pod, status={"phase": "Pending"}))
    intake.take("MODIFIED", build("Pod", "p", 2, metadata=pod, status={"phase": "Running"}))
    assert woken == ["churn"]


def test_deletions_wake_once(intake, store, woken):
    store.put(deployment(version=7))
    intake.take("DELETED", deployment(version=8))
    intake.take("DELETED", deployment(version=8))
    assert woken == ["churn"]


def test_an_object_that_changes_hands_wakes_both(intake, store, woken):
    store.put(build("Service", "s", 1, metadata={"labels": labels("old")}))
    intake.take("MODIFIED", build("Service", "s", 2, metadata={"labels": labels("new")}))
    assert sorted(woken) == ["new", "old"]


def test_a_new_quarantine_is_told_before_its_key_is_queued(store):
    told = []

    def queue(key):
        told.append(("queued", key[1]))

    def hurry(key):
        told.append(("urgent", key[1]))

    intake = Intake(store, queue, hurry)
    store.put(revision(version=7))
    intake.take("MODIFIED", revision(version=8, spec={"quarantine": {"reason": "bad"}}))
    intake.take("MODIFIED", revision(version=9, spec={"quarantine": {"reason": "worse"}}))
    assert told == [("urgent", "churn"), ("queued", "churn"), ("queued", "churn")]


def test_a_deleted_quarantined_revision_is_not_urgent(store):
    told = []
    bad = {"spec": {"quarantine": {"reason": "bad"}}}
    store.put(revision(version=7, **bad))
    Intake(store, lambda _: None, told.append).take("DELETED", revision(version=8, **bad))
    assert told == []
