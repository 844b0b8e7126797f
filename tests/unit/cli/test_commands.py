"""The commands as a user runs them, against a few URLs of an API server."""

import json

import pytest
import yaml

from tests.unit.cli.api_stub import GROUP_ROOT, failure, write_kubeconfig
from tests.unit.cli.manifests import fresh_lease, in_canary, promoted, revision


def _router_follows(stub):
    """Do what the operator does after a quarantine."""
    path = f"{GROUP_ROOT}/modeldeployments/churn"
    stub.objects[path]["status"]["traffic"] = [
        {"revision": "churn-aaaa1111", "weight": 100, "ready": 2}
    ]


@pytest.fixture
def live(stub):
    stub.hold(*promoted())
    stub.leases = [fresh_lease()]
    stub.on_patch = _router_follows
    return stub


def test_status_in_all_forms(run, live):
    assert "churn-bbbb2222   stable   100.00 %" in run("status", "churn").out
    document = json.loads(run("status", "churn", "-o", "json").out)
    assert document["operator"]["holder"] == "operator-0"
    assert yaml.safe_load(run("status", "churn", "-o", "yaml").out)["name"] == "churn"


def test_status_without_a_name_lists_the_namespace(run, stub):
    stub.hold(*in_canary())
    other = promoted()[0]
    other["metadata"] |= {"name": "alpha"}
    stub.hold(other, [])
    ran = run("status")
    assert [line.split()[0] for line in ran.out.splitlines()] == ["NAME", "alpha", "churn"]
    assert "1/3    10.00 %" in ran.out
    lines = json.loads(run("status", "-o", "json").out)
    assert [(line["name"], line["candidate"]) for line in lines] == [
        ("alpha", None),
        ("churn", "churn-bbbb2222"),
    ]


def test_an_empty_namespace_is_said(run, stub):
    assert run("status").out == "No ModelDeployment in namespace shop.\n"


def test_watch_prints_a_document_per_change_and_ends_well(run, live, monkeypatch):
    looks = iter(["same", "same", "other", "other"])

    def between_looks(seconds):
        word = next(looks, None)
        if word is None:
            raise KeyboardInterrupt
        live.parent()["status"]["conditions"][1]["message"] = word

    monkeypatch.setattr("lockstep_cli.watching.time.sleep", between_looks)
    ran = run("status", "churn", "--watch", "-o", "yaml")
    assert ran.code == 0
    documents = list(yaml.safe_load_all(ran.out))
    said = [document["conditions"][1]["message"] for document in documents]
    assert said == ["", "same", "other"]


def test_diff_in_all_forms(run, live):
    table = run("diff", "churn", "1", "bbbb2222").out
    assert "churn-aaaa1111" in table.splitlines()[1]
    rows = json.loads(run("diff", "churn", "churn-aaaa1111", "2", "-o", "json").out)
    assert {"path", "before", "after"} == set(rows[0])
    assert rows[0]["after"] == "file:///models/churn-2.skops"
    assert run("diff", "churn", "1", "1").out == (
        "churn-aaaa1111 and churn-aaaa1111 have the same content, images and bytes.\n"
    )
    assert run("diff", "nope", "1", "2").code == 2


def test_history_outlives_its_deployment(run, stub):
    stub.hold({"metadata": {"name": "other"}}, [revision("aaaa1111", 1, role="quarantined")])
    ran = run("history", "churn", "-o", "json")
    assert ran.code == 0
    assert [row["revision"] for row in json.loads(ran.out)] == ["churn-aaaa1111"]


def test_rollback_writes_the_mark_and_explains(run, live):
    ran = run("rollback", "churn", "--yes", "--reason", "too slow")
    assert ran.code == 0, ran.err
    ((path, body),) = live.patches
    assert path.endswith("/modelrevisions/churn-bbbb2222")
    assert body["metadata"] == {"resourceVersion": "102"}
    mark = body["spec"]["quarantine"]
    assert (mark["reason"], mark["by"]) == ("too slow", "ada")
    assert "churn-bbbb2222 is quarantined and gets no traffic, churn-aaaa1111 serves, 0." in ran.out
    assert "still asks for churn-bbbb2222 (file:///models/churn-2.skops)." in ran.out
    assert "lockstep release churn churn-bbbb2222 -n shop" in ran.out


def test_rollback_for_machines(run, live):
    ran = run("rollback", "churn", "--yes", "-o", "json")
    document = json.loads(ran.out)
    assert document["quarantined"] == "churn-bbbb2222"
    assert document["fallback"] == "churn-aaaa1111"
    assert document["trafficGone"] is True
    assert document["manifestStillAsksForIt"] is True


def test_rollback_of_a_candidate_that_had_no_traffic_waits_for_the_operator(run, stub):
    parent, children = in_canary()
    parent["status"]["traffic"] = [{"revision": "churn-aaaa1111", "weight": 100, "ready": 2}]
    stub.hold(parent, children)
    stub.leases = [fresh_lease()]
    ran = run("rollback", "churn", "--yes", "--timeout", "0.3")
    assert ran.code == 1
    assert "it was not seen to take effect within 0.3 s: churn-bbbb2222: 0.00 %" in ran.out
    stub.revision("churn-bbbb2222")["spec"].pop("quarantine")
    stub.on_patch = lambda held: held.revision("churn-bbbb2222")["status"].update(
        role="quarantined"
    )
    assert run("rollback", "churn", "--yes").code == 0


