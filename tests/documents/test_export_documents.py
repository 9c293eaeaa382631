"""A copy that is handed on has its own documents, without a row that must stay in the house."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import openpyxl
import pytest

from agrocluster.release.export import export
from agrocluster.storage.parquet import file_sha256
from support.documented import Made


@pytest.fixture
def copied(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGROCLUSTER_DATA", str(made.root))
    monkeypatch.setattr("agrocluster.release.redistribution.restricted_sources", lambda: ["worldbank"])
    export(tmp_path / "copy")
    return tmp_path / "copy"


def test_the_copy_lists_its_own_documents(copied: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_text(encoding="utf-8"))
    marts = {mart["path"] for mart in manifest["marts"]}
    documents = {entry["path"]: entry["sha256"] for entry in manifest["documents"]}
    there = {path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file()}
    assert there == marts | set(documents) | {"manifest.json", "SHA256SUMS"}
    assert {name: file_sha256(copied / name) for name in documents} == documents


def test_closed_marts_are_in_no_document_but_as_left_out(copied: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_text(encoding="utf-8"))
    left = {entry["mart"] for entry in manifest["left_out"]} - {mart["name"] for mart in manifest["marts"]}
    assert {"mart_trade_cell", "mart_lifecycle_initiation"} <= left  # restricted; by_variant, of unknown variant
    for mart in left:
        assert not list(copied.rglob(f"{mart}.*"))
        for name in ("marts.sql", "datapackage.json", "dictionary.csv"):
            assert f'"{mart}"' not in (copied / name).read_text(encoding="utf-8")
            assert f"{mart}.parquet" not in (copied / name).read_text(encoding="utf-8")
        assert f'id="{mart}"' not in (copied / "dictionary.en.html").read_text(encoding="utf-8")
        assert f"Left out of this copy: {mart}" in (copied / "README.txt").read_text(encoding="utf-8")
    sheets = openpyxl.load_workbook(copied / "agrocluster.xlsx").sheetnames
    assert "mart_cluster_baseline" in sheets
    assert not left & set(sheets)


def test_rows_of_restricted_publishers_are_in_no_file(made: Made, copied: Path) -> None:
    def datasets(folder: Path) -> set[str]:
        text = (folder / "sdmx" / "DF_INDICATOR.csv").read_text(encoding="utf-8")
        return {row["INDICATOR"] for row in csv.DictReader(io.StringIO(text))}

    assert datasets(made.folder) == {"AG_LND_AGRI_ZS", "SP_POP_TOTL"}
    assert datasets(copied) == {"SP_POP_TOTL"}
