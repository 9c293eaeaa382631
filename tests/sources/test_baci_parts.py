"""A release of many years may be staged by several workers; nobody can tell from the result."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agrocluster import pipeline, staging
from agrocluster.errors import StorageError
from agrocluster.model.fetching import RawFile
from agrocluster.model.loader import catalog
from agrocluster.storage import landing
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.paths import layout

BACI = "cepii__baci_hs12"
LIST = """country_code,country_name,country_iso2,country_iso3
398,Kazakhstan,KZ,KAZ
276,Germany,DE,DEU
4,Afghanistan,AF,AFG
"""
YEARS = (2012, 2013, 2014)


@pytest.fixture(autouse=True)
def _data(data_root: Path) -> None: ...


def landed(folder: Path) -> str:
    """A release of three years; each holds a flow without value and one to an area that is no country."""
    folder.mkdir()
    path = folder / "BACI_HS12_V202601.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("country_codes_V202601.csv", LIST)
        for year in YEARS:
            rows = ["276,398,10121,1.5,2", "398,4,100199,0,1", "398,276,100199,1000.5,", "398,697,100199,2,1"]
            text = "t,i,j,k,v,q\n" + "".join(f"{year},{row}\n" for row in rows)
            archive.writestr(f"BACI_HS12_Y{year}_V202601.csv", text)
    raw = RawFile(
        path.name, "baci_zip", "https://example.org/x.zip", file_sha256(path), path.stat().st_size, "2026-01-05"
    )
    return landing.keep_snapshot(BACI, "V202601", "f" * 32, "full", folder, [raw]).snapshot_id


def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, part_mib: int) -> tuple[dict, bytes, list]:
    monkeypatch.setenv("AGROCLUSTER_DATA", str(tmp_path / name))
    monkeypatch.setitem(catalog().dataset(BACI).params, "part_mib", part_mib)
    report = staging.stage(BACI, landed(tmp_path / f"{name}-files"))
    data = (layout().vintage(report["vintage_id"]) / "data.parquet").read_bytes()
    return report, data, pq.read_table(layout().quarantine(report["vintage_id"])).to_pylist()


def test_parts_give_the_bytes_the_account_and_the_quarantine_of_one_reading(tmp_path, monkeypatch):
    whole, parts = (staged(tmp_path, monkeypatch, name, mib) for name, mib in (("whole", 256), ("parts", 0)))
    assert parts == whole
    report, _, rejected = whole
    assert report["quarantined"] == {"value_not_positive": 3}
    assert [row["year"] for row in rejected] == ["2012", "2013", "2014"]
    assert sum(report["excluded"].values()) == 3
    assert (report["first_year"], report["last_year"], report["rows"]) == (2012, 2014, 18)


def test_years_are_grouped_into_parts_of_some_size(tmp_path, monkeypatch):
    snapshot = landed(tmp_path / "files")
    assert staging.divide(BACI, snapshot) == [], "a small release is read in one go"
    monkeypatch.setitem(catalog().dataset(BACI).params, "part_mib", 0)
    assert pipeline.divide(BACI, [snapshot]) == [
        {"snapshot_id": snapshot, "part": part} for part in ("2012-2012", "2013-2013", "2014-2014")
    ]
    staging.stage(BACI, snapshot)
    assert pipeline.divide(BACI, [snapshot]) == [], "what is staged is not divided again"


def test_finished_parts_are_joined_and_not_read_again(tmp_path, monkeypatch):
    monkeypatch.setitem(catalog().dataset(BACI).params, "part_mib", 0)
    snapshot = landed(tmp_path / "files")
    pieces = pipeline.divide(BACI, [snapshot])
    for piece in pieces[:2]:
        pipeline.stage_part(BACI, piece)
    read: list[str] = []
    convert = staging.staged_rows.convert
    monkeypatch.setattr(staging.staged_rows, "convert", lambda *given: read.append(given[3]) or convert(*given))
    pipeline.stage_part(BACI, pieces[0])
    pipeline.stage(BACI, snapshot)
    assert read == ["2014-2014"]
    assert not layout().staged_parts(BACI, snapshot).exists(), "parts are kept only until they are joined"


def test_a_damaged_archive_is_found_before_it_is_divided(tmp_path):
    snapshot = landed(tmp_path / "files")
    path = layout().landing(BACI) / snapshot / "BACI_HS12_V202601.zip"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageError, match="is damaged"):
        pipeline.divide(BACI, [snapshot])
