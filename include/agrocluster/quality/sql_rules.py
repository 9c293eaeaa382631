"""Rules stated as a query: every row the query returns is a violation, so none may come back.

The query is DuckDB SQL from a contract, hence from our own catalogue; ``{table}`` stands for the table under
test, other tables go by their names.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from agrocluster.model.specs import Rule
from agrocluster.quality.results import SAMPLES, Check, Result, sample


def run_sql_rules(con: duckdb.DuckDBPyConnection, relation: str, rules: Iterable[Rule]) -> list[Result]:
    """Run rules of kind ``sql`` against ``relation``. A query that fails to run counts as broken, with its error."""
    return [_run(con, relation, rule) for rule in rules]


def _run(con: duckdb.DuckDBPyConnection, relation: str, rule: Rule) -> Result:
    query = (rule.query or "").strip().rstrip(";").replace("{table}", relation)
    try:
        con.execute(f"create or replace temp table violations as {query}")
        count = int(con.execute("select count(*) from violations").fetchall()[0][0])
        keys = first_rows(con, "from violations order by all")
    except duckdb.Error as error:
        return could_not_run(rule, "sql", error)
    return Result(
        rule_id=rule.id,
        check="sql",
        severity=rule.severity,
        success=count == 0,
        reason=rule.reason,
        column=rule.column,
        observed=f"{count} violation(s)",
        threshold="0 violations",
        failing_rows=count,
        sample_keys=keys,
    )


def first_rows(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """The first rows of a query, in the form that results keep them."""
    cursor = con.execute(f"{query} limit {SAMPLES}")
    names = [column[0] for column in cursor.description or []]
    return sample(dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def could_not_run(rule: Rule, check: Check, error: Exception) -> Result:
    """The result of a rule that broke down: not met, with the error as what was observed."""
    return Result(
        rule_id=rule.id,
        check=check,
        severity=rule.severity,
        success=False,
        reason=rule.reason,
        column=rule.column,
        observed=f"the rule could not run: {str(error).splitlines()[0]}",
        threshold="a rule that runs",
    )
