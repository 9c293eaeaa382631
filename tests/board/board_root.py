"""A data root with something on every page: two releases, validation over several runs, rows in quarantine, notes on
publishers. Names and words that come from outside are hostile everywhere."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from agrocluster import incidents
from agrocluster.errors import SourceContractError
from agrocluster.model.loader import catalog
from agrocluster.model.specs import Severity, TableKind
from agrocluster.quality.results import Result, Subject, merge, store
from agrocluster.quality.row_rules import quarantine_contract
from agrocluster.storage import atomic, budget, health
from agrocluster.storage.parquet import arrow_schema, write_table
from agrocluster.storage.paths import layout
from support.small_release import contents, publish_small

SCRIPT = "<script>alert('x')</script>\"&"
FIRST, SECOND = "2026-01-01-sample-aa", "2026-02-01-sample-bb"
DATASET, MART = "faostat__qcl", "mart_chain_value"
VINTAGE = f"{DATASET}@2026-01-01-aa"
RUNS = 5
REJECTED = 120


@cache
def token(role: str | None) -> str:
    """A token of a user with ``role``; None is a user who may do nothing."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return str(create_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ana", role=role)))


def build() -> None:
    """Fill the configured data root."""
    _releases()
    _validation()
    _quarantine()
    _publishers()
    error = SourceContractError(SCRIPT, source="faostat", dataset="qcl", remedy="Look at the page.")
    incidents.record(error, dag_id=f"ingest_{DATASET}", run_id="manual", task_id="fetch")


def result(rule_id: str, success: bool | None, severity: Severity = Severity.CRITICAL, **more: object) -> Result:
    return Result(rule_id, "gx", severity, success, "Why this rule exists.", **more)  # type: ignore[arg-type]


def checked(subject: str, results: list[Result], at: str = "2026-01-02T03:04:05Z", run: str = "1") -> None:
    """Store one run of a dataset or mart."""
    layer: Any = "staged" if "__" in subject else "mart"
    subject_id = f"{subject}@{run}" if layer == "staged" else run
    store(layout().quality, Subject(subject, subject_id, layer, "1.0.0"), results, at)


def snapshot(dataset_id: str, stamp: str, files: list[dict[str, Any]]) -> None:
    """A landing record without its files."""
    folder = layout().landing(dataset_id) / f"{stamp}-abc"
    folder.mkdir(parents=True)
    record = {"dataset_id": dataset_id, "snapshot_id": folder.name, "stamp": stamp, "fingerprint": "f"}
    record |= {"scope": "full", "mode": "sample", "files": files}
    (folder / "snapshot.json").write_text(json.dumps(record))


def _releases() -> None:
    tables: dict[str, Any] = dict(contents())
    source, _, dataset = DATASET.partition("__")
    tables["mart_provenance"] = [
        {"source": source, "dataset": dataset, "title": "Crops", "vintage_id": VINTAGE, "stamp": "2026-01-01"}
        | {"scope": "full", "data_mode": "sample", "file": f"{SCRIPT}.zip", "url": f"loopback:/{SCRIPT}", "bytes": 9}
        | {"retrieved_at": "2026-01-02T00:00:00Z", "sha256": "ab" * 32, "licence": "CC-BY-4.0", "attribution": SCRIPT}
    ]
    publish_small(FIRST, tables)
    cells = [dict(row) for row in tables["mart_cluster_baseline"]]
    cells[0] |= {"potential": 71.0, "grade": "C"}
    publish_small(SECOND, {**tables, "mart_cluster_baseline": cells})


def _validation() -> None:
    for n in range(RUNS):
        at = f"2026-01-0{n + 1}T00:00:00Z"
        keys = json.dumps([{"item": SCRIPT}])
        broken = result(
            "no_negatives", success=n % 2 == 0 and n < RUNS - 1, observed=f"{n} of 10 {SCRIPT}", failing_rows=n,
            failing_share=n / 10, threshold="0 rows", sample_keys=keys,
        )  # fmt: skip
        rows = [broken, result("row_count", success=True, observed=f"{100 + n} rows"), result("codes", success=None)]
        checked(DATASET, rows, at, VINTAGE.partition("@")[2] if n == RUNS - 1 else str(n))
        checked(MART, [result("jumps", n < 3, Severity.WARNING, failing_rows=3 * n)], at, f"r{n}")
    merge(layout().quality)


