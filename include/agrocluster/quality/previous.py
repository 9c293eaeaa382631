"""Rules that compare a table with its predecessor: nothing may get lost without being noticed.

Only for tables that replace their predecessor wholly (full vintages, releases); a partial download has fewer
rows by nature. A new major version of the contract declares that the table means something else: nothing is
compared then, which is also the way to accept a loss on purpose. What changed in value is the business of
``transform.revisions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from agrocluster.model.specs import Severity, TableContract
from agrocluster.quality.results import Result, sample
from agrocluster.storage.parquet import read_metadata

DROP_WARNING, DROP_CRITICAL = 0.10, 0.50
"""Shares of rows lost that are worth a warning, and that stop the release."""
COMPLETENESS = 0.97
"""Share of the predecessor's countries that must be present (method 12)."""


def compare(
    con: duckdb.DuckDBPyConnection, relation: str, previous: Path, contract: TableContract, focus: Sequence[str]
) -> list[Result]:
    """Row count and country coverage of ``relation`` against the Parquet file ``previous``.

    Empty when ``previous`` was written under another major version of the contract.
    """
    if read_metadata(previous).get("contract_version", "").split(".")[0] != contract.version.split(".")[0]:
        return []
    file = str(previous).replace("'", "''")
    old = f"read_parquet('{file}')"
    results = [_row_count(con, relation, old)]
    names = {c.name for c in contract.columns} & set(pq.read_schema(previous).names)
    country = next((name for name in ("iso3", "exporter") if name in names), None)
    return results + (_countries(con, relation, old, country, focus) if country else [])


def _row_count(con: duckdb.DuckDBPyConnection, relation: str, old: str) -> Result:
    before, now = con.execute(f"select (select count(*) from {old}), (select count(*) from {relation})").fetchall()[0]
    drop = max(0.0, 1 - now / before) if before else 0.0
    critical = drop > DROP_CRITICAL
    return Result(
        rule_id="row_count_drop",
        check="sql",
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        success=drop <= DROP_WARNING,
        reason="A file that lost many rows is more often a broken download than a revision.",
        observed=f"{now} rows after {before} ({drop:.1%} fewer)",
        threshold=f"at most {DROP_WARNING:.0%} fewer (warning), {DROP_CRITICAL:.0%} (critical)",
        failing_rows=max(0, before - now),
        failing_share=drop,
    )


def _countries(
    con: duckdb.DuckDBPyConnection, relation: str, old: str, country: str, focus: Sequence[str]
) -> list[Result]:
    before = [c for (c,) in con.execute(f"select distinct {country} from {old} order by 1").fetchall()]
    now = {c for (c,) in con.execute(f"select distinct {country} from {relation}").fetchall()}
    lost = [code for code in before if code not in now]
    lost_focus = [code for code in lost if code in focus]
    share = len(lost) / len(before) if before else 0.0
    return [
        Result(
            rule_id="focus_country_lost",
            check="sql",
            severity=Severity.CRITICAL,
            success=not lost_focus,
            reason="The product is about these countries; one that was there before must not vanish silently.",
            column=country,
            observed=f"lost: {', '.join(lost_focus) or 'none'}",
            threshold="every focus country of the predecessor is present",
            sample_keys=sample({country: code} for code in lost_focus),
        ),
        Result(
            rule_id="world_completeness",
            check="sql",
            severity=Severity.WARNING,
            success=share <= 1 - COMPLETENESS,
            reason="World totals and shares are biased when economies are missing from the reference world.",
            column=country,
            observed=f"{len(before) - len(lost)} of the predecessor's {len(before)} economies are present",
            threshold=f"at least {COMPLETENESS:.0%}",
            failing_share=share,
            sample_keys=sample({country: code} for code in lost),
        ),
    ]
