from pathlib import Path
from typing import Any

import pytest

from lockstep_sandbox.node.rewrite import Rewriter
from lockstep_sandbox.node.sources import MissingError
from lockstep_sandbox.node.volumes import Volumes, mount, token_volume
from unit.sandbox_node.stubs import StubSources, pod

REWRITE = Rewriter({"/etc/app": "/p/etc/app"}, "127.9.1.1")
MAPS = {"cm": {"conf": b"/etc/app on 0.0.0.0", "binary": b"\xff/etc/app"}}


async def volumes(folder: Path, *wanted: dict[str, Any]) -> Volumes:
    found = Volumes(folder / "volumes", StubSources(MAPS, {"s": {"k": b"/etc/app"}}))
    await found.refresh(pod(volumes=list(wanted)), REWRITE)
    return found


async def test_text_of_config_maps_is_rewritten_and_nothing_else(tmp_path: Path) -> None:
    found = await volumes(
        tmp_path,
        {"name": "c", "configMap": {"name": "cm"}},
        {"name": "s", "secret": {"secretName": "s"}},
    )
    assert (found.place("c") / "conf").read_text() == "/p/etc/app on 127.9.1.1"
    assert (found.place("c") / "binary").read_bytes() == b"\xff/etc/app"
    assert (found.place("s") / "k").read_text() == "/etc/app"


async def test_items_choose_and_rename(tmp_path: Path) -> None:
    items = [{"key": "binary", "path": "deep/b", "mode": 0o400}]
    found = await volumes(tmp_path, {"name": "c", "configMap": {"name": "cm", "items": items}})
    assert (found.place("c") / "deep" / "b").stat().st_mode & 0o777 == 0o400
    assert not (found.place("c") / "conf").exists()


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "x"}}, 'SetUp failed for volume "v" : configmap "x" not found'),
        ({"configMap": {"name": "cm", "items": [{"key": "x", "path": "x"}]}}, "config key: x"),
        ({"nfs": {}}, "volumes of kind nfs are not in the sandbox"),
        ({"hostPath": {"path": "/nowhere", "type": "Directory"}}, "not a directory"),
    ],
)
async def test_what_cannot_be_mounted_is_said(
    tmp_path: Path, volume: dict[str, Any], message: str
) -> None:
    with pytest.raises(MissingError, match=message):
        await volumes(tmp_path, {"name": "v", **volume})


async def test_optional_sources_leave_an_empty_volume(tmp_path: Path) -> None:
    found = await volumes(tmp_path, {"name": "c", "configMap": {"name": "x", "optional": True}})
    assert [path.name for path in found.place("c").iterdir() if path.name[:2] != ".."] == []


async def test_the_token_volume_has_what_clients_read(tmp_path: Path) -> None:
    volume = token_volume()
    sources = [each for each in volume["projected"]["sources"] if "sandboxCertificate" not in each]
    found = await volumes(tmp_path, {**volume, "projected": {"sources": sources}})
    place = found.place(volume["name"])
    assert (place / "token").read_text() == "token for the API server"
    assert (place / "namespace").read_text() == "ns"


async def test_mounts_are_links_and_a_sub_path_is_a_copy(tmp_path: Path) -> None:
    found = await volumes(
        tmp_path, {"name": "c", "configMap": {"name": "cm"}}, {"name": "e", "emptyDir": {}}
    )
    root = tmp_path / "root"
    mounts = [
        {"name": "c", "mountPath": "/etc/one.conf", "subPath": "conf"},
        {"name": "e", "mountPath": "/data/"},
        {"name": "e", "mountPath": "/cache", "subPath": "cache"},
        {"name": "c", "mountPath": "/data/conf"},
    ]
    mount(root, mounts, found)
    assert not (root / "etc/one.conf").is_symlink()
    assert (root / "etc/one.conf").read_text().endswith("127.9.1.1")
    assert (root / "data").resolve() == found.place("e").resolve()
    assert (root / "cache").resolve() == (found.place("e") / "cache").resolve()
    assert (root / "data/conf/conf").read_text().endswith("127.9.1.1")


async def test_a_mount_over_data_is_refused_and_the_data_stays(tmp_path: Path) -> None:
    found = await volumes(tmp_path, {"name": "e", "emptyDir": {}})
    (found.place("e") / "sub").mkdir()
    (found.place("e") / "sub" / "precious").touch()
    mounts = [{"name": "e", "mountPath": "/data"}, {"name": "e", "mountPath": "/data/sub"}]
    with pytest.raises(OSError, match="not empty"):
        mount(tmp_path / "root", mounts, found)
    assert (found.place("e") / "sub" / "precious").exists()
