from pathlib import Path

import pytest

from lockstep_sandbox.node.atomic import File, check_path, write


def files(**content: str) -> dict[str, File]:
    return {name: File(text.encode(), 0o644) for name, text in content.items()}


def test_the_layout_is_kubelets(tmp_path: Path) -> None:
    assert write(tmp_path, {**files(a="1"), "sub/b": File(b"2", 0o600)})
    stamp = str((tmp_path / "..data").readlink())
    assert stamp.startswith("..20")
    assert str((tmp_path / "a").readlink()) == "..data/a"
    assert str((tmp_path / "sub").readlink()) == "..data/sub"
    assert (tmp_path / "sub" / "b").read_text() == "2"
    assert (tmp_path / "sub" / "b").stat().st_mode & 0o777 == 0o600


def test_a_change_swaps_the_data_link_and_drops_what_is_old(tmp_path: Path) -> None:
    write(tmp_path, files(a="1", gone="x"))
    before = str((tmp_path / "..data").readlink())
    assert write(tmp_path, files(a="2", new="y"))
    after = str((tmp_path / "..data").readlink())
    assert before != after
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["..data", after, "a", "new"])
    assert (tmp_path / "a").read_text() == "2"


def test_the_same_content_touches_nothing(tmp_path: Path) -> None:
    write(tmp_path, files(a="1"))
    before = str((tmp_path / "..data").readlink())
    assert not write(tmp_path, files(a="1"))
    assert str((tmp_path / "..data").readlink()) == before


def test_an_empty_volume_can_be_filled_later(tmp_path: Path) -> None:
    write(tmp_path, {})
    assert write(tmp_path, files(digest="sha256:1"))
    assert (tmp_path / "digest").read_text() == "sha256:1"


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../b", "..data", ""])
def test_a_path_that_leaves_the_volume_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="relative path"):
        check_path(path)
    with pytest.raises(ValueError, match="relative path"):
        write(tmp_path, {path: File(b"", 0o644)})
