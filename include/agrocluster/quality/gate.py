"""The gate: runs every rule of a contract on one Parquet file and says whether it may be published.

Order: structure (cheap, all rows), Great Expectations (domains, ranges, completeness), SQL rules (relations
between tables), comparison with the predecessor. A critical failure stops the release, a warning publishes
with a flag, info is recorded. All results are stored; nothing here changes data.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from agrocluster.errors import DataGateError
from agrocluster.model.loader import catalog
from agrocluster.model.specs import Rule, RuleKind, Severity, TableContract
from agrocluster.quality import previous as predecessor
from agrocluster.quality.results import Result, Subject, run_file, store
from agrocluster.quality.rules import Codelists, codelists, implied_rules, over_all_rows
from agrocluster.quality.sql_rules import run_sql_rules
from agrocluster.quality.structure import check_finite, check_key, check_schema
from agrocluster.quality.suite import Scope, run_suite
from agrocluster.storage.paths import layout

TABLE = "table_under_test"
COUNTRY_COLUMNS = ("iso3", "exporter", "importer")


@dataclass(frozen=True)
class Summary:
    """Outcome of one check.

    Attributes:
        results: every result, in the order of the checks.
        stored: the Parquet file with the results.
    """

    subject: Subject
    results: tuple[Result, ...]
    stored: Path

    @property
    def failures(self) -> tuple[Result, ...]:
        """Results of rules that are broken, the most severe first."""
        order = list(Severity)
        broken = [result for result in self.results if result.success is False]
        return tuple(sorted(broken, key=lambda result: order.index(result.severity)))

    @property
    def failed(self) -> dict[str, int]:
        """Number of broken rules by severity; all severities are present."""
        counted = Counter(str(result.severity) for result in self.failures)
        return {str(severity): counted[str(severity)] for severity in Severity}

    @property
    def passed(self) -> bool:
        """Whether no critical rule is broken."""
        return self.failed[Severity.CRITICAL] == 0

    def warnings(self) -> list[str]:
        """Ids of the broken warning rules, sorted."""
        return sorted({result.rule_id for result in self.failures if result.severity is Severity.WARNING})

    def as_dict(self) -> dict[str, Any]:
        """JSON-able summary: counts, and rule, severity and observation of every failure."""
        return {
            "subject": self.subject.subject,
            "subject_id": self.subject.subject_id,
            "checked": len(self.results),
            "not_judged": sum(result.success is None for result in self.results),
            "failed": self.failed,
            "passed": self.passed,
            "failures": [
                {"rule_id": r.rule_id, "severity": str(r.severity), "column": r.column, "observed": r.observed}
                for r in self.failures
            ],
        }

    def raise_if_critical(self) -> None:
        """Raise DataGateError for the critical failures, if any; the first is told in full."""
        critical = [result for result in self.failures if result.severity is Severity.CRITICAL]
        if not critical:
            return
        first = critical[0]
        keys = ", ".join(json.dumps(key, ensure_ascii=False) for key in json.loads(first.sample_keys)[:3])
        others = f" {len(critical) - 1} more critical rule(s) are broken." if len(critical) > 1 else ""
        source, _, dataset = self.subject.subject.partition("__")
        raise DataGateError(
            f"{self.subject.subject} breaks the critical rule {first.rule_id}: {first.observed}; asked for: "
            f"{first.threshold}. Why it matters: {first.reason}"
            + (f" First failing rows: {keys}." if keys else "")
            + others,
            source=source if dataset else None,
            dataset=dataset or self.subject.subject,
            period=self.subject.subject_id,
            remedy=f"The last release stays as it is. All results are in {self.stored}; "
            f"`agrocluster check {self.subject.subject}` shows them.",
        )


def check(
    path: Path,
    contract: TableContract,
    *,
    subject: str,
    subject_id: str,
    layer: Literal["staged", "mart"],
    extra_rules: Sequence[Rule] = (),
    relations: Mapping[str, Path | pa.Table] | None = None,
    previous: Path | None = None,
    found: Sequence[Result] = (),
    max_gx_rows: int = 2_000_000,
    quality: Path | None = None,
) -> Summary:
    """Run all rules of ``contract`` and ``extra_rules`` on the Parquet file at ``path`` and store the results.

    Args:
        subject: dataset id or mart name; subject_id: vintage id or release id.
        relations: Parquet files or tables that SQL rules and code lists may read, by relation name.
        previous: the predecessor's file, if the new one is meant to replace all of it (see ``previous``).
        max_gx_rows: above this, Great Expectations sees the focus countries and a deterministic sample, and every
            row is judged by the same rules as queries.
        found: results that were established elsewhere, to be stored and weighed with the others.
        quality: folder of results, by default that of the configured data root.

    Returns:
        The summary; it raises nothing for broken rules, see ``Summary.raise_if_critical``.
    """
    about = Subject(subject, subject_id, layer, contract.version)
    results = [*found, *check_schema(path, contract)]
    if all(result.success for result in results):
        results += check_finite(path, contract)
        with duckdb.connect() as con:
            _view(con, TABLE, path)
            for name, relation in (relations or {}).items():
                _view(con, name, relation)
            results += check_key(con, TABLE, contract)
            results += _rules(con, contract, [*contract.rules, *extra_rules], max_gx_rows)
            if previous is not None:
                results += predecessor.compare(con, TABLE, previous, contract, _focus())
    folder = quality if quality is not None else layout().quality
    store(folder, about, results, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return Summary(about, tuple(results), run_file(folder, subject, subject_id))


def _rules(
    con: duckdb.DuckDBPyConnection, contract: TableContract, stated: Sequence[Rule], max_gx_rows: int
) -> list[Result]:
    lists = codelists(con, contract)
    rules = [*implied_rules(contract, lists), *stated]
    rows = int(con.execute(f"select count(*) from {TABLE}").fetchall()[0][0])
    scope = _scope(contract, rows, max_gx_rows) if rows > max_gx_rows else None
    # A part says nothing about shares, about how many rows there are and which values occur.
    single = (RuleKind.BETWEEN, RuleKind.IN_SET, RuleKind.REGEX, RuleKind.NOT_NULL)
    fit = [rule for rule in rules if rule.kind in single and rule.mostly == 1] if scope else rules
    partial = [rule for rule in fit if rule.kind is not RuleKind.SQL]
    whole = [over_all_rows(rule, contract) for rule in rules if scope or rule not in partial]
    judged = run_suite(con, TABLE, contract, partial, scope=scope, check_key=scope is None)
    return [*_stricter(judged, run_sql_rules(con, TABLE, whole)), *_not_judged(contract, lists)]


def _stricter(of_part: Sequence[Result], of_whole: Sequence[Result]) -> list[Result]:
    """One result per rule: that of the query over all rows, unless only Great Expectations found fault."""
    queried = {result.rule_id: result for result in of_whole}
    overruled = {r.rule_id for r in of_part if r.rule_id in queried and (r.success or not queried[r.rule_id].success)}
    faulted = {r.rule_id for r in of_part} - overruled
    return [r for r in of_part if r.rule_id in faulted] + [r for r in of_whole if r.rule_id not in faulted]


def _scope(contract: TableContract, rows: int, max_gx_rows: int) -> Scope:
    """Rows of the focus countries, and about half of ``max_gx_rows`` others, chosen by a hash of their key."""
    focus = ", ".join(f"'{iso3}'" for iso3 in _focus())
    have = {column.name for column in contract.columns}
    parts = [f"{name} in ({focus})" for name in COUNTRY_COLUMNS if name in have and focus]
    key = ", ".join(f'"{name}"' for name in contract.key or (contract.columns[0].name,))
    nth = 2 * rows // max_gx_rows + 1
    words = f"the rows of the focus countries and one in {nth} of the others, {rows} rows in all"
    return Scope(" or ".join([*parts, f"hash({key}) % {nth} = 0"]), words)


def _not_judged(contract: TableContract, lists: Codelists) -> list[Result]:
    return [
        Result(
            rule_id=f"codelist_{column.name}",
            check="gx",
            severity=Severity.CRITICAL,
            success=None,
            reason=f"Codes outside the list {column.codelist} have no meaning that a reader could look up.",
            column=column.name,
            observed=f"not judged: the code list {column.codelist} was not supplied",
            threshold=f"a code of {column.codelist}",
        )
        for column in contract.columns
        if column.codelist and column.codelist not in lists
    ]


def _focus() -> tuple[str, ...]:
    return catalog().focus()


def _view(con: duckdb.DuckDBPyConnection, name: str, rows: Path | pa.Table) -> None:
    if isinstance(rows, pa.Table):
        con.register(name, rows)
        return
    file = str(rows).replace("'", "''")
    con.execute(f"create view \"{name}\" as select * from read_parquet('{file}')")
