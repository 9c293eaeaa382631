"""Structure of a Parquet file against its contract: columns, types, nullability and key, on all rows.

Runs first, because it is cheap and because nothing else makes sense when it fails.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from agrocluster.model.specs import Severity, TableContract
from agrocluster.quality import unpruned
from agrocluster.quality.results import Result
from agrocluster.quality.sql_rules import first_rows
from agrocluster.storage.parquet import arrow_schema


def check_schema(path: Path, contract: TableContract) -> list[Result]:
    """Whether the file's columns are the contract's: names in order, types, and nothing nullable that must not be."""
    have, want = pq.read_schema(path), arrow_schema(contract)
    if have.names != want.names:
        missing = [name for name in want.names if name not in have.names]
        extra = [name for name in have.names if name not in want.names]
        parts = [f"missing: {', '.join(missing)}"] if missing else []
        parts += [f"unforeseen: {', '.join(extra)}"] if extra else []
        return [_schema_result("columns", contract, "; ".join(parts) or f"order is {', '.join(have.names)}")]
    wrong = [_difference(have.field(name), want.field(name)) for name in want.names]
    problems = "; ".join(text for text in wrong if text)
    return [_schema_result("columns", contract), _schema_result("types", contract, problems)]


def check_finite(path: Path, contract: TableContract) -> list[Result]:
    """Whether every number is one: a missing value is empty, never not-a-number or infinite."""
    names = [column.name for column in contract.columns if column.type == "float64"]
    if not names:
        return []
    file = str(path).replace("'", "''")
    broken = " or ".join(f'not isfinite("{name}")' for name in names)
    shown = ", ".join(f'"{name}"' for name in dict.fromkeys([*contract.key, *names]))
    with unpruned.connect() as con:
        con.execute(f"create view written as select * from read_parquet('{file}')")
        rows, wrong = con.execute(f"select count(*), count(*) filter ({broken}) from written").fetchall()[0]
        keys = first_rows(con, f"select {shown} from written where {broken}") if wrong else "[]"
    return [
        Result(
            rule_id="finite",
            check="structure",
            severity=Severity.CRITICAL,
            success=wrong == 0,
            reason="Not-a-number and infinity spread through every sum, and readers filter them inconsistently.",
            column=", ".join(names),
            observed=f"{wrong} of {rows} rows hold a value that is no number",
            threshold="0 rows",
            failing_rows=wrong,
            failing_share=wrong / rows if rows else 0.0,
            sample_keys=keys,
        )
    ]


def check_key(con: duckdb.DuckDBPyConnection, relation: str, contract: TableContract) -> list[Result]:
    """Whether the key columns of ``relation`` are filled and no key occurs twice."""
    if not contract.key:
        return []
    key = ", ".join(f'"{name}"' for name in contract.key)
    empty = " or ".join(_is_empty(name, contract) for name in contract.key)
    rows, hashes, holes = con.execute(
        f"select count(*), count(distinct hash({key})), count(*) filter ({empty}) from {relation}"
    ).fetchall()[0]
    complete = Result(
        rule_id="key_complete",
        check="structure",
        severity=Severity.CRITICAL,
        success=holes == 0,
        reason="A row whose key has a hole cannot be joined, compared or revised.",
        column=", ".join(contract.key),
        observed=f"{holes} of {rows} rows have an empty key column",
        threshold="0 rows",
        failing_rows=holes,
        failing_share=holes / rows if rows else 0.0,
        sample_keys=first_rows(con, f"select {key} from {relation} where {empty}") if holes else "[]",
    )
    # Distinct hashes prove distinct keys at a fraction of the memory; only a clash needs the exact count.
    doubled, samples = 0, "[]"
    if hashes != rows:
        groups = f"select {key}, count(*) as copies from {relation} group by {key} having count(*) > 1"
        doubled = int(con.execute(f"select coalesce(sum(copies), 0) from ({groups})").fetchall()[0][0])
        samples = first_rows(con, f"{groups} order by {key}")
    unique = Result(
        rule_id="key_unique",
        check="structure",
        severity=Severity.CRITICAL,
        success=doubled == 0,
        reason="Two rows with one key are counted twice in every sum and share.",
        column=", ".join(contract.key),
        observed=f"{doubled} of {rows} rows share their key with another row",
        threshold="0 rows",
        failing_rows=doubled,
        failing_share=doubled / rows if rows else 0.0,
        sample_keys=samples,
    )
    return [complete, unique]


def _is_empty(name: str, contract: TableContract) -> str:
    text = contract.column(name).type == "string"
    return f'("{name}" is null or "{name}" = \'\')' if text else f'"{name}" is null'


def _difference(have: pa.Field, want: pa.Field) -> str:
    if have.type != want.type:
        return f"{want.name} is {have.type}, must be {want.type}"
    if have.nullable and not want.nullable:
        return f"{want.name} may be empty, must not"
    return ""


def _schema_result(rule_id: str, contract: TableContract, problem: str = "") -> Result:
    reasons = {
        "columns": "Readers rely on the columns that the contract promises, no more and no fewer.",
        "types": "A column of another type joins, sorts and sums differently.",
    }
    return Result(
        rule_id=rule_id,
        check="structure",
        severity=Severity.CRITICAL,
        success=not problem,
        reason=reasons[rule_id],
        observed=problem or "as in the contract",
        threshold=f"contract {contract.name} {contract.version}",
    )