def _quarantine() -> None:
    contract = quarantine_contract(catalog().tables[TableKind.PRODUCTION])
    schema = arrow_schema(contract)
    rows = [
        {"rule_id": "negative" if n % 3 else "no_unit", "reason": "It cannot be.", "iso3": "KGZ", "item": SCRIPT}
        for n in range(REJECTED)
    ]
    write_table(pa.Table.from_pylist(rows, schema=schema), layout().quarantine(VINTAGE), contract, {})


def _publishers() -> None:
    recent = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    file = {"name": f"{SCRIPT}.zip", "format": "f", "url": f"loopback:/{SCRIPT}", "sha256": "0" * 64, "size": 12_345}
    snapshot(DATASET, recent, [{**file, "retrieved_at": f"{recent}T06:00:00Z"}])
    for n, fields in enumerate((["Area", "Item"], ["Area", "Item", SCRIPT])):
        health.note(DATASET, "check", answers=1, seconds=0.1 + n / 10, slowest=0.1 + n / 10)
        counts = {"answers": 3, "seconds": 0.9, "slowest": 0.5, "retries": n, "files": 1, "bytes": 12_345}
        health.note(DATASET, "fetch", f"fetch-{n}", [{"table.csv": fields}], **counts)
    budget.Budget("comtrade", "key", 500).spend()
    assert len(list((layout().root / "state" / "budget").glob("*.json"))) == 1


def damage(kind: str) -> None:
    """Replace one file by nonsense."""
    newest = max(layout().quality.glob(f"runs/{DATASET}/*.parquet"))
    file = {
        "pointer": layout().latest,
        "manifest": layout().releases / SECOND / "manifest.json",
        "results": layout().quality / "quality_results.parquet",
        "run": newest,
        "incident": next((layout().quality / "incidents").glob("*.json")),
        "health": layout().root / "state" / "health" / "sample" / f"{DATASET}.json",
        "snapshot": next(layout().landing(DATASET).glob("*/snapshot.json")),
        "quarantine": layout().quarantine(VINTAGE),
        "provenance": layout().releases / SECOND / "mart_provenance.parquet",
        "budget": next((layout().root / "state" / "budget").glob("*.json")),
    }[kind]
    atomic.write_bytes(file, b"{not what it was")
    later = datetime.now(UTC).timestamp() + 60
    os.utime(file, (later, later))


DAMAGES = (
    "pointer",
    "manifest",
    "results",
    "run",
    "incident",
    "health",
    "snapshot",
    "quarantine",
    "provenance",
    "budget",
)


def addresses() -> dict[str, str]:
    """Every route of the board with its parameters filled in from this data root: path template -> address."""
    return {
        "/": f"/?dag_id=ingest_{DATASET}&run_id=manual",
        "/board.css": "/board.css",
        "/releases": "/releases",
        "/releases/diff": f"/releases/diff?old={FIRST}&new={SECOND}",
        "/releases/{release}": f"/releases/{SECOND}",
        "/validation": "/validation",
        "/validation/{subject}": f"/validation/{DATASET}",
        "/quarantine/{vintage}": f"/quarantine/{VINTAGE}?number=3",
        "/freshness": "/freshness",
        "/sources": "/sources",
        "/sources/{dataset}": f"/sources/{DATASET}",
        "/lineage": "/lineage",
        "/lineage/{mart}": f"/lineage/{MART}?release={FIRST}",
        "/lineage/{mart}/{column}": f"/lineage/{MART}/pp_usd_t",
        "/api/releases": "/api/releases",
        "/api/latest": "/api/latest",
        "/api/releases/{release}/manifest": f"/api/releases/{SECOND}/manifest",
        "/api/releases/{release}/files": f"/api/releases/{SECOND}/files",
        "/api/releases/{release}/files/{name:path}": f"/api/releases/{SECOND}/files/dim_country.parquet",
    }
