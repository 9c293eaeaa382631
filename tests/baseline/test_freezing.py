"""Freezing: what is kept, under which name, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from agrocluster import health, pipeline
from agrocluster.baseline.freeze import baseline_name, freeze, listing
from agrocluster.baseline.revision import revision
from agrocluster.cli import main
from agrocluster.errors import DataGateError, UsageError
from agrocluster.marts import relations
from agrocluster.model.specs import TableKind
from agrocluster.storage import frozen
from agrocluster.storage.paths import layout
from agrocluster.storage.vintages import Vintage
from support.releases import CHAINS, SCALE, publish


@pytest.fixture(autouse=True)
def root(data_root: Path) -> Path:
    return data_root


def planned(monkeypatch: pytest.MonkeyPatch) -> str:
    """The release that the same accepted vintage makes now."""
    report = {"mode": "sample", "files": [{"retrieved_at": "2026-01-02T00:00:00Z"}]}
    vintage = Vintage("worldbank__wdi@1", "worldbank__wdi", TableKind.INDICATOR, "1", "full", Path(), report)
    monkeypatch.setattr(pipeline, "_inputs", lambda: [vintage])
    return str(pipeline.plan_release()["release_id"])


def test_a_frozen_baseline_holds_the_rows_of_the_release_and_where_they_come_from() -> None:
    publish("r1", {"B2018_2020": {"dairy": 40.0}})
    found = freeze("B2018_2020", note="before the training")
    assert (found["frozen_id"], found["new"], found["note"]) == ("B2018_2020@v1", True, "before the training")
    facts = {key: found[key] for key in ("release_id", "data_mode", "window", "vintages", "code_version")}
    assert facts == {
        "release_id": "r1",
        "data_mode": "sample",
        "window": [2018, 2020],
        "vintages": ["worldbank__wdi@r1"],
        "code_version": "0.0.1",
    }
    assert {key: found[key] for key in SCALE} == SCALE
    kept = frozen.find("B2018_2020@v1")
    release = layout().releases / "r1"
    for mart, ours in (("mart_cluster_baseline", True), ("mart_baseline_draws", True), ("mart_goalposts", False)):
        path = release / f"{mart}.parquet"
        wanted = pq.read_table(path, filters=[("baseline_id", "==", "B2018_2020")] if ours else None)
        assert kept.require_table(mart).equals(wanted), mart
    assert kept.table("mart_baseline_uncertainty") is None, "the release had none"
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=kept.folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout.count(": OK")) == (0, 5)


def test_equal_content_is_kept_once_even_from_another_release_or_with_another_note() -> None:
    publish("r1", {})
    first = freeze("B2018_2020")
    publish("r2", {"Bcurrent": {"dairy": 70.0}})
    again = freeze("B2018_2020", note="once more")
    assert (again["frozen_id"], again["new"], again["release_id"], again["note"]) == ("B2018_2020@v1", False, "r1", "")
    assert again["frozen_at"] == first["frozen_at"]
    assert [f["frozen_id"] for f in listing()] == ["B2018_2020@v1"]


def test_other_content_is_the_next_version_and_says_what_was_revised() -> None:
    publish("r1", {"B2018_2020": {"dairy": 40.0, "wool": None}})
    freeze("B2018_2020")
    before = {p: p.read_bytes() for p in layout().baselines.rglob("*") if p.is_file() and p.suffix != ".lock"}
    publish("r2", {"B2018_2020": {"dairy": 43.5, "wool": 30.0}})
    found = freeze("B2018_2020")
    assert (found["frozen_id"], found["new"], found["replaces"], found["same_scale"]) == (
        "B2018_2020@v2",
        True,
        "B2018_2020@v1",
        True,
    )
    rows = {(r["iso3"], r["chain"]): r for r in frozen.find("B2018_2020@v2").require_table("revision").to_pylist()}
    assert len(rows) == 2 * len(CHAINS)
    dairy, wool, beef = (rows["KGZ", chain] for chain in ("dairy", "wool", "beef"))
    assert (dairy["potential_old"], dairy["potential_new"], dairy["potential_change"]) == (40.0, 43.5, 3.5)
    assert (dairy["n_moved"], dairy["moved"]) == (1, "plq +3.50")
    assert (wool["potential_old"], wool["potential_new"], wool["potential_change"]) == (None, 30.0, None)
    assert wool["moved"] == "plq appeared or went"
    assert (beef["potential_change"], beef["n_moved"], beef["moved"]) == (0.0, 0, "")
    assert {path: path.read_bytes() for path in before} == before, "the first version is untouched"
    publish("r3", {"B2018_2020": {"dairy": 40.0, "wool": None}})
    assert freeze("B2018_2020")["frozen_id"] == "B2018_2020@v1", "the content of an older version has its id"


def test_an_older_release_can_be_frozen_by_its_id() -> None:
    publish("r1", {"B2018_2020": {"dairy": 40.0}})
    publish("r2", {"B2018_2020": {"dairy": 50.0}})
    assert freeze("B2018_2020", "r1")["release_id"] == "r1"


def test_a_window_that_moves_is_called_by_its_years() -> None:
    publish("r1", {})
    assert freeze("Bcurrent")["frozen_id"] == "Bcurrent-2022_2024@v1"
    publish("r2", {}, windows={"Bcurrent": (2023, 2025)})
    assert freeze("Bcurrent")["frozen_id"] == "Bcurrent-2023_2025@v1"
    assert baseline_name("B2018_2020", 2018, 2020) == "B2018_2020"


def test_sample_and_real_data_never_share_a_baseline() -> None:
    publish("r1", {})
    freeze("B2018_2020")
    publish("r2", {}, data_mode="files")
    with pytest.raises(
        UsageError, match=r"B2018_2020@v1 holds sample data and release r2 real data.*another data root"
    ):
        freeze("B2018_2020")
    assert [f.frozen_id for f in frozen.known("real")] == []
    publish("r3", {}, data_mode="live", windows={"Bcurrent": (2022, 2024)})
    freeze("Bcurrent")
    publish("r4", {"Bcurrent": {"beef": 9.0}}, data_mode="files+live")
    assert freeze("Bcurrent")["frozen_id"] == "Bcurrent-2022_2024@v2", "real modes are one world"
    assert [f.frozen_id for f in frozen.known("sample")] == ["B2018_2020@v1"]


def test_what_cannot_be_frozen_is_refused_with_a_remedy() -> None:
    with pytest.raises(UsageError, match=r"No release.*make run"):
        freeze("B2018_2020")
    publish("r1", {b: dict.fromkeys(CHAINS) for b in ("B2018_2020", "Bcurrent")})
    with pytest.raises(UsageError, match=r"no baseline 'Bx'.*B2018_2020, Bcurrent"):
        freeze("Bx")
    with pytest.raises(UsageError, match=r"no release 'r9'.*r1"):
        freeze("B2018_2020", "r9")
    path = layout().releases / "r1" / "mart_cluster_baseline.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DataGateError, match=r"mart_cluster_baseline.parquet is not what release r1 published"):
        freeze("B2018_2020")
    assert listing() == []


def test_a_baseline_without_any_score_is_not_frozen() -> None:
    rows = publish("r1", {}, windows={"Bcurrent": (2022, 2024)})
    path = layout().releases / "r1" / "mart_cluster_baseline.parquet"
    empty = duckdb.sql(f"SELECT * REPLACE (NULL::DOUBLE AS potential) FROM '{path}'").to_arrow_table()
    pq.write_table(empty, path)
    rows["marts"][0]["sha256"] = frozen.file_sha256(path)
    (path.parent / "manifest.json").write_text(json.dumps(rows))
    with pytest.raises(UsageError, match="no score at all"):
        freeze("Bcurrent")


def test_freezing_makes_the_next_run_a_new_release_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    publish("r1", {})
    before = planned(monkeypatch)
    found = freeze("B2018_2020")
    after = planned(monkeypatch)
    assert before != after
    freeze("B2018_2020", note="again")
    assert planned(monkeypatch) == after
    shutil.rmtree(found["folder"])
    assert planned(monkeypatch) == before
    freeze("B2018_2020", note="at another time")
    assert planned(monkeypatch) == after, "neither time nor note of freezing are inputs"
    monkeypatch.setenv("SOURCES", "live")
    assert planned(monkeypatch) == before, "a sample baseline is none of real data"


def test_marts_read_frozen_rows_under_todays_columns_whether_or_not_there_are_any() -> None:
    def read(found: list[frozen.Frozen], query: str) -> list[tuple]:
        with duckdb.connect() as con:
            relations.register_frozen(con, found, relations.FROZEN)
            return con.sql(query).fetchall()

    query = "SELECT frozen_id, frozen_order, iso3, chain, potential, grade FROM frozen_baseline ORDER BY ALL"
    assert read([], query) == []
    publish("r1", {"B2018_2020": {"dairy": 40.0}})
    freeze("Bcurrent")
    freeze("B2018_2020")
    rows = read(frozen.known(), query)
    assert ("B2018_2020@v1", 2, "KGZ", "dairy", 40.0, None) in rows, "a column that it did not have is empty"
    assert len(rows) == 2 * 2 * len(CHAINS)
    empty, full = (f"DESCRIBE {name}" for name in ("frozen_goalposts", "frozen_goalposts"))
    assert read([], empty) == read(frozen.known(), full)


def test_doctor_says_what_is_frozen() -> None:
    publish("r1", {})
    assert entry()["state"] == "note"
    freeze("B2018_2020")
    assert (entry()["state"], entry()["detail"]) == ("ok", "B2018_2020@v1 intact")


def test_doctor_misses_a_baseline_that_the_release_rests_on() -> None:
    manifest = publish("r1", {})
    found = freeze("B2018_2020")
    used = [{"frozen_id": found["frozen_id"], "sha256": frozen.find(found["frozen_id"]).digest}]
    (layout().releases / "r1" / "manifest.json").write_text(json.dumps(manifest | {"frozen_baselines": used}))
    assert entry()["state"] == "ok"
    shutil.rmtree(found["folder"])
    assert entry()["state"] == "failed"
    assert "B2018_2020@v1, which release r1 rests on: gone or replaced" in entry()["detail"]


def entry() -> dict[str, str]:
    return next(e for e in health.examine() if e["check"] == "baselines")


def test_the_command_freezes_lists_and_explains_itself() -> None:
    def call(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["baseline", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "Nothing is frozen yet" in call("list")
    publish("r1", {"B2018_2020": {"dairy": 40.0}})
    text = call("freeze", "B2018_2020", "--note", "start")
    assert "Frozen as B2018_2020@v1: 2018-2020, release r1" in text
    assert "SAMPLE DATA" in text
    assert "nothing was written" in call("freeze", "B2018_2020")
    publish("r2", {"B2018_2020": {"dairy": 41.0}})
    assert "agrocluster baseline compare B2018_2020@v1 B2018_2020@v2" in call("freeze", "B2018_2020")
    listed = json.loads(call("list", "--json"))
    assert [(f["frozen_id"], f["intact"], f["note"]) for f in listed] == [
        ("B2018_2020@v1", True, "start"),
        ("B2018_2020@v2", True, ""),
    ]
    failed = CliRunner().invoke(main, ["baseline", "freeze", "Bx"])
    assert failed.exit_code == 1
    assert "What to do: Use one of: B2018_2020, Bcurrent." in failed.stderr


def test_a_revision_of_the_same_rows_is_none() -> None:
    publish("r1", {})
    folder = layout().releases / "r1"
    scores, indicators = (
        pq.read_table(folder / f"{m}.parquet") for m in ("mart_cluster_baseline", "mart_baseline_indicators")
    )
    rows = revision(scores, indicators, scores, indicators).to_pylist()
    assert {(r["potential_change"], r["n_moved"]) for r in rows} == {(0.0, 0)}
