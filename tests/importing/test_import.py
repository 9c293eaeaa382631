"""A folder of downloads comes in: every file accounted for, none stopping the others, every vintage kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import downloads as d
import duckdb
import pytest
from click.testing import CliRunner

from agrocluster import pipeline
from agrocluster.cli import main
from agrocluster.errors import StorageError, UsageError
from agrocluster.importing import inventory
from agrocluster.importing.land import files_mode, land, survey
from agrocluster.importing.plan import plan, usable
from agrocluster.importing.report import Line, Report, totals
from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableKind
from agrocluster.storage import landing, vintages


@pytest.fixture
def folder(tmp_path: Path, data_root: Path) -> Path:
    """An empty folder of downloads beside an empty data root."""
    made = tmp_path / "downloads"
    made.mkdir()
    return made


def by_file(report: Report) -> dict[str, Line]:
    return {line.file: line for line in report.lines}


def rows(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        return con.sql(query).fetchall()


def current(kind: TableKind, dataset: str, *, as_of: str | None = None) -> str:
    return vintages.current_query(catalog().tables[kind], vintages.accepted([dataset], as_of=as_of))


def test_everything_usable_comes_in_and_everything_else_is_named(folder: Path) -> None:
    d.put(folder / "a" / "wheat.csv", d.faostat())
    d.put(folder / "a" / "population.zip", d.wdi_zip())
    d.put(folder / "baci.zip", d.baci_zip())
    d.put(folder / "broken.zip", d.wdi_zip()[:-40])
    d.put(folder / "empty.csv", b"")
    d.put(folder / "unknown_area.csv", d.faostat().replace("398,Kazakhstan", "997,Atlantis"))
    d.put(folder / "notes.txt", "a note")
    d.put(folder / ".hidden" / "x.csv", d.faostat(7))
    d.put(folder / ".x.csv", d.faostat(8))
    report = land(folder)
    lines = by_file(report)
    assert {name: (line.state, line.dataset) for name, line in lines.items()} == {
        "a/wheat.csv": ("data", "faostat__qcl"),
        "a/population.zip": ("data", "worldbank__wdi"),
        "baci.zip": ("data", "cepii__baci_hs12"),
        "broken.zip": ("broken", ""),
        "empty.csv": ("broken", ""),
        "unknown_area.csv": ("broken", "faostat__qcl"),
        "notes.txt": ("unknown", ""),
    }
    wheat = lines["a/wheat.csv"]
    assert (wheat.rows, wheat.first_year, wheat.last_year, wheat.countries, wheat.problem) == (2, 2020, 2020, 2, "")
    assert lines["a/population.zip"].excluded == {"aggregate": 3, "no_value": 1}
    assert "Atlantis" in lines["unknown_area.csv"].problem
    assert all(line.problem for line in report.lines if line.state in {"broken", "unknown"})
    with files_mode(folder):
        snapshot = landing.load("faostat__qcl", wheat.vintage.partition("@")[2])
        assert snapshot.scope == "partial"
        assert snapshot.files[0].url == "file:a/wheat.csv"
        assert snapshot.files[0].retrieved_at == "2024-01-15T12:00:00Z"
        assert snapshot.file(snapshot.files[0]).read_text() == d.faostat()
        held = rows(f"select iso3, value, value_raw, unit from ({current(TableKind.PRODUCTION, 'faostat__qcl')})")
        assert sorted(held) == [("KAZ", 100.0, 100.0, "t"), ("UZB", 100.0, 100.0, "t")]
        exports = rows(f"select count(*) from ({current(TableKind.TRADE, 'cepii__baci_hs12')})")
        assert exports[0][0] > 0


def test_the_newest_vintage_stands_and_older_ones_stay_readable(folder: Path) -> None:
    d.put(folder / "FAOSTAT_data_7-8-2022.csv", d.faostat(90, unit="tonnes"))
    d.put(folder / "FAOSTAT_data_en_3-29-2023.csv", d.faostat(95))
    report = land(folder)
    assert [line.stamp for line in report.lines] == ["2022-07-08", "2023-03-29"]
    with files_mode(folder):
        now = current(TableKind.PRODUCTION, "faostat__qcl")
        then = current(TableKind.PRODUCTION, "faostat__qcl", as_of="2022-12-31")
        assert rows(f"select distinct value from ({now})") == [(95.0,)]
        assert rows(f"select distinct value from ({then})") == [(90.0,)]


def test_downloads_of_one_date_stay_apart_and_their_conflicts_are_counted(folder: Path) -> None:
    d.put(folder / "first.csv", d.faostat(90, unit="tonnes"))
    d.put(folder / "second.csv", d.faostat(95, unit="t"))
    report = land(folder)
    assert len({line.vintage for line in report.lines}) == 2
    assert [(c["dataset"], c["stamp"], c["cells"]) for c in report.conflicts] == [("faostat__qcl", "2024-01-15", 2)]
    assert "2 cells differ" in totals(report)
    with files_mode(folder):
        assert rows(f"select distinct value from ({current(TableKind.PRODUCTION, 'faostat__qcl')})") == [(95.0,)]


def test_importing_again_or_one_file_more_changes_nothing_of_before(folder: Path) -> None:
    d.put(folder / "wheat.csv", d.faostat())
    first = land(folder)
    again = land(folder)
    assert [line.vintage for line in again.lines] == [line.vintage for line in first.lines]
    d.put(folder / "older.csv", d.faostat(1), modified=d.JANUARY_2024 - 86400)
    more = by_file(land(folder))
    assert more["wheat.csv"].vintage == first.lines[0].vintage
    with files_mode(folder):
        assert len(list(landing.snapshots("faostat__qcl"))) == 2


def test_a_copy_of_a_file_is_counted_once(folder: Path) -> None:
    d.put(folder / "a.csv", d.faostat())
    d.put(folder / "b.csv", d.faostat())
    lines = by_file(survey(folder))
    assert lines["a.csv"].dataset == "faostat__qcl"
    assert (lines["b.csv"].dataset, lines["b.csv"].notes) == ("", ("Same content as a.csv.",))


def test_files_that_break_a_critical_rule_stay_out_and_the_others_go_on(folder: Path) -> None:
    twice = d.faostat() + d.faostat(200).split("\n", 1)[1]
    d.put(folder / "FAOSTAT_data_en_3-29-2023.csv", twice)
    d.put(folder / "FAOSTAT_data_7-8-2022.csv", d.faostat())
    lines = by_file(land(folder))
    assert lines["FAOSTAT_data_en_3-29-2023.csv"].problem
    assert not lines["FAOSTAT_data_7-8-2022.csv"].problem
    with files_mode(folder):
        assert [v.stamp for v in vintages.accepted(["faostat__qcl"])] == ["2022-07-08"]


def test_figures_of_other_countries_only_are_no_damage(folder: Path) -> None:
    d.put(
        folder / "world.csv", d.faostat().replace("398,Kazakhstan", "001,World").replace("860,Uzbekistan", "150,Europe")
    )
    line = by_file(survey(folder))["world.csv"]
    assert (line.state, line.rows, line.excluded) == ("other", 0, {"aggregate area": 2})
    assert "Not one row" in line.problem


def test_the_data_root_is_no_download(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROCLUSTER_DATA", str(folder / "data"))
    d.put(folder / "wheat.csv", d.faostat())
    land(folder)
    assert set(by_file(survey(folder))) == {"wheat.csv"}


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = d.put(tmp_path / "outside" / "secret.csv", d.faostat())
    (folder / "link.csv").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    lines = by_file(survey(folder))
    assert set(lines) == {"link.csv", "linked"}
    assert all("symbolic link" in line.problem for line in lines.values())


def test_a_file_that_cannot_be_opened_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = d.put(folder / "locked.csv", d.faostat())
    original = Path.open

    def refuse(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    assert "Permission denied" in by_file(survey(folder))["locked.csv"].problem


def test_a_folder_is_read_once_until_something_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    d.put(folder / "wheat.csv", d.faostat())
    opened: list[str] = []
    original = inventory._open

    def count(path: Path, name: str, facts: os.stat_result) -> inventory.Looked:
        opened.append(name)
        return original(path, name, facts)

    monkeypatch.setattr(inventory, "_open", count)
    first = plan(folder)
    assert plan(folder) == first
    assert opened == ["wheat.csv"]
    d.put(folder / "wheat.csv", d.faostat(5), modified=d.JANUARY_2024 + 60)
    assert plan(folder)[0].parts[0].sha256 != first[0].parts[0].sha256
    assert opened == ["wheat.csv", "wheat.csv"]


def test_files_mode_gives_the_dags_the_same_vintages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    d.put(folder / "FAOSTAT_data_7-8-2022.csv", d.faostat(90, unit="tonnes"))
    d.put(folder / "FAOSTAT_data_en_3-29-2023.csv", d.faostat(95))
    monkeypatch.setenv("SOURCES", "files")
    monkeypatch.setenv("DATA", str(folder))
    absent = pipeline.check_source("worldbank__wdi")
    assert (absent["absent"], absent["changed"]) == ("not in the folder", False)
    done = pipeline.ingest("faostat__qcl")
    assert [v["vintage_id"] for v in done["vintages"]] == [line.vintage for line in land(folder).lines]
    assert not pipeline.check_source("faostat__qcl")["changed"]
    d.put(folder / "new_2024-05-05.csv", d.faostat(99))
    assert pipeline.check_source("faostat__qcl")["changed"]


def test_a_whole_archive_that_fails_its_gate_does_not_stop_the_other_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    d.put(folder / "good_2023-03-29.csv", d.faostat(95))
    text = d.bulk_long()
    twice = d.bulk("Production_Crops_Livestock_E_All_Data_(Normalized).csv", text + text.partition("\n")[2])
    d.put(folder / "Production_Crops_Livestock_E_All_Data_(Normalized).zip", twice)
    monkeypatch.setenv("SOURCES", "files")
    monkeypatch.setenv("DATA", str(folder))
    done = pipeline.ingest("faostat__qcl")
    assert len(done["vintages"]) == 2
    (accepted,) = vintages.accepted(["faostat__qcl"])
    assert accepted.stamp == "2023-03-29"


def test_a_file_that_only_looks_younger_is_no_new_vintage(folder: Path) -> None:
    """Copying or cloning a folder gives every file today's date."""
    path = d.put(folder / "wheat.csv", d.faostat())
    (first,) = land(folder).lines
    os.utime(path, (d.JANUARY_2024 + 1e7, d.JANUARY_2024 + 1e7))
    (again,) = land(folder).lines
    assert (again.vintage, again.stamp) == (first.vintage, first.stamp) != ("", "")


