"""A release in Python: the same rows in every library, pinned, light, without Airflow, from folders and stores."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import agrocluster as ac
from agrocluster.errors import NotHeld, StorageError, UsageError
from agrocluster.model.loader import catalog
from agrocluster.release.export import export
from agrocluster.release.opened import Release
from agrocluster.settings import SAMPLE_LABEL
from agrocluster.storage import atomic
from support.small_release import baseline, contents, publish_small
from support.staged import put

ROOT = Path(__file__).resolve().parents[2]
BASELINE = "mart_cluster_baseline"
LIGHT = """
import sys
import agrocluster as ac
heavy = {"pandas", "polars", "duckdb", "pyarrow", "numpy", "pydantic", "yaml", "airflow"}
release = ac.open()
marts = release.marts()
print(sorted(heavy & set(sys.modules)), repr(marts["mart_cluster_baseline"].columns["potential"].unit))
marts["mart_cluster_baseline"].df()
print(sorted(heavy & set(sys.modules)))
"""
BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

class NotInstalled(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
import agrocluster as ac
release = ac.open()
print(len(release.marts()["mart_cluster_baseline"].df()), len(release.marts()["mart_cluster_baseline"].pl()))
print(release.sql("FROM mart_cluster_baseline").arrow().num_rows)
from agrocluster.cli import main
main(["profile", "KGZ", "dairy", "--json"], standalone_mode=False)
main(["--help"], standalone_mode=False)
for command in (["run", "--anything"], ["fetch", "faostat__qcl"]):
    try:
        main(command, standalone_mode=False)
    except SystemExit as ended:
        assert ended.code == 1
"""


