"""A release folder explains itself: every file is listed and hashed; DuckDB, people and spreadsheets read it."""

from __future__ import annotations

import csv
import io
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest

from agrocluster.explain.language import LANGUAGES
from agrocluster.model.loader import ROOT as CATALOG
from agrocluster.model.loader import catalog
from agrocluster.release.documents.extracts import ORIGIN
from agrocluster.release.documents.plan import plan, words
from agrocluster.settings import SAMPLE_LABEL
from agrocluster.storage.parquet import file_sha256
from support.documented import HOSTILE, RELEASE, Made, publish

PAGES = Path(__file__).resolve().parents[2] / "docs" / "methods"


OTHERS = {"manifest.json", "SHA256SUMS", "CHANGES.md", "CHANGES.ru.md"}


def files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def test_the_manifest_lists_every_file_with_its_hash(made: Made) -> None:
    marts = {mart["path"] for mart in made.manifest["marts"]}
    assert set(files(made.folder)) == marts | set(made.documents) | OTHERS
    for name, entry in made.documents.items():
        path = made.folder / name
        assert (file_sha256(path), path.stat().st_size) == (entry["sha256"], entry["bytes"]), name


def test_equal_releases_have_equal_bytes(made: Made, tmp_path: Path) -> None:
    again = files(publish(tmp_path / "another place").folder)
    assert [n for n, p in files(made.folder).items() if p.read_bytes() != again[n].read_bytes()] == []


def test_the_readme_names_every_document(made: Made) -> None:
    readme = (made.folder / "README.txt").read_text(encoding="utf-8")
    assert readme.startswith(SAMPLE_LABEL)
    for name, entry in made.documents.items():
        known = name if "mart" not in entry else name.replace(entry["mart"], "<mart>")
        assert known in readme or name == "README.txt"
    assert all(name in readme for name in {*OTHERS, *(mart["path"] for mart in made.manifest["marts"])})


def test_the_plan_fits_the_catalogue() -> None:
    marts = catalog().marts
    planned = plan()
    assert all(marts[extract.mart].redistribution != "restricted" for extract in planned.extracts.marts)
    own = {column.name for extract in planned.extracts.marts for column in marts[extract.mart].columns}
    assert not own & set(ORIGIN)
    assert {flow.mart for flow in planned.sdmx.dataflows} <= set(marts)
    for page, explained in planned.methods.items():
        text = (PAGES / f"{page}.md").read_text(encoding="utf-8") + (PAGES / "README.md").read_text(encoding="utf-8")
        assert [mart for mart in explained if f"`{mart}`" not in text] == [], page
    assert words("en").keys() == words("ru").keys()
    assert {path.stem for path in (CATALOG / "documents").glob("*.yaml")} == {"plan", *LANGUAGES}


