"""Archives from outside: good ones are read to the last byte, bad ones are refused with the reason."""

from __future__ import annotations

import io
import random
import stat
import zipfile
from pathlib import Path

import pytest

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.sources.zipsafe import Limits, SafeZip

TEXT = b"a,b\n" + b"1,2\n" * 5000


def make(path: Path, members: dict[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def patch(path: Path, old: bytes, new: bytes, last: bool = False) -> Path:
    data = path.read_bytes()
    at = data.rfind(old) if last else data.find(old)
    assert at >= 0
    path.write_bytes(data[:at] + new + data[at + len(old) :])
    return path


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_member_is_streamed_unchanged(tmp_path, how):
    archive = SafeZip(make(tmp_path / "a.zip", {"x/data.csv": TEXT, "flags.csv": b""}, how))
    assert archive.names == ("x/data.csv", "flags.csv")
    assert b"".join(archive.stream(archive.one("DATA*.csv"))) == TEXT
    assert archive.read("flags.csv") == b""


@pytest.mark.parametrize("name", ["../evil.csv", "/etc/evil.csv", "..\\evil.csv", "C:\\evil.csv", "a/../../b.csv"])
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    path = make(tmp_path / "a.zip", {"data.csv": TEXT, name: b"x"})
    with pytest.raises(SourceContractError, match="leads out of the archive"):
        SafeZip(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_a_symbolic_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("data.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(SourceContractError, match="symbolic link"):
        SafeZip(make(tmp_path / "a.zip", {link: b"/etc/passwd"}))


def test_two_members_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data.csv", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("data.csv", b"2")
    with pytest.raises(SourceContractError, match="two members of the same name"):
        SafeZip(tmp_path / "a.zip")


def test_an_encrypted_member_is_refused(tmp_path):
    path = make(tmp_path / "a.zip", {"data.csv": TEXT})
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(SourceContractError, match="encrypted"):
        SafeZip(path)


def test_an_unusual_compression_is_refused(tmp_path):
    with pytest.raises(SourceContractError, match="unusual way"):
        SafeZip(make(tmp_path / "a.zip", {"data.csv": TEXT}, zipfile.ZIP_BZIP2))


def test_a_bomb_is_refused_by_what_it_declares(tmp_path):
    path = make(tmp_path / "a.zip", {"data.csv": b"\0" * 3_000_000})
    with pytest.raises(SourceContractError, match="mark of a zip bomb"):
        SafeZip(path, limits=Limits(free_bytes=1_000_000, ratio=100))
    with pytest.raises(SourceContractError, match="mark of a zip bomb"):
        SafeZip(path, limits=Limits(member_bytes=2_000_000))
    with pytest.raises(SourceContractError, match="more than the 2,000,000 allowed"):
        SafeZip(path, limits=Limits(total_bytes=2_000_000))


def test_a_bomb_that_lies_about_its_size_is_stopped_while_unpacking(tmp_path):
    path = make(tmp_path / "a.zip", {"data.csv": b"\0" * 50_000_000})
    patch(path, (50_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"), last=True)
    seen = 0
    with pytest.raises(SourceContractError, match="more than the 1,000 bytes it declares"):
        for piece in SafeZip(path).stream("data.csv"):
            seen += len(piece)
    assert seen <= 1000


def test_overlapping_members_are_refused(tmp_path):
    path = make(tmp_path / "a.zip", {"a.csv": TEXT, "b.csv": TEXT})
    data = bytearray(path.read_bytes())
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = (0).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(SourceContractError, match="overlap"):
        SafeZip(path)


def test_a_missing_member_is_named_with_what_is_there(tmp_path):
    archive = SafeZip(make(tmp_path / "a.zip", {"readme.txt": b"x"}), source="faostat", dataset="qcl")
    with pytest.raises(SourceContractError, match=r"source faostat, dataset qcl.*it holds readme\.txt"):
        archive.one("*_All_Data*.csv")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 0.999])
def test_a_cut_off_archive_may_heal(tmp_path, keep):
    path = make(tmp_path / "a.zip", {"data.csv": TEXT})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(SourceUnavailable, match=r"not a complete zip archive.*Download it again"):
        SafeZip(path)


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_damaged_bytes_are_noticed(tmp_path, how):
    noise = random.Random(1).randbytes(40_000)
    path = make(tmp_path / "a.zip", {"data.csv": noise}, how)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(SourceUnavailable, match="Download it again"):
        list(SafeZip(path).stream("data.csv"))


def test_a_web_page_instead_of_an_archive_is_named(tmp_path):
    (tmp_path / "a.zip").write_bytes(io.BytesIO(b"<html>Service unavailable</html>").getvalue())
    with pytest.raises(SourceUnavailable, match="not a complete zip archive"):
        SafeZip(tmp_path / "a.zip")
