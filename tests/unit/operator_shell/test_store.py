from lockstep_operator.shell.store import Store
from operator_shell.manifests import NAMESPACE, build, deployment, labels, revision


def names(manifests):
    return [one["metadata"]["name"] for one in manifests]


def test_keeps_the_newest_whatever_the_order():
    store = Store()
    assert store.put(deployment(version=5))
    assert not store.put(deployment(version=4))
    assert not store.put(deployment(version=5))
    assert store.put(deployment(version=10))
    assert store.get("ModelDeployment", NAMESPACE, "churn")["metadata"]["resourceVersion"] == "10"


def test_late_news_of_a_deleted_object_are_dropped():
    store = Store()
    store.put(deployment(version=5))
    assert store.remove(deployment(version=8))
    assert not store.put(deployment(version=7))
    assert store.get("ModelDeployment", NAMESPACE, "churn") is None


def test_an_object_that_only_left_the_selection_may_come_back():
    store = Store()
    service = build("Service", "a", 3, metadata={"labels": labels()})
    store.put(service)
    store.remove(build("Service", "a", 4))
    assert store.put(build("Service", "a", 5, metadata={"labels": labels()}))


def test_a_late_deletion_does_not_hit_the_successor():
    store = Store()
    store.put(deployment(version=9, uid="new"))
    assert not store.remove(deployment(version=8, uid="old"))
    assert store.get("ModelDeployment", NAMESPACE, "churn")["metadata"]["uid"] == "new"


def test_selects_by_namespace_and_all_labels():
    store = Store()
    store.put(build("Pod", "b", metadata={"labels": labels("churn", "model")}))
    store.put(build("Pod", "a", metadata={"labels": labels("churn", "model")}))
    store.put(build("Pod", "c", metadata={"labels": labels("churn", "router")}))
    store.put(build("Pod", "d", metadata={"labels": labels(), "namespace": "other"}))
    key, component = "serving.lockstep.dev/model-deployment", "app.kubernetes.io/component"
    assert names(store.select("Pod", NAMESPACE, {key: "churn", component: "model"})) == ["a", "b"]
    assert names(store.select("Pod", NAMESPACE)) == ["a", "b", "c"]
    assert store.select("Pod", NAMESPACE, {key: "other"}) == []


def test_the_index_follows_changed_labels():
    store = Store()
    store.put(build("Pod", "a", 1, metadata={"labels": {"x": "1"}}))
    store.put(build("Pod", "a", 2, metadata={"labels": {"x": "2"}}))
    assert store.select("Pod", NAMESPACE, {"x": "1"}) == []
    assert names(store.select("Pod", NAMESPACE, {"x": "2"})) == ["a"]


def test_finds_revisions_by_their_spec_after_a_restore_without_labels():
    store = Store()
    store.put(revision())
    key = "serving.lockstep.dev/model-deployment"
    assert names(store.select("ModelRevision", NAMESPACE, {key: "churn"})) == ["churn-1a2b3c4d"]


def test_a_list_removes_what_is_absent_and_spares_what_is_newer():
    store = Store()
    for name, version in (("gone", 3), ("changed", 4), ("written-meanwhile", 12)):
        store.put(build("Pod", name, version))
    news = store.replace("Pod", [build("Pod", "changed", 9), build("Pod", "new", 8)], 10)
    assert sorted(names(news)) == ["changed", "gone", "new"]
    assert sorted(names(store.every("Pod"))) == ["changed", "new", "written-meanwhile"]


def test_does_not_keep_managed_fields_nor_change_what_it_was_given():
    store = Store()
    given = deployment(metadata={"managedFields": [{"manager": "kubectl"}]})
    store.put(given)
    assert "managedFields" not in store.get("ModelDeployment", NAMESPACE, "churn")["metadata"]
    assert "managedFields" in given["metadata"]