def test_the_database_finds_its_folder_wherever_it_lies(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = shutil.copytree(made.folder, tmp_path / "it's elsewhere")
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(str(moved / "agrocluster.duckdb"), read_only=True) as con:
        assert con.sql("SELECT id, data_mode, label FROM release").fetchall() == [(RELEASE, "sample", SAMPLE_LABEL)]
        with pytest.raises(duckdb.IOException):
            con.sql("FROM mart_cluster_baseline").fetchall()
        ((line,),) = con.sql("SELECT run_first_elsewhere FROM release").fetchall()
        con.execute(line)
        assert con.sql("SELECT count(*) FROM mart_cluster_baseline").fetchall() == [(8,)]
    monkeypatch.chdir(moved)
    with duckdb.connect("agrocluster.duckdb", read_only=True) as con:
        assert con.sql("SELECT count(*) FROM mart_cluster_baseline").fetchall() == [(8,)]


def test_the_database_explains_every_view_and_column(made: Made) -> None:
    with duckdb.connect(str(made.folder / "agrocluster.duckdb"), read_only=True) as con:
        views = con.sql("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
        silent = con.sql("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL")
        assert silent.fetchall() == []
        columns = con.sql("SELECT column_name FROM duckdb_columns() WHERE table_name = 'mart_cluster_baseline'")
        assert len(columns.fetchall()) == len(catalog().marts["mart_cluster_baseline"].columns)
    assert {name for name, _ in views} == {*catalog().marts, "release"}
    assert all(comment.startswith(f"[{SAMPLE_LABEL}]") for _, comment in views)


class Page(HTMLParser):
    """Ids, links and loaded addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.lang = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.lang = self.lang or (held.get("lang") or "")
        self.ids += [held["id"] or ""] if "id" in held else []
        self.links += [held["href"] or ""] if tag == "a" else []
        self.loaded += [held[name] or "" for name in ("src", "href") if name in held and tag != "a"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_dictionary_is_one_page_that_can_be_linked_into(made: Made, lang: str) -> None:
    text = (made.folder / f"dictionary.{lang}.html").read_text(encoding="utf-8")
    page = Page(text)
    columns = [f"{mart}.{column.name}" for mart, contract in catalog().marts.items() for column in contract.columns]
    assert page.lang == lang
    assert len(page.ids) == len(set(page.ids))
    assert set(page.ids) == {"tables", *catalog().marts, *columns}
    inner = {link[1:] for link in page.links if link.startswith("#")}
    assert inner <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {
        f"dictionary.{other}.html" for other in LANGUAGES if other != lang
    }
    assert page.loaded == ["data:,"]
    assert "url(" not in text
    assert text.count(SAMPLE_LABEL) >= 2
    assert len(text.encode()) < 1_000_000


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_dictionary_tells_meaning_rules_and_licence(made: Made, lang: str) -> None:
    text = (made.folder / f"dictionary.{lang}.md").read_text(encoding="utf-8")
    section = text[text.index("\n## mart_cluster_baseline\n") :]
    contract = catalog().marts["mart_cluster_baseline"]
    lines = {m[1]: m[0] for m in re.findall(r"(\| <a id=\"mart_cluster_baseline\.\w+\"></a>`(\w+)` .*)", section)}
    assert list(lines) == [column.name for column in contract.columns]
    assert "| points |" in lines["potential"]
    assert getattr(contract.column("focus").text, lang) in lines["focus"]
    assert all(f"`{rule.id}` ({words(lang)['severities'][rule.severity.value]})" in section for rule in contract.rules)
    assert "docs/methods/index.md" in section
    assert "CC-BY-4.0" in section


def test_an_extract_is_its_mart_in_its_order(made: Made) -> None:
    data = (made.folder / "csv" / "mart_cluster_baseline.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    mart = pq.read_table(made.folder / "mart_cluster_baseline.parquet").to_pylist()
    for name in ("baseline_id", "chain", "explain_ru"):
        assert [row[name] for row in rows] == [line[name] for line in mart]
    assert [float(r["potential"]) if r["potential"] else None for r in rows] == [line["potential"] for line in mart]
    assert {(row["release"], row["label"]) for row in rows} == {(RELEASE, SAMPLE_LABEL)}


def test_no_text_becomes_a_formula(made: Made) -> None:
    rows = csv.DictReader(io.StringIO((made.folder / "csv" / "mart_cluster_baseline.csv").read_text("utf-8-sig")))
    assert f"'{HOSTILE}" in {row["caveats"] for row in rows}
    for path in (made.folder / "csv").glob("*.csv"):
        cells = [cell for row in csv.reader(io.StringIO(path.read_text("utf-8-sig"))) for cell in row]
        assert [c for c in cells if re.match(r"[=+@\t\r]|-(?![\d.])", c)] == [], path.name
    book = openpyxl.load_workbook(made.folder / "agrocluster.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [cell for cell in cells if cell.data_type == "f"] == []
    assert HOSTILE in {cell.value for cell in cells}


def test_the_workbook_has_a_cover_and_typed_sheets_with_comments(made: Made) -> None:
    book = openpyxl.load_workbook(made.folder / "agrocluster.xlsx")
    sheets = [extract.mart for extract in plan().extracts.marts if extract.sheet]
    assert book.sheetnames == ["about", "columns", *sheets]
    cover = [cell for row in book["about"].iter_rows(values_only=True) for cell in row if cell]
    assert cover[0] == SAMPLE_LABEL
    assert {RELEASE, "CC-BY-4.0, open"} <= set(cover)
    sheet = book["mart_cluster_baseline"]
    head = [cell.value for cell in sheet[1]]
    mart = pq.read_table(made.folder / "mart_cluster_baseline.parquet").to_pylist()
    for row, line in zip(sheet.iter_rows(min_row=2, values_only=True), mart, strict=True):
        held = dict(zip(head, row, strict=True))
        assert (held.pop("release"), held.pop("label")) == (RELEASE, SAMPLE_LABEL)
        assert held == {name: value if value != "" else None for name, value in line.items()}
    assert sheet.freeze_panes == "A2"
    column = catalog().marts["mart_cluster_baseline"].column("potential")
    comment = sheet.cell(1, head.index("potential") + 1).comment
    assert comment is not None
    assert comment.text == f"{column.text.en} [{column.unit}]\n{column.text.ru}"
    assert SAMPLE_LABEL in (sheet.oddHeader.center.text or "")


def test_a_mart_that_outgrew_its_extract_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smaller = plan().model_copy(update={"extracts": plan().extracts.model_copy(update={"max_rows": 7})})
    for module in ("extracts", "readme"):
        monkeypatch.setattr(f"agrocluster.release.documents.{module}.plan", lambda: smaller)
    made = publish(tmp_path / "data")
    assert "csv/mart_cluster_baseline.csv" not in made.documents
    assert "csv/dim_country.csv" in made.documents
    assert "mart_cluster_baseline" not in openpyxl.load_workbook(made.folder / "agrocluster.xlsx").sheetnames
    readme = (made.folder / "README.txt").read_text(encoding="utf-8")
    assert "mart_cluster_baseline has more than 7 rows" in readme
