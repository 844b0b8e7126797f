"""Models that are archives: unpacked, and refused when they are out to do harm."""

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lockstep_runtime.errors import FetchFailure, LoadFailure
from lockstep_runtime.storage.archive import unpack
from lockstep_runtime.storage.digest import directory_digest
from lockstep_runtime.storage.fetch import FetchRequest, fetch
from lockstep_runtime.storage.limits import TransferLimits
from lockstep_runtime.storage.manifest import verify

FILES = {"model.skops": b"a model", "folder/data.bin": bytes(100_000)}
LIMITS = TransferLimits(max_bytes=200_000, max_files=20)


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, data


def write_tar(path: Path) -> Path:
    folder = member("./folder", kind=tarfile.DIRTYPE)
    top = member(".", kind=tarfile.DIRTYPE)
    return tar(path, top, folder, *(member(f"./{name}", data) for name, data in FILES.items()))


def write_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for name, data in FILES.items():
            archive.writestr(name, data)
    return path


def refusal(path: Path, target: Path, limits: TransferLimits = LIMITS) -> str:
    with pytest.raises(FetchFailure) as caught:
        unpack(path, path.name, target / "unpacked", limits)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("model.tar", write_tar),
        ("model.tar.gz", write_tar),
        ("MODEL.TGZ", write_tar),
        ("model.zip", write_zip),
    ],
)
def test_an_archive_is_unpacked_and_has_the_archives_digest(
    tmp_path: Path, name: str, write: Callable[[Path], Path]
) -> None:
    archive = write(tmp_path / name)
    (tmp_path / "golden.json").write_text("[]")
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    request = FetchRequest(archive.as_uri(), tmp_path / "into", sha256=sha256)
    manifest = fetch(request)
    content = request.into / "content"
    assert {
        path.relative_to(content).as_posix(): path.read_bytes()
        for path in content.rglob("*")
        if path.is_file()
    } == FILES
    assert manifest.digest == f"sha256:{sha256}"
    assert manifest.content_digest == directory_digest(content)
    assert (request.into / "golden.json").read_text() == "[]"
    archive.unlink()
    assert fetch(request) == manifest  # what is here already is verified, and needs no source
    (content / "model.skops").write_bytes(b"changed")
    with pytest.raises(LoadFailure, match="was changed after it was fetched"):
        verify(request.into)


def test_another_archive_than_the_pinned_one_is_not_even_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "model.zip"
    archive.write_bytes(b"no archive at all")
    request = FetchRequest(archive.as_uri(), tmp_path / "into", sha256="0" * 64)
    with pytest.raises(FetchFailure, match="digest mismatch"):
        fetch(request)
    assert not any(request.into.iterdir())
    with pytest.raises(FetchFailure, match=r"model\.zip is no archive"):
        fetch(replace(request, sha256=None))
    assert not any(request.into.iterdir())


def test_an_archive_without_a_file(tmp_path: Path) -> None:
    archive = tar(tmp_path / "model.tar", member("folder", kind=tarfile.DIRTYPE))
    with pytest.raises(FetchFailure, match="holds no file"):
        fetch(FetchRequest(archive.as_uri(), tmp_path / "into"))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([member("../model.skops", b"x")], "no relative path"),
        ([member("folder/../../model.skops", b"x")], "no relative path"),
        ([member("/tmp/model.skops", b"x")], "no relative path"),
        ([member("a\\b", b"x")], "a backslash"),
        ([member("a\nb", b"x")], "control"),
        ([member("a", b"x"), member("./a", b"y")], "in it twice"),
        ([member("a", b"x"), member("a", kind=tarfile.SYMTYPE, link="b")], "in it twice"),
        ([member("a", kind=tarfile.SYMTYPE, link="b"), member("a", b"x")], "in it twice"),
        ([member("null", kind=tarfile.CHRTYPE)], "device"),
        ([member("pipe", kind=tarfile.FIFOTYPE)], "pipe"),
        ([member("a", kind=tarfile.SYMTYPE, link="/etc/passwd")], "leads out"),
        ([member("f/a", kind=tarfile.SYMTYPE, link="../../a")], "leads out"),
        ([member("a", kind=tarfile.LNKTYPE, link="../a")], "leads out"),
        ([member("a", kind=tarfile.SYMTYPE, link="f"), member("a/b", b"x")], "no file in it"),
        ([member("a", kind=tarfile.SYMTYPE, link="nothing")], "no file in it"),
        (
            [
                member("a", kind=tarfile.SYMTYPE, link="b"),
                member("b", kind=tarfile.SYMTYPE, link="a"),
            ],
            "a link to itself",
        ),
        ([member("a", b"x"), member("a/b", b"x")], "cannot unpack"),
        ([member("/".join("d" * 102), b"x")], "folders deep"),
        ([member("a", bytes(200_001))], "unpacked, is larger than the limit of 200000 bytes"),
        (
            [
                member("a", bytes(150_000)),
                *(member(f"b{n}", kind=tarfile.SYMTYPE, link="a") for n in range(3)),
            ],
            "is larger than the limit",
        ),
        ([member(f"{n}", b"x") for n in range(21)], "more than 20 members"),
    ],
)
@pytest.mark.parametrize("name", ["model.tar", "model.tgz"])
def test_a_tar_that_is_refused(
    tmp_path: Path, name: str, members: list[tuple[tarfile.TarInfo, bytes]], words: str
) -> None:
    assert words in refusal(tar(tmp_path / name, *members), tmp_path)
    assert not (tmp_path / "model.skops").exists()