@pytest.fixture
def small(small_root: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    monkeypatch.setenv("AGROCLUSTER_DATA", str(small_root))
    return ac.open()


def start(script: str, root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AGROCLUSTER_DATA": str(root)}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_every_library_gets_the_same_rows(small: Release) -> None:
    mart = small.marts()[BASELINE]
    rows = mart.arrow().to_pylist()
    expected = sorted(baseline(), key=lambda row: (row["baseline_id"], row["chain"]))
    assert [{name: row[name] for name in made} for row, made in zip(rows, expected, strict=True)] == expected
    assert mart.pl().to_dicts() == rows
    assert mart.relation().to_arrow_table().to_pylist() == rows
    assert small.sql(f"FROM {BASELINE}").arrow().to_pylist() == rows
    assert small.sql(f"FROM {BASELINE}").pl().to_dicts() == rows
    frame = mart.df()
    assert list(frame["chain"]) == [row["chain"] for row in rows]
    assert frame["potential"].isna().sum() == sum(row["potential"] is None for row in rows) == 2
    assert len(mart) == len(rows)
    assert mart.path.endswith(f"{BASELINE}.parquet")
    assert Path(mart.path).is_file()


def test_columns_can_be_chosen(small: Release) -> None:
    asked = ["potential", "chain"]
    for rows in (small.marts()[BASELINE], small.sql(f"FROM {BASELINE}")):
        assert list(rows.df(asked).columns) == rows.pl(asked).columns == rows.arrow(asked).column_names == asked


def test_integers_with_gaps_stay_integers_when_arrow_types_are_asked_for(small: Release) -> None:
    mart = small.marts()[BASELINE]
    assert mart.df(["rank_country"])["rank_country"].dtype == "float64"
    kept = mart.df(["rank_country"], dtype_backend="pyarrow")["rank_country"]
    assert str(kept.dtype) == "int64[pyarrow]"
    assert kept.isna().sum() == 2


def test_columns_say_what_the_contract_says(small: Release) -> None:
    for name, mart in small.marts().items():
        contract = catalog().marts[name]
        assert mart.key == contract.key
        assert [(c.name, c.type, c.unit, c.description_en, c.description_ru) for c in mart.columns.values()] == [
            (c.name, c.type, c.unit, c.text.en, c.text.ru) for c in contract.columns
        ]
    assert small.marts()[BASELINE].columns["untapped_usd"].unit == "USD"


def test_sample_data_are_called_so_everywhere(small: Release) -> None:
    assert small.is_sample
    assert small.data_mode == "sample"
    shown = [small, small.marts(), small.marts()[BASELINE], small.sql("SELECT 1 AS one")]
    assert [SAMPLE_LABEL in repr(thing) for thing in shown] == [True] * 4
    facts = {"release": small.id, "data_mode": "sample", "label": SAMPLE_LABEL}
    assert small.marts()[BASELINE].df().attrs == small.sql(f"FROM {BASELINE}").df().attrs == facts


def test_real_data_carry_no_label(data_root: Path) -> None:
    publish_small("2026-01-01-live-aa", mode="live")
    found = ac.open()
    assert (found.is_sample, found.label) == (False, "")
    assert "SAMPLE" not in repr(found)
    assert found.marts()[BASELINE].df().attrs["label"] == ""


def test_manifest_and_provenance_are_those_of_the_release(small: Release) -> None:
    [vintage] = small.provenance
    assert vintage["vintage_id"] == "faostat__qcl@2026-01-01-aa"
    assert small.manifest["release"] == small.id == "2026-01-01-sample-small"
    assert ac.releases() == [small.id]


def test_an_opened_release_stays_what_it_is(data_root: Path) -> None:
    publish_small("2026-01-01-sample-aa")
    before = ac.open()
    publish_small("2026-02-01-sample-bb", {**contents(), BASELINE: baseline()[:3]})
    after = ac.open()
    assert (before.id, after.id) == ("2026-01-01-sample-aa", "2026-02-01-sample-bb")
    for release, rows in ((before, 8), (after, 3), (ac.open(before.id), 8)):
        assert release.marts()[BASELINE].arrow().num_rows == len(release.marts()[BASELINE]) == rows
        assert release.sql(f"SELECT count(*) AS n FROM {BASELINE}").arrow().to_pylist() == [{"n": rows}]
    assert ac.releases() == [before.id, after.id]


def test_marts_belong_together_while_releases_are_being_published(data_root: Path) -> None:
    publish_small("2026-01-01-sample-aa")
    writer = threading.Thread(target=lambda: [publish_small(f"2026-01-0{n}-sample-aa") for n in (2, 3)])
    writer.start()
    seen = set()
    while writer.is_alive():
        release = ac.open()
        read = {release.marts()[name].arrow().schema.metadata[b"release"].decode() for name in (BASELINE, "dim_chain")}
        assert read == {release.id}
        seen.add(release.id)
    writer.join()
    assert len(seen) > 1
    assert ac.open().id == "2026-01-03-sample-aa"


def test_a_release_that_was_removed_says_so(data_root: Path) -> None:
    folder = publish_small("2026-01-01-sample-aa")
    release = ac.open()
    shutil.rmtree(folder)
    for read in (lambda: release.marts()[BASELINE].df(), lambda: release.sql("SELECT 1")):
        with pytest.raises(StorageError, match=r"cannot be read.*open the current one"):
            read()
    with pytest.raises(UsageError, match="There is no release '2026-01-01-sample-aa'"):
        ac.open()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("cluster_baseline", "Did you mean mart_cluster_baseline"),
        ("mart_cluster_baselin", "Did you mean mart_cluster_baseline"),
        ("xyz", "Use one of: .*mart_chain_trade"),
    ],
)
def test_an_unknown_mart_is_answered_with_names_like_it(small: Release, asked: str, said: str) -> None:
    marts = small.marts()
    assert asked not in marts
    assert marts.get(asked) is None
    with pytest.raises(NotHeld, match=said):
        marts[asked]
    with pytest.raises(KeyError):
        marts[asked]


def test_an_unknown_column_is_answered_with_names_like_it(small: Release) -> None:
    with pytest.raises(NotHeld, match=r"no column 'potental'.*Did you mean potential"):
        small.marts()[BASELINE].df(["potental"])


@pytest.mark.parametrize(
    "name", ["nope", "../releases/2026-01-01-sample-small", "2026-01-01-sample-small/", ".", "..", "", "a\x00b"]
)
def test_an_unknown_release_is_answered_with_those_there_are(small: Release, name: str) -> None:
    with pytest.raises(UsageError, match=r"There is no release.*Use one of: 2026-01-01-sample-small\."):
        ac.open(name)


def test_without_a_release_it_says_where_it_looked_and_what_to_do(data_root: Path) -> None:
    with pytest.raises(
        UsageError, match=rf"No release has been published yet in {data_root}.*make run.*AGROCLUSTER_DATA"
    ):
        ac.open()
    assert ac.releases() == []


def test_a_damaged_pointer_is_named(data_root: Path) -> None:
    publish_small("2026-01-01-sample-aa")
    (data_root / "marts" / "latest.json").write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match=r"latest\.json is damaged"):
        ac.open()