def test_without_an_operator_the_mark_is_written_and_said_to_wait(run, live):
    live.leases = []
    live.on_patch = lambda held: None
    ran = run("rollback", "churn", "--yes")
    assert ran.code == 1
    assert "no operator holds the Lease 'lockstep-operator'" in ran.err
    assert "but no operator runs: nothing has moved" in ran.out
    assert len(live.patches) == 1


def test_no_wait_does_not_wait(run, live):
    live.on_patch = lambda held: None
    ran = run("rollback", "churn", "--yes", "--no-wait")
    assert ran.code == 0
    assert "the operator now moves its traffic to churn-aaaa1111" in ran.out


def test_a_changed_revision_is_read_again(run, live):
    changes = iter(["201", "202"])

    def change_first(method, path):
        version = next(changes, None) if method == "PATCH" else None
        if version:
            live.revision("churn-bbbb2222")["metadata"]["resourceVersion"] = version

    live.faults = change_first
    assert run("rollback", "churn", "--yes").code == 0
    assert len(live.patches) == 1


def test_a_lost_answer_is_not_written_twice(run, live):
    answer = live.answer

    def lose_first(method, url, body):
        given = answer(method, url, body)
        return (0, {}) if method == "PATCH" and len(live.patches) == 1 else given

    live.answer = lose_first
    assert run("rollback", "churn", "--yes").code == 0
    assert len(live.patches) == 1


def test_a_promotion_in_between_is_not_answered_with_another_rollback(run, live):
    def promote_third(method, path):
        if method == "PATCH":
            live.hold(
                live.objects[f"{GROUP_ROOT}/modeldeployments/churn"],
                [revision("cccc3333", 3, role="stable", numbers=(3,), ready=2)],
            )
            live.revision("churn-bbbb2222")["metadata"]["resourceVersion"] = "300"

    live.faults = promote_third
    ran = run("rollback", "churn", "--yes")
    assert ran.code == 2
    assert "this would now quarantine churn-cccc3333" in ran.err
    assert "nothing was changed" in ran.err
    assert not live.patches


def test_the_kubeconfigs_user_when_the_server_does_not_tell(run, live):
    live.user = None
    run("rollback", "churn", "--yes")
    assert live.patches[0][1]["spec"]["quarantine"]["by"] == "kubeconfig-ada"


def test_a_busy_server_is_asked_again(run, live):
    answers = iter([failure(429, "TooManyRequests", "slow down"), (0, {})])
    live.faults = lambda method, path: next(answers, None)
    assert run("status", "churn").code == 0


def test_leases_that_may_not_be_read_are_no_error(run, live):
    live.leases = None
    ran = run("status", "churn", "-o", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["operator"]["state"] == "unknown"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["status", "nope"], 'error: modeldeployments "nope" not found'),
        (["history", "nope"], 'error: modeldeployments "nope" not found'),
        (["rollback", "nope", "--yes"], 'error: modeldeployments "nope" not found'),
        (["rollback", "churn"], "error: this asks before it acts: pass --yes"),
        (["rollback", "churn", "--yes", "--reason", " "], "error: --reason must have 1 to 1024"),
        (["status", ""], "error: '' is not a name in Kubernetes"),
        (["status", "../churn"], "error: '../churn' is not a name in Kubernetes"),
        (["status", "churn", "-n", ""], "error: '' is not a name in Kubernetes"),
        (["history"], "error: Missing argument 'name'"),
        (["status", "churn", "-o", "xml"], "error: Invalid value for '--output'"),
        (["status", "churn", "--kubeconfig", "missing"], "error: no kubeconfig at missing"),
        (["status", "churn", "--context", "other"], "error: the kubeconfig is not usable"),
        (["nonsense"], "error: No such command 'nonsense'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, live, args, line):
    ran = run(*args)
    assert ran.code == 2
    assert ran.err.startswith(line)
    assert ran.err.count("\n") == 1
    assert not ran.out


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (failure(403, "Forbidden", 'user "ada" cannot get'), 'error: user "ada" cannot get\n'),
        (
            failure(401, "Unauthorized", "Unauthorized"),
            "error: the cluster does not accept the credentials of this kubeconfig\n",
        ),
        (
            (404, {}),
            "error: this cluster does not know Lockstep: install its CRDs and its operator first\n",
        ),
        (failure(422, "Invalid", "spec.x: too long"), "error: spec.x: too long\n"),
    ],
)
def test_refusals_of_the_api_server_are_its_own_sentence(run, live, answer, line):
    live.faults = lambda method, path: answer
    ran = run("status", "churn")
    assert (ran.code, ran.err) == (2, line)


def test_nobody_there(run, tmp_path):
    write_kubeconfig(tmp_path / "dead", "http://127.0.0.1:9")
    ran = run("status", "churn", "--kubeconfig", str(tmp_path / "dead"))
    assert ran.code == 2
    assert ran.err == (
        "error: cannot reach the cluster at http://127.0.0.1:9: Connection refused\n"
    )


def test_a_kubeconfig_variable_that_names_nothing(run, tmp_path, monkeypatch):
    nowhere = str(tmp_path / "nowhere")
    monkeypatch.setenv("KUBECONFIG", nowhere)
    monkeypatch.setattr("kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION", nowhere)
    ran = run("status", "churn")
    assert (ran.code, ran.err) == (
        2,
        f"error: KUBECONFIG names no file that exists: {nowhere}\n",
    )


def test_a_kubeconfig_that_is_none(run, tmp_path):
    (tmp_path / "broken").write_text("{", encoding="utf-8")
    ran = run("status", "churn", "--kubeconfig", str(tmp_path / "broken"))
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
