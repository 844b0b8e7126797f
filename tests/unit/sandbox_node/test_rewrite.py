from pathlib import Path

import pytest

from lockstep_sandbox.node.rewrite import Rewriter, mapping

REWRITE = Rewriter(
    {"/srv": "/p/srv", "/etc/app": "/p/etc/app", "/etc/app/deep": "/q/deep"}, "127.9.1.1"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/etc/app", "/p/etc/app"),
        ("--file=/etc/app/x.yaml", "--file=/p/etc/app/x.yaml"),
        ("/etc/app/deep/x and /etc/app/x", "/q/deep/x and /p/etc/app/x"),
        ("file:///etc/app/x", "file:///p/etc/app/x"),
        ("/etc/application", "/etc/application"),
        ("/etc/app.d/x", "/etc/app.d/x"),
        ("/etc/app-2", "/etc/app-2"),
        ("see /etc/app.", "see /p/etc/app."),
        ("/var/srv/x", "/var/srv/x"),
        ("http://host/srv/x", "http://host/srv/x"),
        ("http://host:80/srv", "http://host:80/srv"),
        ("$(HOME)/srv", "$(HOME)/srv"),
        ('path: "/srv"', 'path: "/p/srv"'),
        ("0.0.0.0:80", "127.9.1.1:80"),
        ("10.0.0.0.0 0.0.0.0.1", "10.0.0.0.0 0.0.0.0.1"),
        ("cidr 0.0.0.0/0", "cidr 0.0.0.0/0"),
        ("bind 0.0.0.0.", "bind 127.9.1.1."),
    ],
)
def test_only_whole_paths_and_addresses_are_replaced(text: str, expected: str) -> None:
    assert REWRITE(text) == expected


def test_a_result_is_not_rewritten_again() -> None:
    rewrite = Rewriter({"/data": "/srv/pods/data", "/srv": "/srv/pods/srv"}, "127.9.1.1")
    assert rewrite("/data /srv") == "/srv/pods/data /srv/pods/srv"


def test_folders_that_only_a_mount_makes_are_mapped_too() -> None:
    there = frozenset({"/", "/mnt"})
    found = mapping(Path("/p"), ["/mnt/lockstep/pvc/claim"], there)
    assert found == {
        "/mnt/lockstep/pvc/claim": "/p/mnt/lockstep/pvc/claim",
        "/mnt/lockstep/pvc": "/p/mnt/lockstep/pvc",
        "/mnt/lockstep": "/p/mnt/lockstep",
    }
