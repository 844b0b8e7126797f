"""The chart, rendered by a real Helm."""

import pytest
import yaml

from tests.unit.chart.helm import CHART, ROOT, documents, template


@pytest.fixture
def render(tmp_path):
    def _render(*args):
        ran = template(tmp_path, *args)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return _render


@pytest.fixture
def refused(tmp_path):
    def _refused(*args):
        ran = template(tmp_path, *args)
        assert ran.returncode != 0, "the schema let it pass"
        return ran.stderr

    return _refused


def _named(rendered, kind, name="lockstep"):
    found = [
        item
        for item in documents(rendered)
        if item["kind"] == kind and item["metadata"]["name"] == name
    ]
    assert len(found) == 1
    return found[0]


def _container(rendered):
    (container,) = _named(rendered, "Deployment")["spec"]["template"]["spec"]["containers"]
    return container


def test_the_defaults_render_to_the_golden_file(render, golden):
    golden("chart/default.yaml", render("--include-crds=false"))


def test_the_crds_are_those_of_the_api_types(render):
    for name in ("modeldeployments.yaml", "modelrevisions.yaml"):
        assert (CHART / "crds" / name).read_text() == (ROOT / "crds" / name).read_text()
    kinds = [item["kind"] for item in documents(render("--include-crds"))]
    assert kinds.count("CustomResourceDefinition") == 2


def test_rights_are_spelled_out_and_no_secret_is_read(render):
    rendered = render("--set", "operator.podAccess=proxy")
    roles = [item for item in documents(rendered) if item["kind"] in ("ClusterRole", "Role")]
    assert len(roles) == 4
    for rule in [rule for role in roles for rule in role["rules"]]:
        for field in ("apiGroups", "resources", "verbs"):
            assert rule[field], field
            assert "*" not in "".join(rule[field])
        assert "secrets" not in rule["resources"]
        assert not {"escalate", "bind", "impersonate", "deletecollection"} & set(rule["verbs"])


def test_pods_are_proxied_only_where_that_was_asked_for(render):
    def resources(*args):
        role = _named(render(*args), "ClusterRole")
        return {name for rule in role["rules"] for name in rule["resources"]}

    assert "pods/proxy" not in resources()
    assert "pods/proxy" in resources("--set", "operator.podAccess=proxy")


def _verbs(rendered, resource):
    role = _named(rendered, "ClusterRole")
    return {
        verb for rule in role["rules"] if resource in rule["resources"] for verb in rule["verbs"]
    }


def test_golden_requests_can_be_posted_where_pods_are_proxied(render):
    rendered = render("--set", "operator.podAccess=proxy")
    assert _verbs(rendered, "pods/proxy") == {"get", "create"}


def test_router_pods_that_hang_can_be_replaced(render):
    assert _verbs(render(), "pods") == {"get", "list", "watch", "patch", "delete"}


def test_secrets_can_only_be_got_and_only_where_that_was_asked_for(render):
    assert _verbs(render("--set", "gates.readSecrets=true"), "secrets") == {"get"}


def test_the_operator_is_told_where_prometheus_is(render):
    rendered = render("--set", "gates.prometheusAddress=http://prometheus.monitoring:9090")
    settings = pytest.importorskip("lockstep_operator.settings")
    parsed = settings.parse_settings(_container(rendered)["args"], {"POD_NAMESPACE": "x"})
    assert parsed.prometheus_address == "http://prometheus.monitoring:9090"


def test_the_lease_is_the_only_one_it_may_touch(render):
    create, use = _named(render(), "Role")["rules"]
    assert create["verbs"] == ["create"]
    assert use["resourceNames"] == ["lockstep-operator"]


def test_variables_of_services_are_not_taken_for_settings(render):
    """The chart's own Service, called lockstep, would set LOCKSTEP_PORT to an address."""
    pod = _named(render(), "Deployment")["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False


def test_the_pod_is_hardened_and_finds_its_token(render):
    rendered = render()
    pod = _named(rendered, "Deployment")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert _container(rendered)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    env = {entry["name"]: entry for entry in _container(rendered)["env"]}
    assert env["LOCKSTEP_SERVICE_ACCOUNT_DIR"]["value"].endswith("/serviceaccount")


def test_the_operator_takes_every_argument_of_the_chart(render):
    settings = pytest.importorskip("lockstep_operator.settings")
    parsed = settings.parse_settings(_container(render())["args"], {"POD_NAMESPACE": "x"})
    assert parsed.pod_access == "direct"
    assert parsed.host == "0.0.0.0"
    assert parsed.runtime_image == "lockstep/runtime:0.1.0"


def test_bound_to_the_account_that_runs_it(render):
    rendered = render("--set", "serviceAccount.name=mine")
    pod = _named(rendered, "Deployment")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "mine"
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        (subject,) = _named(rendered, kind)["subjects"]
        assert (subject["name"], subject["namespace"]) == ("mine", "lockstep-system")


def test_values_reach_the_pod(render, tmp_path):
    values = {
        "image": {"repository": "registry.internal/lockstep", "tag": "9"},
        "imagePullSecrets": [{"name": "pull"}],
        "resources": {"limits": {"cpu": 2}},
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"operator": "Exists"}],
    }
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    rendered = render("--values", str(file))
    pod = _named(rendered, "Deployment")["spec"]["template"]["spec"]
    assert _container(rendered)["image"] == "registry.internal/lockstep:9"
    assert _container(rendered)["resources"]["limits"]["cpu"] == 2
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert pod["nodeSelector"] == {"pool": "system"}
    assert pod["tolerations"] == [{"operator": "Exists"}]


def test_roles_for_people_can_be_left_out(render):
    names = [
        item["metadata"]["name"] for item in documents(render("--set", "rbac.aggregate=false"))
    ]
    assert "lockstep-edit" not in names


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (["--set", "replica=2"], "replica"),
        (["--set", "replicas=0"], "/replicas"),
        (["--set-string", "replicas=2"], "/replicas"),
        (["--set", "image.pullPolicy=Sometimes"], "/image/pullPolicy"),
        (["--set", "image.repository="], "/image/repository"),
        (["--set", "operator.podAccess=auto"], "/operator/podAccess"),
        (["--set", "operator.log.level=loud"], "/operator/log/level"),
        (["--set", "router.replicas=many"], "/router/replicas"),
        (["--set", "service.port=70000"], "/service/port"),
        (["--set", "gates.prometheusAddress=prometheus:9090"], "/gates/prometheusAddress"),
        (["--set-string", "gates.readSecrets=yes"], "/gates/readSecrets"),
        (["--set", "monitoring.interval=often"], "/monitoring/interval"),
        (["--set", "monitoring.rule.enabled=true"], "rule"),
        (["--set", "imagePullSecrets[0]=pull"], "/imagePullSecrets/0"),
    ],
)
def test_the_schema_refuses_and_names_the_field(refused, args, field):
    assert field in refused(*args).replace(".", "/")
