"""From public services to a release: what a user of the data root relies on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from agrocluster import pipeline
from agrocluster.errors import UsageError
from agrocluster.health import examine
from agrocluster.model.loader import catalog
from agrocluster.release.export import export
from agrocluster.storage.parquet import file_sha256
from support.world import Published, use

pytestmark = pytest.mark.slow


def test_the_release_holds_every_mart_of_the_catalogue_and_its_hashes(published: Published) -> None:
    pointer = json.loads((published.root / "marts" / "latest.json").read_text())
    assert pointer["release"] == published.result["release_id"]
    assert {f["name"] for f in pointer["files"]} == set(catalog().marts)
    for file in pointer["files"]:
        path = published.root / "marts" / pointer["path"] / file["path"]
        assert file_sha256(path) == file["sha256"]
        assert pq.read_metadata(path).num_rows == file["rows"]


def test_sample_data_say_so_wherever_they_go(published: Published) -> None:
    label = "SAMPLE DATA - NOT REAL STATISTICS"
    assert json.loads((published.root / "marts" / "latest.json").read_text())["label"] == label
    manifest = json.loads((published.folder / "manifest.json").read_text(encoding="utf-8"))
    texts = [entry["path"] for entry in manifest["documents"] if Path(entry["path"]).suffix not in {".xlsx", ".duckdb"}]
    for name in ("manifest.json", *texts):
        assert name == "dictionary.csv" or label in (published.folder / name).read_text(encoding="utf-8"), name
    for path in published.folder.glob("*.parquet"):
        assert pq.read_schema(path).metadata[b"label"].decode() == label, path.name
    assert published.sql("SELECT DISTINCT data_mode FROM mart_provenance") == [("sample",)]


def test_marts_keep_the_enumerations_and_keys_of_the_data_package(published: Published) -> None:
    """What the data package promises of the tables, on the figures of the whole sample world."""
    package = json.loads((published.folder / "datapackage.json").read_text(encoding="utf-8"))
    paths = {resource["name"]: published.folder / resource["path"] for resource in package["resources"]}
    promised = 0
    with duckdb.connect() as con:
        for resource in (r for r in package["resources"] if r["format"] == "parquet"):
            codes = f"SELECT DISTINCT {{}} AS code FROM '{paths[resource['name']]}' WHERE code IS NOT NULL"
            for key in resource["schema"]["foreignKeys"]:
                ((column,), (other,), holder) = (key["fields"], *map(key["reference"].get, ("fields", "resource")))
                lost = f"{codes.format(column)} EXCEPT SELECT {other} FROM '{paths[holder]}'"
                assert con.sql(lost).fetchall() == [], (resource["name"], column)
                promised += 1
            for field in resource["schema"]["fields"]:
                if listed := field["constraints"].get("enum"):
                    held = {code for (code,) in con.sql(codes.format(field["name"])).fetchall()}
                    assert held <= set(listed), (resource["name"], field["name"])
                    promised += 1
    assert promised > 100


def test_every_column_is_explained_to_duckdb_and_arrow_users(published: Published) -> None:
    with duckdb.connect() as con:
        script = (published.folder / "marts.sql").read_text(encoding="utf-8")
        con.execute(re.sub(r"FROM '", f"FROM '{published.folder}/", script))
        silent = con.sql("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL")
        assert silent.fetchall() == []
    for field in pq.read_schema(published.folder / "mart_cluster_baseline.parquet"):
        assert field.metadata[b"description_en"]
        assert field.metadata[b"description_ru"]


def test_a_second_run_makes_only_cheap_checks_and_no_release(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, published.server.url, published.root)
    before = len(requests.get(f"{published.server.url}/_sample/log", timeout=10).json())
    pointer = (published.root / "marts" / "latest.json").stat().st_mtime_ns
    assert pipeline.refresh() == {
        "release_id": published.result["release_id"],
        "changed": False,
        "held": False,
        "data_mode": "sample",
    }
    asked = requests.get(f"{published.server.url}/_sample/log", timeout=10).json()[before:]
    asked = [r for r in asked if not r["path"].startswith("/_sample")]
    assert len(asked) <= 2 * len(catalog().datasets)
    assert max(r["bytes"] for r in asked) < 200_000
    assert (published.root / "marts" / "latest.json").stat().st_mtime_ns == pointer
    assert len(list((published.root / "marts" / "releases").iterdir())) == 1


def test_nothing_unfinished_is_left_behind(published: Published) -> None:
    left = [p for p in published.root.rglob(".tmp-*") if not p.name.endswith(".lock")]
    assert left + list(published.root.rglob(".work-*")) == []
    assert not any((published.root / "marts" / "build").glob("*"))


def test_the_accounts_of_every_vintage_close(published: Published, world_truth: pa.Table) -> None:
    """Rows sent, as the sample world counts them, = rows kept + left out with a reason + quarantined."""
    sent = dict(
        published.sql("SELECT lower(indicator), value FROM truth WHERE kind = 'dataset_rows'", truth=world_truth)
    )
    rows = published.sql("SELECT DISTINCT dataset, rows, rows_excluded, rows_quarantined FROM mart_provenance")
    accounts = {dataset: kept + excluded + rejected for dataset, kept, excluded, rejected in rows}
    fetched = [spec for spec in catalog().datasets.values() if not spec.params.get("downloads_only")]
    assert set(accounts) == {spec.dataset for spec in fetched}
    assert len(sent) == 7
    assert {dataset: accounts[dataset] for dataset in sent} == sent


def test_the_commands_of_the_readme_answer(published: Published, tmp_path: Path) -> None:
    environment = {"AGROCLUSTER_DATA": str(published.root), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    for arguments in (
        ["query", "select iso3, chain, potential, grade from mart_cluster_baseline limit 3"],
        ["show"],
        ["show", "mart_cluster_baseline"],
        ["check", "--failed"],
        ["doctor"],
    ):
        command = [str(Path(sys.executable).with_name("agrocluster")), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, timeout=120)
        assert done.returncode == 0, done.stderr + done.stdout
        assert done.stdout.strip()
        machine = subprocess.run(
            [*command, "--json"], env=environment, capture_output=True, text=True, cwd=tmp_path, timeout=120
        )
        json.loads(machine.stdout)


def test_an_export_leaves_out_what_may_not_be_redistributed(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, published.server.url, published.root)
    monkeypatch.setattr("agrocluster.release.redistribution.restricted_sources", lambda: ["worldbank"])
    manifest = export(tmp_path / "public")
    left_out = {entry["mart"]: entry["rows"] for entry in manifest["left_out"]}
    (indicators,) = published.sql("SELECT count(*) FILTER (source = 'worldbank') FROM fact_indicator")[0]
    assert left_out["fact_indicator"] == indicators > 0
    copied = {m["name"]: pq.read_table(tmp_path / "public" / m["path"]) for m in manifest["marts"]}
    assert "worldbank" not in copied["fact_indicator"]["source"].to_pylist()
    assert copied["fact_trade"].equals(pq.read_table(published.folder / "fact_trade.parquet"))
    for entry in manifest["marts"]:
        path = tmp_path / "public" / entry["path"]
        assert (file_sha256(path), pq.read_metadata(path).num_rows) == (entry["sha256"], entry["rows"])
    with pytest.raises(UsageError, match="exists already"):
        export(tmp_path / "public")


def test_the_doctor_notices_a_damaged_mart(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, published.server.url, published.root)
    assert {c["check"]: c["state"] for c in examine()}["release"] == "ok"
    victim = published.folder / "dim_chain.parquet"
    original = victim.read_bytes()
    try:
        victim.write_bytes(original[:-1])
        assert {c["check"]: c["state"] for c in examine()}["release"] == "failed"
    finally:
        victim.write_bytes(original)