@pytest.mark.parametrize("sql", ["DROP VIEW dim_chain", "SELECT 1; SELECT 2", "COPY dim_chain TO 'x.csv'", ""])
def test_only_one_query_is_taken(small: Release, sql: str) -> None:
    with pytest.raises(UsageError, match="not one query"):
        small.sql(sql)


def test_a_query_that_makes_no_sense_is_explained(small: Release) -> None:
    with pytest.raises(UsageError, match=r"DuckDB refuses the query.*potental"):
        small.sql(f"SELECT potental FROM {BASELINE}")
    late = small.sql(f"SELECT CAST(chain AS INTEGER) AS n FROM {BASELINE}")
    with pytest.raises(UsageError, match=r"DuckDB refuses the query.*dairy"):
        late.df()


def test_connections_are_apart_but_see_the_same_marts(small: Release) -> None:
    one, other = small.duckdb(), small.duckdb()
    one.execute("BEGIN")
    count = f"SELECT count(*) FROM {BASELINE}"
    assert one.execute(count).fetchone() == other.execute(count).fetchone() == (8,)
    one.close()
    assert other.execute(count).fetchone() == (8,)
    with small as release:
        kept = release.sql(count).arrow()
    assert small.sql(count).arrow() == kept


@pytest.mark.parametrize("below", ["", "marts", "marts/releases/2026-01-01-sample-small"])
@pytest.mark.parametrize("form", [str, Path, lambda path: f"file://{path}"])
def test_a_root_may_be_a_data_root_its_marts_or_one_release(
    small_root: Path, data_root: Path, below: str, form: object
) -> None:
    root = form(small_root / below if below else small_root)  # type: ignore[operator]
    found = ac.open(root=root)
    assert found.id == "2026-01-01-sample-small"
    assert len(ac.marts(root=root)[BASELINE].df()) == 8
    assert ac.sql(f"SELECT count(*) AS n FROM {BASELINE}", root=root).arrow().to_pylist() == [{"n": 8}]
    assert ac.open(found.id, root=root).id == found.id
    with pytest.raises(UsageError):
        ac.open("2025-01-01-sample-other", root=root)


