"""The make-up of raw files: what is in them, told alike for every year, and never a reason to fail."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from agrocluster.model.fetching import RawFile
from agrocluster.sources.structure import MOST_FIELDS, structure

RAW = RawFile("file", "a_format", "u", "0", 1, "2026-01-01T00:00:00Z")


def archive(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in members.items():
            made.writestr(name.replace("__", "."), text)
    return path


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('[{"page": 1}, [{"indicator": {"id": "x"}, "date": "2020"}]]', ["page", "indicator", "date"]),
        ('{"elapsed": 1, "data": [{"typeCode": "C", "value": 1}, {"other": 2}]}', ["typeCode", "value"]),
        ("t;i;j\n1;2;3\n", ["t", "i", "j"]),
        ('"Area","Item, all","Y2019","Y2020"\n', ["Area", "Item, all", "Y#"]),
        ("a\tb\r\n1\t2", ["a", "b"]),
    ],
)  # fmt: skip
def test_fields_are_named_in_their_order(tmp_path: Path, text: str, fields: list[str]) -> None:
    for data in (text.encode(), gzip.compress(text.encode())):
        (tmp_path / "file").write_bytes(data)
        assert structure(tmp_path / "file", RAW) == {"a_format": fields}


def test_archives_name_every_table_and_the_codes_of_elements(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "file.zip",
        BACI_Y2019__csv="t,i\n1,2",
        BACI_Y2020__csv="t,i\n1,2",
        Elements__csv="Element Code,Element\n5510,Production\n2051,Yield\n",
        readme__pdf="%PDF",
    )
    assert structure(path, RAW) == {
        "BACI_Y#.csv": ["t", "i"],
        "Elements.csv": ["Element Code", "Element"],
        "Elements.csv: codes": ["5510", "2051"],
    }


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"PK\x03\x04nonsense", b"%PDF-1.7 no table", b"{", b"[[[[", b"\x1f\x8bcut", b'[{"a": ', b'"\n,\n'],
)
def test_what_is_no_table_has_no_make_up(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    assert structure(tmp_path / "file", RAW) == {}


def test_a_monstrous_header_is_cut(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps([{f"{'x' * 5}{n}x": 1 for n in range(2000)}]))
    (fields,) = structure(tmp_path / "file", RAW).values()
    assert len(fields) == MOST_FIELDS
    (tmp_path / "file").write_text(f"{'y' * 9999},b\n")
    assert structure(tmp_path / "file", RAW) == {"a_format": ["y" * 120, "b"]}
