"""The practitioner overlay: what is accepted, what is rejected and why, and that versions are kept whole."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner

from agrocluster import pipeline
from agrocluster.errors import StorageError, UsageError
from agrocluster.marts.build import build
from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableKind
from agrocluster.overlay import form, sheet
from agrocluster.overlay.check import Checked, check
from agrocluster.overlay.cli import overlay_command
from agrocluster.storage import overlays
from agrocluster.storage.kept import Kept
from agrocluster.storage.parquet import arrow_schema
from agrocluster.storage.vintages import Vintage

TODAY = date(2025, 1, 1)
GOOD = {
    "iso3": "KGZ",
    "chain": "dairy",
    "initiative": "Naryn milk",
    "readiness_trust": "2",
    "evidence_link": "https://example.org/minutes.pdf",
    "assessed_on": "2024-06-30",
    "author_role": "cluster_manager",
}


@pytest.fixture(autouse=True)
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGROCLUSTER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SOURCES", "sample")
    return tmp_path / "data"


def filled(path: Path, *rows: dict[str, str], separator: str = ",") -> Path:
    """A sheet as people send it: the template with lines added below the header."""
    names = [of.field for of in form.fields()]
    with path.open("w", newline="", encoding="utf-8-sig") as handle:
        handle.write(form.template(separator))
        writer = csv.DictWriter(handle, names, delimiter=separator)
        writer.writerows(rows)
    return path


def checked(path: Path, *rows: dict[str, str], separator: str = ",") -> Checked:
    return check(sheet.read(filled(path, *rows, separator=separator)), TODAY)


def test_the_empty_template_holds_no_line_and_names_every_field(tmp_path: Path) -> None:
    text = form.template()
    assert sheet.read(filled(tmp_path / "form.csv")) == []
    assert all(of.en in text.replace('""', '"') and of.ru in text for of in form.fields())


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_filled_line_is_accepted_in_one_spelling(tmp_path: Path, separator: str) -> None:
    line = GOOD | {"iso3": "kgz", "assessed_on": "30.06.2024", "management_fte": "0,5", "committed_members": "018"}
    line |= {"member_types": "public; farms farms", "note": "  two   blanks ", "initiative": "Нарын, молоко"}
    found = checked(tmp_path / "form.csv", line, separator=separator)
    assert found.problems == []
    (row,) = found.accepted
    assert (row["iso3"], row["assessed_on"], row["management_fte"]) == ("KGZ", "2024-06-30", "0.5")
    assert (row["committed_members"], row["member_types"], row["note"]) == ("18", "farms public", "two blanks")
    assert (row["initiative"], row["readiness_management"]) == ("Нарын, молоко", "")


@pytest.mark.parametrize(
    ("column", "value", "problem", "remedy"),
    [
        ("iso3", "RUS", "does not know", "KAZ, KGZ, TJK, UZB"),
        ("chain", "diary", "does not know", "It may mean dairy"),
        ("initiative", "", "is empty", "Name of the cluster"),
        ("initiative", "=HYPERLINK(1)", "formula", "letter"),
        ("readiness_trust", "4", "not on the scale", "0 (people avoid each other)"),
        ("readiness_trust", "2.5", "not on the scale", "leave it empty"),
        ("readiness_trust", "", "answers no scale", "at least one"),
        ("committed_members", "-1", "whole number", "15"),
        ("committed_members", "about 20", "whole number", "15"),
        ("member_types", "farms donkeys", "does not know 'donkeys'", "research"),
        ("management_fte", "half", "not a number", "0.5"),
        ("evidence_link", "minutes.pdf", "not an address", "https://"),
        ("evidence_link", "file:///etc/passwd", "not an address", "https://"),
        ("evidence_link", "https://me:secret@example.org/x", "user name", "without yours"),
        ("assessed_on", "30/06/2024", "not a date", "30.06.2024"),
        ("assessed_on", "2025-01-02", "future", "day of the assessment"),
        ("author_role", "Mr Smith", "does not know", "cluster_manager"),
        ("note", "x" * 501, "longer than 500", "Shorten"),
    ],
)
def test_a_mistake_is_named_with_line_column_and_remedy(
    tmp_path: Path, column: str, value: str, problem: str, remedy: str
) -> None:
    path = filled(tmp_path / "form.csv", GOOD | {"initiative": "Another"}, GOOD | {column: value})
    last = len(path.read_text(encoding="utf-8").splitlines())
    found = check(sheet.read(path), TODAY)
    assert [row["initiative"] for row in found.accepted] == ["Another"]
    (wrong,) = found.problems
    named = "readiness_*" if "answers no scale" in problem else column
    assert (wrong.line, wrong.column) == (last, named)
    assert problem in wrong.problem
    assert remedy in wrong.remedy


def test_every_mistake_of_a_line_is_named_and_the_same_initiative_counts_once(tmp_path: Path) -> None:
    twice = GOOD | {"initiative": "NARYN MILK"}
    found = checked(tmp_path / "form.csv", GOOD, twice, GOOD | {"chain": "x", "readiness_trust": "9"})
    assert len(found.accepted) == 1
    assert [p.column for p in found.problems] == ["initiative", "chain", "readiness_trust"]
    assert "already" in found.problems[0].problem
    assert found.reasons(found.rejected[1].number).count(";") == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "holds no header"),
        ("iso3;chain".encode("utf-16"), "not a text in UTF-8"),
        ("iso3,цепочка".encode("cp1251"), "not a text in UTF-8"),
        (b"iso3,chain\n", "lacks the column"),
        (b"iso3,chain,chian\n", "does not know"),
        (b"iso3,iso3\n", "twice"),
        (b'iso3,chain\n"KGZ,dairy\n', "line 2"),
        (b"x" * (sheet.MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_form_is_refused_with_a_remedy(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "form.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=problem) as error:
        sheet.read(path)
    assert error.value.remedy


def test_a_line_with_too_many_cells_is_rejected_and_empty_columns_of_spreadsheets_are_not(tmp_path: Path) -> None:
    path = tmp_path / "form.csv"
    names, values = ",".join(GOOD), ",".join(GOOD.values())
    path.write_text(f"{names},,\n{values},,\n\n{values.replace('Naryn', 'Osh')},and so on,\n", encoding="utf-8")
    found = check(sheet.read(path), TODAY)
    assert [row["initiative"] for row in found.accepted] == ["Naryn milk"]
    assert [(p.line, p.problem) for p in found.problems] == [(4, "has more cells than the header")]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(overlay_command, list(arguments))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_versions_are_kept_and_the_newest_is_read(tmp_path: Path, data_root: Path) -> None:
    first = filled(tmp_path / "first.csv", GOOD, GOOD | {"chain": "nuts", "initiative": "Jalal-Abad walnuts"})
    second = filled(tmp_path / "second.csv", GOOD | {"readiness_trust": "3"}, GOOD | {"chain": "?", "note": "=1+1"})
    assert run("import", str(first), "--json")[0] == 0
    before = overlays.latest()
    again = json.loads(run("import", str(first), "--json")[1])
    assert before is not None
    assert (again["new"], again["overlay_id"]) == (False, before.overlay_id)
    code, told = run("import", str(second))
    newest = overlays.latest()
    assert newest is not None
    assert code == 0
    assert "1 line(s) accepted, 1 rejected" in told
    assert "No longer in the newest version: KGZ nuts Jalal-Abad walnuts" in told
    assert newest.manifest["version"] == 2
    assert [row["readiness_trust"] for row in newest.accepted()] == ["3"]
    with (newest.folder / "rejected.csv").open(encoding="utf-8") as handle:
        (kept,) = csv.DictReader(handle)
    assert (kept["chain"], kept["note"]) == ("?", "'=1+1")
    assert "does not know" in kept["reason"]
    assert (newest.folder / "form.csv").read_bytes() == second.read_bytes()
    assert [row["readiness_trust"] for row in before.accepted()] == ["2", "2"], "the first version is as it was"
    assert overlays.latest("real") is None, "sample and real worlds have their own"


def test_a_form_without_any_good_line_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing was imported"):
        run("import", str(filled(tmp_path / "bad.csv", GOOD | {"iso3": "XXX"})))
    assert overlays.latest() is None
    assert run("check", str(tmp_path / "bad.csv"))[0] == 1


def test_a_template_overwrites_no_filled_form(tmp_path: Path) -> None:
    path = tmp_path / "form.csv"
    assert run("template", str(path), "--semicolon")[0] == 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(UsageError, match="exists already"):
        run("template", str(path))


def test_a_version_that_was_written_over_is_noticed(tmp_path: Path) -> None:
    run("import", str(filled(tmp_path / "form.csv", GOOD)))
    kept = overlays.latest()
    assert kept is not None
    path = kept.folder / "accepted.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Naryn", "Batken"), encoding="utf-8")
    with pytest.raises(StorageError, match="not what was imported"):
        kept.accepted()


def test_another_overlay_makes_another_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = {"mode": "sample", "files": [{"retrieved_at": "2026-01-01T00:00:00Z"}]}
    vintage = Vintage("d@1", "d", TableKind.TRADE, "1", "full", tmp_path, report)
    monkeypatch.setattr(pipeline, "_inputs", lambda: [vintage])
    without = pipeline.plan_release()["release_id"]
    run("import", str(filled(tmp_path / "form.csv", GOOD)))
    with_it = pipeline.plan_release()["release_id"]
    run("import", str(filled(tmp_path / "form.csv", GOOD | {"readiness_trust": "0"})))
    assert len({without, with_it, pipeline.plan_release()["release_id"]}) == 3


def mart(tmp_path: Path, overlay: overlays.Overlay | None) -> list[dict[str, object]]:
    """The overlay beside two baselines of one cell and a cell that nobody assessed."""
    folder = tmp_path / "build"
    cells = [("B2018_2020", "dairy", 60.0), ("Bcurrent", "dairy", 70.0), ("Bcurrent", "nuts", 50.0)]
    contract = catalog().marts["mart_cluster_baseline"]
    rows = [{"baseline_id": b, "iso3": "KGZ", "chain": c, "potential": p, "grade": "B"} for b, c, p in cells]
    schema = pa.schema([field.with_nullable(True) for field in arrow_schema(contract)])
    build("method_parameters", folder, [], {})
    names = ", ".join(contract.sort)
    with duckdb.connect() as con:
        con.register("rows", pa.Table.from_pylist(rows, schema=schema))
        con.sql(f"SELECT * FROM rows ORDER BY {names}").write_parquet(str(folder / "mart_cluster_baseline.parquet"))
        build("mart_practitioner_overlay", folder, [], {}, Kept([], overlay))
        found = con.read_parquet(str(folder / "mart_practitioner_overlay.parquet")).to_arrow_table()
    return found.to_pylist()


def test_the_mart_shows_the_assessment_beside_every_baseline_and_against_the_benchmarks(tmp_path: Path) -> None:
    line = GOOD | {"committed_members": "15", "member_types": "farms", "readiness_management": "0"}
    run("import", str(filled(tmp_path / "form.csv", line)))
    first, second = mart(tmp_path, overlays.latest())
    assert [(r["baseline_id"], r["potential"]) for r in (first, second)] == [("B2018_2020", 60), ("Bcurrent", 70)]
    assert (first["readiness_trust"], first["readiness_management"], first["readiness_mandate"]) == (2, 0, None)
    assert (first["members_met"], first["member_types_met"], first["management_met"]) == (True, False, None)
    assert first["assessed_on"] == date(2024, 6, 30)


def test_without_an_import_the_mart_is_empty(tmp_path: Path) -> None:
    assert mart(tmp_path, None) == []


def test_nothing_that_makes_the_score_reads_the_overlay() -> None:
    read, left = set(), ["mart_cluster_baseline"]
    while left:
        name = left.pop()
        if name not in read:
            read.add(name)
            left.extend(catalog().marts[name].inputs if name in catalog().marts else ())
    assert not read & {"practitioner_overlay", "mart_practitioner_overlay"}


def test_the_mart_has_a_column_for_every_field_of_the_form() -> None:
    columns = {column.name for column in catalog().marts["mart_practitioner_overlay"].columns}
    assert {of.field for of in form.fields()} <= columns