def test_a_release_that_was_handed_on_opens_like_any_other(small: Release, tmp_path: Path) -> None:
    export(tmp_path / "copy")
    found = ac.open(root=tmp_path / "copy")
    assert found.id == small.id
    assert found.marts()[BASELINE].arrow() == small.marts()[BASELINE].arrow()
    assert set(found.marts()) < set(small.marts())


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../../../../secret.parquet"},
        {"path": "/etc/passwd"},
        {"path": "s3://bucket/x.parquet"},
        {"name": "x\" AS SELECT 1; COPY (SELECT 1) TO 'stolen.csv'; --"},
        {"name": ""},
    ],
)
def test_a_manifest_that_leads_out_of_its_folder_is_refused(
    small: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    marts = [{**entry, **change} if entry["name"] == BASELINE else entry for entry in small.manifest["marts"]]
    shutil.copytree(small.place.path, tmp_path / "copy")
    atomic.write_json(tmp_path / "copy" / "manifest.json", {**small.manifest, "marts": marts})
    found = ac.open(root=tmp_path / "copy")
    for read in (lambda: found.sql("SELECT 1"), lambda: found.marts()[change.get("name", BASELINE)].df()):
        with pytest.raises(StorageError, match="no file of it"):
            read()
    assert not (tmp_path / "stolen.csv").exists()


def test_a_query_in_a_manifest_is_not_run(small: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small.place.path, tmp_path / "copy")
    query = "SELECT 1; COPY (SELECT 1) TO 'stolen.csv'"
    marts = [{**entry, "query": query} for entry in small.manifest["marts"]]
    atomic.write_json(tmp_path / "copy" / "manifest.json", {**small.manifest, "marts": marts})
    found = ac.open(root=tmp_path / "copy")
    assert found.sql(f"FROM {BASELINE}").arrow() == small.sql(f"FROM {BASELINE}").arrow()
    assert not (tmp_path / "stolen.csv").exists()


def test_a_release_can_be_sent_to_other_processes(small: Release) -> None:
    small.sql("SELECT 1")
    sent = pickle.loads(pickle.dumps(small))
    assert sent.id == small.id
    assert sent.marts()[BASELINE].arrow() == small.marts()[BASELINE].arrow()


def test_an_object_store_is_read_through_fsspec(small: Release, small_root: Path) -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: reading object stores is NOT TESTED")
    store = fsspec.filesystem("memory")
    store.put(str(small_root / "marts"), "/bucket/agro/marts", recursive=True)
    try:
        found = ac.open(root="memory://bucket/agro")
        assert found.marts()[BASELINE].arrow() == small.marts()[BASELINE].arrow()
        assert found.sql(f"FROM {BASELINE}").arrow() == small.sql(f"FROM {BASELINE}").arrow()
        assert len(found.marts()[BASELINE].df(["chain"])) == 8
        assert ac.releases("memory://bucket/agro") == [small.id]
        with pytest.raises(UsageError, match=f"Use one of: {small.id}"):
            ac.open("other", root="memory://bucket/agro")
        with pytest.raises(UsageError, match="No release has been published yet in memory://"):
            ac.open(root="memory://bucket/empty")
        with pytest.raises(UsageError, match="no staged vintages"):
            ac.open(as_of="2026-01-01", root="memory://bucket/agro")
    finally:
        store.rm("/bucket", recursive=True)


def test_a_store_without_its_driver_says_what_to_install(data_root: Path) -> None:
    with pytest.raises(UsageError, match="Install fsspec and the driver"):
        ac.open(root="nosuchprotocol://bucket/agro")


def test_facts_as_of_a_date_look_like_a_release(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("2024-01-01-aa", "full", {2020: 1.0, 2021: 2.0})
    put("2025-01-01-bb", "full", {2020: 1.5, 2021: 2.5})
    monkeypatch.setenv("AGROCLUSTER_DATA", str(data_root.parent / "elsewhere"))
    for day, values in (("2024-06-30", [1.0, 2.0]), ("2025-01-01", [1.5, 2.5]), ("2023-01-01", [])):
        found = ac.open(as_of=day, root=data_root)
        mart = found.marts()["fact_indicator"]
        assert mart.df().sort_values("year")["value"].tolist() == values
        assert sorted(mart.pl(["value"])["value"]) == values
        assert len(mart) == len(values)
        assert f"Facts as of {day} - {SAMPLE_LABEL}" in repr(found)
    newest = ac.open(as_of="2999-01-01", root=data_root).sql("FROM fact_indicator ORDER BY year")
    assert newest.arrow(["value"]).to_pylist() == [{"value": 1.5}, {"value": 2.5}]
    with pytest.raises(UsageError, match="is no file"):
        _ = mart.path
    with pytest.raises(UsageError, match="either release or as_of"):
        ac.open("some", as_of="2024-06-30", root=data_root)


def test_nothing_heavy_is_loaded_before_it_is_asked_for(small_root: Path) -> None:
    done = start(LIGHT, small_root)
    assert done.returncode == 0, done.stderr
    opened, read = done.stdout.splitlines()
    assert opened == "[] 'points'"
    assert read == str(["numpy", "pandas", "pyarrow"])


def _named(lines: list[str]) -> dict[str, str]:
    """Project name -> requirement."""
    return {_normal(re.split(r"[<>=~\[ ]", line)[0]): line for line in lines if line and not line.startswith("#")}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_it_works_where_only_what_reading_needs_is_installed(small_root: Path) -> None:
    """Without the extra ``airflow``: every package of the pipeline that readers do not need is as good as absent."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = _named(project["dependencies"])
    everything = _named((ROOT / "requirements.in").read_text(encoding="utf-8").splitlines())
    assert core.items() <= everything.items()
    absent = set(everything) - set(core) - {"polars"}
    blocked = {m for m, owners in packages_distributions().items() if {_normal(o) for o in owners} & absent}
    assert {"airflow", "great_expectations", "requests", "openpyxl"} <= blocked
    done = start(f"BLOCKED = {blocked | {'airflow'}!r}\n{BLOCKED}", small_root)
    frames, rows, profile, *helped = done.stdout.splitlines()
    assert (frames, rows) == ("8 8", "8")
    assert '"iso3": "KGZ"' in profile
    assert any(line.strip().startswith("run ") for line in helped)
    assert done.returncode == 0
    assert re.fullmatch(r"(error: This command needs \w+, .*agrocluster\[airflow\].*\n){2}", done.stderr)


def test_the_call_and_the_package_of_that_name_get_along(small: Release) -> None:
    import agrocluster.marts.parameters

    assert callable(agrocluster.marts.parameters.parameters)
    assert list(ac.marts()) == list(ac.marts(small.id)) == list(small.marts())


def test_a_file_read_is_the_file_published(small: Release) -> None:
    mart = small.marts()["mart_chain_trade"]
    assert mart.arrow() == pq.read_table(mart.path)