def test_links_within_a_tar_become_files(tmp_path: Path) -> None:
    archive = tar(
        tmp_path / "model.tar",
        member("snapshots/main/model", kind=tarfile.SYMTYPE, link="../../blobs/1"),
        member("blobs/1", b"bytes"),
        member("again", kind=tarfile.LNKTYPE, link="blobs/1"),
        member("chain", kind=tarfile.SYMTYPE, link="again"),
    )
    unpack(archive, "model.tar", tmp_path / "out", LIMITS)
    for name in ("snapshots/main/model", "again", "chain"):
        assert not (tmp_path / "out" / name).is_symlink()
        assert (tmp_path / "out" / name).read_bytes() == b"bytes"


def test_a_small_archive_of_much(tmp_path: Path) -> None:
    bomb = tar(tmp_path / "model.tgz", member("zeros", bytes(50 << 20)))
    assert bomb.stat().st_size < 100_000
    assert "is larger than the limit" in refusal(bomb, tmp_path)
    written = sum(path.stat().st_size for path in (tmp_path / "unpacked").iterdir())
    assert written <= LIMITS.max_bytes


def test_a_header_of_much(tmp_path: Path) -> None:
    info, _ = member("model.skops")
    info.pax_headers = {"comment": "x" * (17 << 20)}
    with tarfile.open(tmp_path / "model.tgz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    assert "a header of over" in refusal(tmp_path / "model.tgz", tmp_path)


@pytest.mark.parametrize("write", [write_tar, write_zip])
@pytest.mark.parametrize("how", ["cut", "damaged", "nothing", "other"])
def test_a_damaged_archive(tmp_path: Path, write: Callable[[Path], Path], how: str) -> None:
    for name in ("m.zip",) if write is write_zip else ("m.tar", "m.tar.gz"):
        whole = write(tmp_path / name).read_bytes()
        middle = len(whole) // 2
        data = {
            "cut": whole[:middle],
            "damaged": whole[: middle - 30] + b"\x55" * 60 + whole[middle + 30 :],
            "nothing": b"",
            "other": gzip.compress(b"no archive"),
        }[how]
        if how == "damaged" and name == "m.tar":  # a header, as tar has no checksum of the data
            data = whole[:512] + b"\x55" * 512 + whole[1024:]
        (tmp_path / name).write_bytes(data)
        assert "is no archive, or a damaged one" in refusal(tmp_path / name, tmp_path / name[2:])


def test_zips_that_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    device = zipfile.ZipInfo("device")
    device.external_attr = (stat.S_IFBLK | 0o600) << 16
    for number, (info, data, words) in enumerate(
        [
            ("../model.skops", b"x", "no relative path"),
            ("/etc/passwd", b"x", "no relative path"),
            (link, b"../../etc/passwd", "leads out"),
            (link, b"nothing", "no file in it"),
            (device, b"", "device"),
            ("zeros", bytes(200_001), "is larger than the limit"),
        ]
    ):
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(info, data)
        assert words in refusal(path, tmp_path / str(number))


def test_a_link_within_a_zip_becomes_a_file(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("folder/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr(link, "../model")
        archive.writestr("model", b"bytes")
    unpack(tmp_path / "m.zip", "m.zip", tmp_path / "out", LIMITS)
    assert (tmp_path / "out" / "folder" / "link").read_bytes() == b"bytes"


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.skops", b"x")
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag of encryption, in the member's header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    assert "encrypted" in refusal(path, tmp_path)
