from pathlib import Path

import pytest

from lockstep_operator.settings import parse_settings


def test_defaults():
    settings = parse_settings([], {})
    assert settings.port == 8080
    assert settings.workers == 4
    assert settings.resync == 300.0
    assert settings.pod_access == "auto"
    assert settings.namespace is None
    assert settings.service_account_dir.is_absolute()


def test_flags_before_environment_before_defaults():
    environ = {"LOCKSTEP_WORKERS": "9", "LOCKSTEP_PORT": "81", "LOCKSTEP_HOST": ""}
    settings = parse_settings(["--workers", "7"], environ)
    assert (settings.workers, settings.port, settings.host) == (7, 81, "127.0.0.1")


def test_every_flag_has_its_variable():
    environ = {
        "LOCKSTEP_NAMESPACE": "ns",
        "LOCKSTEP_LEASE_NAME": "lease",
        "LOCKSTEP_RUNTIME_IMAGE": "r:1",
        "LOCKSTEP_ROUTER_IMAGE": "e:1",
        "LOCKSTEP_ROUTER_REPLICAS": "3",
        "LOCKSTEP_LOG_FORMAT": "text",
        "LOCKSTEP_LOG_LEVEL": "debug",
        "LOCKSTEP_KUBECONFIG": "/k",
        "LOCKSTEP_CONTEXT": "c",
        "LOCKSTEP_SERVICE_ACCOUNT_DIR": "/sa",
        "LOCKSTEP_POD_ACCESS": "direct",
        "LOCKSTEP_RESYNC": "60",
        "LOCKSTEP_PROMETHEUS_ADDRESS": "https://prometheus:9090",
        "POD_NAME": "pod-1",
        "POD_UID": "uid-1",
    }
    settings = parse_settings([], environ)
    assert settings.namespace == "ns"
    assert settings.router_replicas == 3
    assert settings.prometheus_address == "https://prometheus:9090"
    assert settings.service_account_dir == Path("/sa")
    assert (settings.pod_access, settings.resync) == ("direct", 60.0)
    assert (settings.pod_name, settings.pod_uid) == ("pod-1", "uid-1")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"POD_NAMESPACE": "pod"}, "pod"),
        ({"POD_NAMESPACE": "pod", "LOCKSTEP_NAMESPACE": "set"}, "set"),
    ],
)
def test_the_namespace_of_the_pod_is_the_default(environ, expected):
    assert parse_settings([], environ).namespace == expected


@pytest.mark.parametrize(
    ("arguments", "environ", "word"),
    [
        (["--workers", "0"], {}, "--workers"),
        (["--port", "http"], {}, "--port"),
        (["--resync", "never"], {}, "--resync"),
        ([], {"LOCKSTEP_LOG_FORMAT": "xml"}, "--log-format"),
        ([], {"LOCKSTEP_ROUTER_REPLICAS": "-1"}, "--router-replicas"),
        (["--prometheus-address", "prometheus:9090"], {}, "--prometheus-address"),
        (["--prometheus-address", "http://me:secret@prometheus"], {}, "--prometheus-address"),
        (["--nonsense"], {}, "--nonsense"),
    ],
)
def test_bad_settings_are_one_line_and_status_two(arguments, environ, word, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_settings(arguments, environ)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("lockstep-operator: error: ")
    assert word in line
