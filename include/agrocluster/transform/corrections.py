"""The correction ledger at work: known upstream errors, mended as declared and watched for their end.

Every entry carries a guard (``expect``): a condition that all rows in question must still meet. When the
publisher has changed them, the correction is not applied but reported as ``fixed_upstream``, so that the ledger
does not outlive the errors. Corrections never invent rows and never touch the raw files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from agrocluster.errors import UsageError
from agrocluster.model.specs import Correction, TableContract
from agrocluster.storage.parquet import read_metadata, write_table

CORRECTED = "corrected"
"""Flag of a row whose value was replaced, unless the entry names another one."""


def apply_corrections(path: Path, corrections: Sequence[Correction], contract: TableContract) -> list[dict[str, Any]]:
    """Apply ``corrections``, in their order, to the staged Parquet file at ``path`` and replace it.

    All guards look at the rows as staged, before any correction. ``override`` and ``scale`` change the value
    column of the contract (``value``, else ``value_usd``) and set the flag; ``flag`` sets the flag alone;
    ``drop`` removes the rows.

    Returns:
        One JSON-able entry per correction: ``id, action, status, rows, reason, provider``. Status is
        ``applied`` (``rows`` were changed), ``fixed_upstream`` (``rows`` no longer meet the guard, or the entry
        says so), ``absent`` (no row matches). The file is left alone when nothing applies.

    Raises UsageError naming the correction whose SQL is not valid.
    """
    value = "value" if any(column.name == "value" for column in contract.columns) else "value_usd"
    with duckdb.connect() as con:
        file = str(path).replace("'", "''")
        con.execute(f"create view staged as select * from read_parquet('{file}')")
        report = [_judge(con, correction) for correction in corrections]
        applied = [c for c, line in zip(corrections, report, strict=True) if line["status"] == "applied"]
        if applied:
            query = "staged"
            for correction in applied:
                query = f"({_corrected(query, correction, value)})"
            facts = {name: text for name, text in read_metadata(path).items() if not name.startswith("contract")}
            facts["corrections"] = ",".join(correction.id for correction in applied)
            rows = con.sql(f"select * from {query}").to_arrow_reader(122_880)
            write_table(rows, path, contract, facts, ordered=False)
    return report


def _judge(con: duckdb.DuckDBPyConnection, correction: Correction) -> dict[str, Any]:
    query = f"select count(*), count(*) filter (({correction.expect}) is not true) from staged where {correction.where}"
    try:
        matched, changed = con.execute(query).fetchall()[0]
    except duckdb.Error as error:
        raise UsageError(
            f"The correction {correction.id} has invalid SQL: {str(error).splitlines()[0]}",
            dataset=correction.dataset,
            remedy="Correct where or expect of the entry in catalog/corrections.",
        ) from error
    if correction.status == "fixed_upstream" or changed:
        status, rows = "fixed_upstream", changed
    else:
        status, rows = ("applied" if matched else "absent"), matched
    return {
        "id": correction.id,
        "action": correction.action,
        "status": status,
        "rows": int(rows),
        "reason": correction.reason,
        "provider": correction.provider,
    }


def _corrected(rows: str, correction: Correction, value: str) -> str:
    where = f"({correction.where})"
    if correction.action == "drop":
        return f"select * from {rows} where {where} is not true"
    flag = (correction.flag or CORRECTED).replace("'", "''")
    changes = [f"case when {where} then '{flag}' else flag end as flag"]
    if correction.action != "flag":
        if correction.value is None:
            raise UsageError(f"The correction {correction.id} needs a value.", dataset=correction.dataset)
        new = repr(correction.value) if correction.action == "override" else f"{value} * {correction.value!r}"
        changes.append(f"case when {where} then {new} else {value} end as {value}")
    return f"select * replace ({', '.join(changes)}) from {rows}"
