"""Row rules: rows that cannot be right go to quarantine with rule and reason, the others go on.

A rule is an SQL condition from a contract or a dataset. A row that breaks several rules is kept once, under
the first of them, so that accepted and rejected rows always add up to what came in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from agrocluster.errors import UsageError
from agrocluster.model.specs import Column, RowRule, Severity, TableContract, Text
from agrocluster.quality import unpruned
from agrocluster.quality.results import Result
from agrocluster.storage.parquet import read_metadata, write_table

BATCH = 122_880


def apply_row_rules(
    parquet_in: Path, rules: Sequence[RowRule], out_clean: Path, out_quarantine: Path, contract: TableContract
) -> dict[str, int]:
    """Split the rows of ``parquet_in`` by ``rules``; returns the number of rejected rows per rule id.

    When no row breaks a rule, which one pass finds out, ``parquet_in`` itself becomes ``out_clean`` and there
    is no quarantine file. Otherwise ``out_clean`` gets the good rows in their order, and ``out_quarantine``
    the bad ones with ``rule_id`` and ``reason`` in front. A condition that is NULL for a row does not reject it.

    Raises UsageError naming the rule whose condition DuckDB does not understand.
    """
    counts = dict.fromkeys((rule.id for rule in rules), 0)
    with unpruned.connect() as con:
        file = str(parquet_in).replace("'", "''")
        con.execute(f"create view staged as select * from read_parquet('{file}')")
        for rule in rules:
            _try(con, rule)
        broken = "case " + " ".join(f"when {rule.reject_if} then '{rule.id}'" for rule in rules) + " end"
        if rules:
            found = con.execute(f"select {broken} as rule, count(*) from staged group by rule").fetchall()
            counts |= {rule: rows for rule, rows in found if rule is not None}
        if not any(counts.values()):
            parquet_in.replace(out_clean)
            return counts
        facts = {name: text for name, text in read_metadata(parquet_in).items() if not name.startswith("contract")}
        good = con.sql(f"select * from staged where ({broken}) is null").to_arrow_reader(BATCH)
        write_table(good, out_clean, contract, facts, ordered=False)
        reasons = "case " + " ".join(f"when {rule.reject_if} then {_quoted(rule.reason)}" for rule in rules) + " end"
        bad = con.sql(f"select {broken} as rule_id, {reasons} as reason, * from staged where ({broken}) is not null")
        write_table(bad.to_arrow_reader(BATCH), out_quarantine, quarantine_contract(contract), facts, ordered=False)
    return counts


def quarantine_results(rows: int, quarantined: Mapping[str, int], most: float) -> list[Result]:
    """What rejected rows mean for the table they were taken from: a warning, and too many of them a stop.

    Args:
        rows: rows that were kept.
        quarantined: rows that were rejected, by rule.
        most: share of rejected rows above which the table may not be used.
    """
    rejected = sum(quarantined.values())
    share = rejected / (rows + rejected) if rejected else 0.0
    listed = ", ".join(f"{count} by {rule}" for rule, count in sorted(quarantined.items())) or "none"

    def result(rule_id: str, severity: Severity, limit: float, reason: str) -> Result:
        return Result(
            rule_id=rule_id,
            check="row",
            severity=severity,
            success=share <= limit,
            reason=reason,
            observed=f"{rejected} of {rows + rejected} rows rejected ({listed})",
            threshold=f"at most {limit:.0%} of the rows",
            failing_rows=rejected,
            failing_share=share,
        )

    told = "Rows that cannot be right are left out of every figure; somebody should look at them in quarantine."
    stop = "Where so many rows cannot be right, the others were probably misread too."
    return [
        result("rows_rejected", Severity.WARNING, 0.0, told),
        result("rows_rejected_most", Severity.CRITICAL, most, stop),
    ]


def quarantine_contract(contract: TableContract) -> TableContract:
    """The contract of rejected rows: rule and reason, then the table's columns, any of which may be empty."""
    rule = Column(name="rule_id", type="string", text=Text(en="Rule the row breaks", ru="Нарушенное правило"))
    why = Column(name="reason", type="string", text=Text(en="Why the rule exists", ru="Зачем нужно правило"))
    columns = [column.model_copy(update={"nullable": True}) for column in contract.columns]
    return contract.model_copy(
        update={"name": f"quarantine_{contract.name}", "columns": (rule, why, *columns), "key": (), "sort": ()}
    )


def _try(con: duckdb.DuckDBPyConnection, rule: RowRule) -> None:
    try:
        con.execute(f"select 1 from staged where {rule.reject_if} limit 0")
    except duckdb.Error as error:
        raise UsageError(
            f"The condition of row rule {rule.id} is not valid: {str(error).splitlines()[0]}",
            remedy="Correct reject_if in the table's contract or in the dataset's entry of the catalogue.",
        ) from error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
