"""`lockstep sandbox` short of starting one, which the integration tests do."""

import sys
from importlib.metadata import PackageNotFoundError

import yaml

from lockstep_cli.sandbox_images import write_images


def test_our_images_are_this_installation(tmp_path):
    entries = yaml.safe_load(write_images(tmp_path).read_text(encoding="utf-8"))
    assert [(entry["match"], entry["entrypoint"]) for entry in entries] == [
        ("lockstep/operator:*", ["lockstep-operator"]),
        ("lockstep/runtime:*", ["lockstep-runtime"]),
    ]
    assert entries[0]["path"] == [f"{sys.prefix}/bin"]


def test_status_and_down_where_there_is_none(run, tmp_path):
    ran = run("sandbox", "status", "--dir", str(tmp_path))
    assert (ran.code, ran.err) == (2, f"error: no sandbox is up in {tmp_path}\n")
    ran = run("sandbox", "down", "--dir", str(tmp_path))
    assert (ran.code, ran.out) == (0, f"no sandbox is up in {tmp_path}\n")


def test_without_the_extra_it_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lockstep_sandbox", None)
    ran = run("sandbox", "up", "--dir", str(tmp_path))
    assert ran.code == 2
    assert "the extra 'sandbox' is not installed (lockstep_sandbox is missing)" in ran.err
    assert "pip install" in ran.err


def test_a_package_of_the_extra_that_is_missing_is_named(run, tmp_path, monkeypatch):
    def without_dnslib(name):
        if name == "dnslib":
            raise PackageNotFoundError(name)

    monkeypatch.setattr("lockstep_cli.extras.distribution", without_dnslib)
    ran = run("sandbox", "up", "--dir", str(tmp_path))
    assert ran.code == 2
    assert "the extra 'sandbox' is not installed (dnslib is missing): pip install" in ran.err
    assert not list(tmp_path.iterdir())


def test_a_chart_that_is_not_there_is_said_before_anything_starts(run, tmp_path):
    ran = run("sandbox", "up", "--operator", "--chart", str(tmp_path), "--dir", str(tmp_path))
    assert ran.code == 2
    assert ran.err == f"error: no chart at {tmp_path}: run this in a checkout, or pass --chart\n"
    assert not (tmp_path / "kubeconfig").exists()


def test_pessimism_is_one_of_two(run):
    ran = run("sandbox", "up", "--pessimism", "some")
    assert ran.code == 2
    assert ran.err.startswith("error: Invalid value for '--pessimism'")
