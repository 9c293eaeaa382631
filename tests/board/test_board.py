"""The board: who may see it, what it shows, and what it shows when something is missing or broken."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin

import board_root
import pytest
from board_root import checked, result, snapshot, token
from fastapi import FastAPI
from fastapi.testclient import TestClient
from markupsafe import escape

from agrocluster import incidents
from agrocluster.board.app import app
from agrocluster.board.freshness import Freshness, freshness, stamp_date
from agrocluster.errors import SourceContractError
from agrocluster.model.loader import catalog
from agrocluster.storage.paths import layout

pytestmark = pytest.mark.airflow


Client = Callable[..., TestClient]
Page = Callable[[str], str]


@pytest.fixture
def page(client: Client) -> Page:
    """The text of a page that is there."""

    def text(address: str = "/") -> str:
        answer = client("VIEWER").get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    return text


def release(**more: object) -> None:
    """A release as ``release.publish`` leaves it, reduced to what the board reads."""
    mart = {"name": "dim_country", "rows": 1234, "bytes": 99, "title_en": "Countries", "contract_version": "0.1.0"}
    mart |= {"path": "dim_country.parquet"}
    manifest = {"release": "r1", "data_mode": "sample", "label": "SAMPLE DATA - NOT REAL STATISTICS", "version": "0"}
    manifest |= {"marts": [{**mart, "warnings": ["few_rows"]}], "vintages": [{}], **more}
    folder = layout().releases / "r1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    layout().latest.write_text(json.dumps({"release": "r1", "label": manifest["label"]}))


def test_an_empty_data_root_has_pages_that_say_what_to_do(data_root: Path, page: Page) -> None:
    for address, words in {
        "/": "No release has been published yet",
        "/?dag_id=ingest_faostat__qcl": "No vintage of this dataset has passed its gate yet",
        "/releases": "No release has been published yet",
        "/releases/diff": "Two releases are needed",
        "/validation": "Nothing has been checked yet",
        "/validation/faostat__qcl": "Nothing has been checked yet",
        "/freshness": "never fetched",
        "/sources": "not noted",
        "/sources/faostat__qcl": "Landing holds no snapshot",
        "/lineage/mart_chain_value": "No release has been published yet",
    }.items():
        text = page(address)
        assert words in text, address
        assert "SAMPLE DATA" in text, "the mode is sample even before the first release"


def test_the_release_its_warnings_and_its_mode_are_shown(data_root: Path, page: Page) -> None:
    release()
    for wanted in ("r1", "SAMPLE DATA - NOT REAL STATISTICS", "dim_country", "1\u202f234", "few_rows"):
        assert wanted in page("/")
        assert wanted in page("/releases/r1")
    assert "No release has been published yet" not in page("/")


def test_the_last_results_are_shown_with_what_was_observed(data_root: Path, page: Page) -> None:
    checked("faostat__qcl", [result("old_rule", success=False)], "2026-01-01T00:00:00Z", "1")
    late = [
        result("no_negatives", success=False, observed="3 negative values", failing_rows=3),
        result("years", success=True),
        result("codes", success=None),
    ]
    checked("faostat__qcl", late, "2026-02-01T00:00:00Z", "2")
    assert "3 negative values" in page("/")
    assert "1 of 3 rules hold, 1 not judged" in page("/validation")
    own = page("/validation/faostat__qcl")
    assert "3 negative values" in own
    assert "old_rule" not in own
    assert "old_rule" in page("/validation/faostat__qcl?run=faostat__qcl@1")


def test_the_history_of_a_rule_says_in_words_how_often_it_was_broken(full: Path, page: Page) -> None:
    text = page(f"/validation/{board_root.DATASET}")
    assert "no_negatives: broken in 3 of the last 5 runs; last 4, highest 4" in text
    assert "row_count: broken in 0 of the last 5 runs; last 104, highest 104" in text
    assert text.count('class="dot broken"') == 3
    assert f'href="../quarantine/{board_root.VINTAGE}"' in text
    assert "mart_chain_value: broken in 0 of the last 5 runs" in page("/validation"), "warnings are no critical rules"


def test_results_count_once_whether_they_were_merged_or_not(own: Path, page: Page) -> None:
    merged = own / "quality" / "quality_results.parquet"
    long_ago = merged.stat().st_mtime - 3600
    for file in (own / "quality" / "runs").glob("*/*.parquet"):
        os.utime(file, (long_ago, long_ago))
    before = page(f"/validation/{board_root.DATASET}")
    board_root.checked(board_root.DATASET, [result("no_negatives", success=True)], "2026-03-01T00:00:00Z", "9")
    assert "no_negatives: broken in 3 of the last 6 runs" in page(f"/validation/{board_root.DATASET}")
    merged.unlink()
    assert "no_negatives: broken in 3 of the last 6 runs" in page(f"/validation/{board_root.DATASET}")
    assert "no_negatives: broken in 3 of the last 5 runs" in before


def test_quarantine_is_shown_page_by_page_and_by_rule(full: Path, page: Page) -> None:
    address = f"/quarantine/{board_root.VINTAGE}"
    assert "Rows 1 to 50 of 120" in page(address)
    assert "Rows 101 to 120 of 120" in page(f"{address}?number=3")
    assert "no row on this page" in page(f"{address}?number=1000000")
    assert "Rows 1 to 40 of 40" in page(f"{address}?rule=no_unit")
    assert "There is no row" in page(f"{address}?rule=other")


def test_releases_are_compared(full: Path, page: Page) -> None:
    text = page("/releases/diff")
    assert f"<option selected>{board_root.FIRST}</option>" in text
    assert "1 differ" in text
    assert "mart_cluster_baseline" in text
    assert "All marts are equal" in page(f"/releases/diff?old={board_root.FIRST}&new={board_root.FIRST}")


def test_a_release_leads_to_every_document_beside_its_marts(full: Path, page: Page) -> None:
    text = page(f"/releases/{board_root.SECOND}")
    folder = full / "marts" / "releases" / board_root.SECOND
    documents = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.suffix != ".parquet"]
    assert "datapackage.json" in documents
    for name in documents:
        assert f'/files/{quote(name)}"' in text


def test_incidents_are_open_until_the_dag_succeeds(data_root: Path, page: Page) -> None:
    error = SourceContractError("HTML instead of JSON.", source="faostat", dataset="qcl", remedy="Look at the page.")
    incidents.record(error, dag_id="ingest_faostat__qcl", run_id="r", task_id="fetch")
    text = page("/")
    assert "HTML instead of JSON." in text
    assert "Look at the page." in text
    assert "1 open" in text
    assert "this run" in page("/?dag_id=ingest_faostat__qcl&run_id=r")
    assert "this run" not in page("/?dag_id=ingest_faostat__qcl&run_id=other")
    assert incidents.resolve("ingest_faostat__qcl") == 1
    assert "0 open" in page("/")


def test_the_tab_of_a_run_shows_what_its_dag_is_about(data_root: Path, page: Page) -> None:
    for subject in ("faostat__qcl", "cepii__baci_hs12", "dim_country"):
        checked(subject, [result(f"rule_of_{subject}", success=False)])
    shown = {
        "ingest_faostat__qcl": {"faostat__qcl"},
        "marts": {"dim_country"},
        "release": {"dim_country"},
        "upkeep": {"faostat__qcl", "cepii__baci_hs12", "dim_country"},
        board_root.SCRIPT: {"faostat__qcl", "cepii__baci_hs12", "dim_country"},
    }
    for dag_id, wanted in shown.items():
        text = page(f"/?{urlencode({'dag_id': dag_id, 'run_id': 'x'})}")
        assert {s for s in ("faostat__qcl", "cepii__baci_hs12", "dim_country") if f"rule_of_{s}" in text} == wanted


def test_how_publishers_answered_is_shown_with_what_changed(full: Path, page: Page) -> None:
    text = page("/sources")
    assert "499 calls left" in text
    assert "300 ms" in text
    assert "changed" in text
    own = page(f"/sources/{board_root.DATASET}")
    assert "1 in 3 answers" in own
    assert "table.csv" in own
    assert f"+ {escape(board_root.SCRIPT)}" in own


@pytest.mark.parametrize("template", sorted(board_root.addresses()))
def test_nothing_from_data_becomes_markup(full: Path, client: Client, template: str) -> None:
    answer = client("VIEWER").get(board_root.addresses()[template])
    if answer.headers["content-type"].startswith("text/html"):
        assert "<script" not in answer.text
        assert "alert('x')" not in answer.text, "quotes are escaped, too"
        assert "://" not in answer.text.replace("http://www.w3.org", ""), "nothing is loaded from elsewhere"


def test_hostile_words_are_shown_as_words(full: Path, page: Page) -> None:
    addresses = board_root.addresses()
    for template in ("/", "/validation/{subject}", "/quarantine/{vintage}", "/sources/{dataset}"):
        assert str(escape(board_root.SCRIPT)) in page(addresses[template]), template
    assert str(escape(board_root.SCRIPT)) in page(f"/lineage/{board_root.MART}/pp_usd_t")


@pytest.mark.parametrize("damage", board_root.DAMAGES)
def test_a_damaged_file_breaks_its_part_and_no_page(own: Path, client: Client, damage: str) -> None:
    board_root.damage(damage)
    told = 0
    for template, address in board_root.addresses().items():
        answer = client("VIEWER").get(address)
        gone = damage in {"manifest", "pointer"} and answer.status_code == 500
        assert answer.status_code == 200 or gone, (template, answer.text)
        assert "Traceback" not in answer.text
        told += "cannot be read" in answer.text or "is damaged" in answer.text
    assert told > 0
    if damage != "incident":
        assert "1 open" in client("VIEWER").get("/").text


def test_links_hold_below_any_prefix(full: Path) -> None:
    host = FastAPI()
    host.mount("/some/where/agrocluster", app)
    browser = TestClient(host)
    browser.headers["Authorization"] = f"Bearer {token('VIEWER')}"
    todo, seen = ["/some/where/agrocluster/"], set[str]()
    while todo:
        address = todo.pop(0)
        if (plain := address.partition("?")[0].partition("#")[0]) in seen or len(seen) > 40:
            continue
        seen.add(plain)
        answer = browser.get(address)
        assert answer.status_code == 200, address
        if answer.headers["content-type"].startswith("text/html"):
            found = re.findall(r'(?:href|action)="([^"#]+)"', answer.text)
            assert not [link for link in found if link.startswith("/") or "://" in link]
            pages = [link for link in found if not link.startswith("data:") and "/files/" not in link]
            todo += [urljoin(address, unescape(link)) for link in pages]
    assert {"/some/where/agrocluster/releases", "/some/where/agrocluster/board.css"} < seen


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-07-13", date(2026, 7, 13)),
        ("V202601", date(2026, 1, 1)),
        ("2026-07-13T10:00", date(2026, 7, 13)),
        ("2023", date(2023, 1, 1)),
        ("undated", None),
        ("2026-02-31", None),
    ],
)
def test_stamps_are_read_as_dates(stamp: str, expected: date | None) -> None:
    assert stamp_date(stamp) == expected


@pytest.mark.parametrize(("age", "status"), [(None, "missing"), (10, "current"), (100, "current"), (101, "late")])
def test_a_dataset_is_late_beyond_what_is_allowed(age: int | None, status: str) -> None:
    assert Freshness("a__b", "B", "a", "x", None, None, age, 100, optional=False).status == status


def test_freshness_counts_from_the_publishers_stamp(data_root: Path) -> None:
    spec = catalog().dataset("faostat__qcl")
    file = {"name": "a.zip", "format": "f", "url": "u", "sha256": "0", "size": 1}
    snapshot(spec.id, "2026-01-01", [{**file, "retrieved_at": datetime.now(UTC).isoformat()}])
    allowed = timedelta(days=round(1.25 * spec.cadence_days))
    (fresh,) = freshness([spec], today=date(2026, 1, 1) + allowed)
    assert (fresh.status, fresh.age_days) == ("current", allowed.days)
    (late,) = freshness([spec], today=date(2026, 1, 2) + allowed)
    assert late.status == "late"
