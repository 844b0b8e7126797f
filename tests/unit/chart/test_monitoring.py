"""Alerts and dashboard: they parse, and ask only for metrics that somebody publishes."""

import json
import re

import promql_parser
import pytest
import yaml

from lockstep_operator.shell.metrics import Metrics
from lockstep_runtime.metrics import Metrics as RuntimeMetrics
from lockstep_runtime.telemetry.recorder import Recorder
from tests.unit.chart.helm import CHART, ROOT, documents, template

DOCS = (ROOT / "docs" / "metrics.md").read_text()
SUFFIXES = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "info": ("_info",),
}


def published(metrics):
    """Return the names of all series of some families."""
    return {
        family.name + suffix for family in metrics for suffix in SUFFIXES.get(family.type, ("",))
    }


OPERATOR = published(Metrics().registry.collect())
RUNTIME = published(RuntimeMetrics(Recorder("churn-1a2b3c4d")).collect())


@pytest.fixture
def render(tmp_path):
    def _render(*args):
        ran = template(tmp_path, *args)
        assert ran.returncode == 0, ran.stderr
        return documents(ran.stdout)

    return _render


def kinds(rendered):
    return {item["kind"] for item in rendered}


def alerts():
    groups = yaml.safe_load((CHART / "files" / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels():
    return json.loads((CHART / "files" / "dashboard.json").read_text())["panels"]


def queries():
    found = {rule["alert"]: rule["expr"] for rule in alerts()}
    for panel in panels():
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    for number, text in enumerate(re.findall(r"```promql\n(.*?)```", DOCS, re.DOTALL)):
        found[f"docs/metrics.md {number}"] = text
    return found


def selectors(expression):
    """Return all selectors of series in a parsed query."""
    if isinstance(expression, promql_parser.VectorSelector):
        return [expression]
    parts = [getattr(expression, name, None) for name in ("lhs", "rhs", "expr", "vector_selector")]
    parts += list(getattr(expression, "args", None) or [])
    return [one for part in parts if part is not None for one in selectors(part)]


def parsed(text):
    return promql_parser.parse(text.replace("$__rate_interval", "5m"))


@pytest.mark.parametrize("name", queries())
def test_every_query_asks_for_what_is_published(name):
    found = selectors(parsed(queries()[name]))
    assert found
    assert {one.name for one in found} <= OPERATOR | RUNTIME


def test_a_metric_that_nobody_publishes_would_be_found():
    [unknown] = selectors(parsed("rate(lockstep_no_such_thing[$__rate_interval]) > 0"))
    assert unknown.name not in OPERATOR | RUNTIME


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_says_what_and_what_to_do(alert):
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["description"]
    assert f"`{alert['alert']}`" in DOCS
    texts = " ".join(alert["annotations"].values())
    used = set(re.findall(r"\$labels\.(\w+)", texts))
    assert used <= {"namespace", "model_deployment", "cause"}


def test_every_metric_of_the_operator_is_documented():
    for family in Metrics().registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"`{name}`" in DOCS, name


def test_nothing_of_it_is_installed_unless_it_is_asked_for(render):
    monitoring = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "ConfigMap"}
    assert not kinds(render()) & monitoring
    rendered = render(
        "--set",
        "monitoring.enabled=true,monitoring.rules.enabled=true,monitoring.dashboard.enabled=true",
        "--set",
        "monitoring.labels.release=prom",
    )
    assert monitoring <= kinds(rendered)
    labelled = [one for one in rendered if one["kind"] in monitoring - {"ConfigMap"}]
    assert {one["metadata"]["labels"]["release"] for one in labelled} == {"prom"}


def test_the_operators_own_labels_are_kept(render):
    [monitor] = [
        one for one in render("--set", "monitoring.enabled=true") if one["kind"] == "ServiceMonitor"
    ]
    [service] = [one for one in render() if one["kind"] == "Service"]
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()


def test_rules_and_dashboard_arrive_as_they_are(render):
    rendered = render("--set", "monitoring.rules.enabled=true,monitoring.dashboard.enabled=true")
    [rule] = [one for one in rendered if one["kind"] == "PrometheusRule"]
    assert [one for group in rule["spec"]["groups"] for one in group["rules"]] == alerts()
    [board] = [one for one in rendered if one["kind"] == "ConfigMap"]
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(board["data"]["lockstep.json"])["panels"] == panels()


def test_panels_do_not_overlap_and_have_their_own_ids():
    boxes = [panel["gridPos"] for panel in panels()]
    cells = [
        (x, y)
        for box in boxes
        for x in range(box["x"], box["x"] + box["w"])
        for y in range(box["y"], box["y"] + box["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels()}) == len(boxes)