def test_a_file_that_changes_while_it_is_fetched_is_not_landed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = d.put(folder / "wheat.csv", d.faostat())
    monkeypatch.setenv("SOURCES", "files")
    monkeypatch.setenv("DATA", str(folder))
    check = pipeline.check_source("faostat__qcl")
    (piece,) = pipeline.plan_slices(check)
    d.put(path, d.faostat(1))
    with pytest.raises(Exception, match="changed while it was being read"):
        pipeline.fetch_slice(check, piece)
    assert list(landing.snapshots("faostat__qcl")) == []


def test_the_order_of_age_does_not_depend_on_places(folder: Path) -> None:
    d.put(folder / "z" / "FAOSTAT_data_7-8-2022.csv", d.faostat(1))
    d.put(folder / "a" / "FAOSTAT_data_en_3-29-2023.csv", d.faostat(2))
    parts = usable(plan(folder), "faostat__qcl")
    assert [part.dated.stamp for part in parts] == ["2022-07-08", "2023-03-29"]


def test_the_command_prints_a_table_and_tells_how_to_go_on(folder: Path) -> None:
    d.put(folder / "wheat.csv", d.faostat())
    d.put(folder / "empty.csv", b"")
    shown = CliRunner().invoke(main, ["import", str(folder), "--dry-run"], env={"COLUMNS": "240"})
    assert shown.exit_code == 0, shown.output
    assert "1 of 2 files usable, 2 rows; 1 broken" in shown.output
    assert list(landing.snapshots("faostat__qcl")) == []
    done = CliRunner().invoke(main, ["import", str(folder / "wheat.csv"), "--vintage", "2021-05-05", "--json"])
    report = json.loads(done.stdout)
    assert (report["files"], report["lines"][0]["stamp"], report["lines"][0]["dated_by"]) == (
        1,
        "2021-05-05",
        "--vintage",
    )
    assert "SOURCES" not in os.environ or os.environ["SOURCES"] == "sample"


def test_the_command_fails_only_when_nothing_is_usable_or_nothing_can_be_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    d.put(folder / "empty.csv", b"")
    assert CliRunner().invoke(main, ["import", str(folder)]).exit_code == 1
    d.put(folder / "wheat.csv", d.faostat())

    def full(*_: Any, **__: Any) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr("agrocluster.importing.land.copy_file", full)
    failed = CliRunner().invoke(main, ["import", str(folder)])
    assert failed.exit_code == 1
    assert "disk is full" in failed.stderr


def test_mistakes_in_the_call_are_explained(folder: Path) -> None:
    missing = CliRunner().invoke(main, ["import", str(folder / "nowhere")])
    assert (missing.exit_code, "There is no file or folder" in missing.stderr) == (1, True)
    wrong = CliRunner().invoke(main, ["import", str(folder), "--vintage", "May 2021"])
    assert (wrong.exit_code, "2024-06-30" in wrong.stderr) == (1, True)


def test_a_folder_with_too_many_files_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "MAX_FILES", 2)
    for number in range(3):
        d.put(folder / f"{number}.csv", b"")
    with pytest.raises(UsageError, match="more than 2"):
        survey(folder)
