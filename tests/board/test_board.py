"""The board: who may see it, what it shows, and what it shows when something is missing or broken."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi.testclient import TestClient

from agrocluster import incidents
from agrocluster.board.app import app
from agrocluster.board.freshness import Freshness, freshness, stamp_date
from agrocluster.errors import SourceContractError
from agrocluster.model.loader import catalog
from agrocluster.model.specs import Severity
from agrocluster.quality.results import Result, Subject, store
from agrocluster.storage.paths import layout

pytestmark = pytest.mark.airflow
SCRIPT = "<script>alert(1)</script>"


@cache
def client(role: str | None = None) -> TestClient:
    browser = TestClient(app)
    if role:
        user = SimpleAuthManagerUser(username="ana", role=role)
        browser.headers["Authorization"] = f"Bearer {create_auth_manager().generate_jwt(user)}"
    return browser


def page(query: str = "") -> str:
    answer = client("VIEWER").get(f"/{query}")
    assert answer.status_code == 200
    return answer.text


def result(rule_id: str, success: bool | None, severity: Severity = Severity.CRITICAL, **more: object) -> Result:
    return Result(rule_id, "gx", severity, success, "Why this rule exists.", **more)  # type: ignore[arg-type]


def checked(subject: str, results: list[Result], at: str = "2026-01-02T03:04:05Z") -> None:
    store(layout().quality, Subject(subject, f"{subject}@1", "staged", "1.0.0"), results, at)


def release(**more: object) -> None:
    """A release as ``release.publish`` leaves it, reduced to what the board reads."""
    mart = {"name": "dim_country", "rows": 1234, "bytes": 99, "title_en": "Countries", "contract_version": "0.1.0"}
    manifest = {"release": "r1", "data_mode": "sample", "label": "SAMPLE DATA - NOT REAL STATISTICS", "version": "0"}
    manifest |= {"marts": [{**mart, "warnings": ["few_rows"]}], "vintages": [{}], **more}
    folder = layout().releases / "r1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    layout().latest.write_text(json.dumps({"release": "r1"}))


@pytest.mark.parametrize("path", ["/", "/board.css"])
def test_nobody_sees_it_without_a_login(data_root: Path, path: str) -> None:
    assert client().get(path).status_code == 401
    assert client("VIEWER").get(path).status_code == 200


def test_an_empty_data_root_has_a_page_that_says_what_to_do(data_root: Path) -> None:
    text = page()
    assert "No release has been published yet" in text
    assert "Nothing has been checked yet" in text
    assert "never fetched" in text
    assert "SAMPLE DATA" in text, "the mode is sample even before the first release"


def test_the_release_its_marts_and_its_mode_are_shown(data_root: Path) -> None:
    release()
    text = page()
    for wanted in ("r1", "SAMPLE DATA - NOT REAL STATISTICS", "dim_country", "1\u202f234", "few_rows"):
        assert wanted in text
    assert "No release has been published yet" not in text


def test_the_last_results_are_shown_with_what_was_observed(data_root: Path) -> None:
    checked("faostat__qcl", [result("old_rule", success=False)], "2026-01-01T00:00:00Z")
    late = [
        result("no_negatives", success=False, observed="3 negative values", failing_rows=3),
        result("years", success=True),
        result("codes", success=None),
    ]
    checked("faostat__qcl", late, "2026-02-01T00:00:00Z")
    text = page()
    assert "3 negative values" in text
    assert "1 of 3 rules hold, 1 not judged" in text
    assert "old_rule" not in text


def test_incidents_are_open_until_the_dag_succeeds(data_root: Path) -> None:
    error = SourceContractError("HTML instead of JSON.", source="faostat", dataset="qcl", remedy="Look at the page.")
    incidents.record(error, dag_id="ingest_faostat__qcl", run_id="r", task_id="fetch")
    text = page()
    assert "HTML instead of JSON." in text
    assert "Look at the page." in text
    assert "1 open" in text
    assert incidents.resolve("ingest_faostat__qcl") == 1
    assert "0 open" in page()


def test_the_tab_of_a_run_shows_its_dataset_alone(data_root: Path) -> None:
    checked("faostat__qcl", [result("rule_of_qcl", success=True)])
    checked("cepii__baci_hs12", [result("rule_of_baci", success=True)])
    text = page("?dag_id=ingest_faostat__qcl&run_id=x")
    assert "rule_of_qcl" in text
    assert "rule_of_baci" not in text
    assert "rule_of_baci" in page(f"?dag_id={SCRIPT}")


def test_nothing_from_data_becomes_markup(data_root: Path) -> None:
    release(release=SCRIPT, label=SCRIPT)
    checked("faostat__qcl", [result("rule", success=False, observed=SCRIPT, sample_keys=json.dumps([SCRIPT]))])
    incidents.record(SourceContractError(SCRIPT, remedy=SCRIPT), dag_id="marts", run_id="r", task_id="t")
    text = page(f"?dag_id={SCRIPT}")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_page_loads_nothing_from_elsewhere(data_root: Path) -> None:
    answer = client("VIEWER").get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "://" not in answer.text


@pytest.mark.parametrize("damage", ["pointer", "manifest", "results", "incident"])
def test_a_damaged_file_breaks_its_section_and_not_the_page(data_root: Path, damage: str) -> None:
    release()
    checked("faostat__qcl", [result("a_rule", success=True)])
    incidents.record("out of memory", dag_id="marts", run_id="r", task_id="t")
    damaged = {
        "pointer": layout().latest,
        "manifest": layout().releases / "r1" / "manifest.json",
        "results": next(layout().quality.glob("runs/*/*.parquet")),
        "incident": next((layout().quality / "incidents").glob("*.json")),
    }[damage]
    damaged.write_text("{not JSON")
    text = page()
    assert "is damaged" in text or "cannot be read" in text
    assert ("a_rule" in text) is (damage != "results")
    assert ("1 open" in text) is True


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
    folder = layout().landing(spec.id) / "2026-01-01-abc"
    folder.mkdir(parents=True)
    file = {"name": "a.zip", "format": "f", "url": "u", "sha256": "0", "size": 1}
    file["retrieved_at"] = datetime.now(UTC).isoformat()
    record = {"dataset_id": spec.id, "snapshot_id": folder.name, "stamp": "2026-01-01", "fingerprint": "f"}
    record |= {"scope": "full", "mode": "sample", "files": [file]}
    (folder / "snapshot.json").write_text(json.dumps(record))
    allowed = timedelta(days=round(1.25 * spec.cadence_days))
    (fresh,) = freshness([spec], today=date(2026, 1, 1) + allowed)
    assert (fresh.status, fresh.age_days) == ("current", allowed.days)
    (late,) = freshness([spec], today=date(2026, 1, 2) + allowed)
    assert late.status == "late"
