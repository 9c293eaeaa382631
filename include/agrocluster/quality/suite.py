"""Great Expectations suites generated from contracts, run on pandas batches in an ephemeral context.

The only module that knows Great Expectations, imported inside functions because it takes seconds. Batches are
pandas because version 1.24 cannot query DuckDB through SQLAlchemy (its issues 10738 and 11579), and the context
is ephemeral because processes that share a file context read each other's half-written files. Rules with a
``where`` run on a batch of just those rows, as DuckDB selects them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa

from agrocluster.model.specs import Rule, RuleKind, Severity, TableContract
from agrocluster.quality.results import SAMPLES, Result, sample
from agrocluster.quality.rules import describe, typed_values
from agrocluster.quality.sql_rules import could_not_run

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.expectations import Expectation


@dataclass(frozen=True)
class Scope:
    """Which rows of a large table are looked at: an SQL condition, and the same in words."""

    condition: str
    words: str


UNIQUE = Rule(
    id="key_unique",
    kind=RuleKind.NOT_NULL,
    severity=Severity.CRITICAL,
    reason="Two rows with one key are counted twice in every sum and share.",
)
"""Stands for the uniqueness of the whole key, which contracts state as ``key`` and not as a rule."""


def run_suite(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    contract: TableContract,
    rules: Sequence[Rule],
    *,
    scope: Scope | None = None,
    check_key: bool = True,
) -> list[Result]:
    """Validate ``rules`` (all kinds but ``sql``) on the rows of ``relation``.

    Args:
        scope: limits a large table to the rows worth looking at; it is named in the results.
        check_key: add the uniqueness of the contract's key.

    Returns:
        One result per rule. A rule that breaks down (a bad ``where``, an error inside the library) is not met.
    """
    context = _context()
    planned = list(rules) + ([UNIQUE] if check_key and contract.key else [])
    results: list[Result] = []
    for where, group in groupby(sorted(planned, key=lambda rule: rule.where or ""), key=lambda rule: rule.where):
        together = list(group)
        try:
            frame = _frame(con, relation, contract, together, _conditions(where, scope))
        except duckdb.Error as error:
            results.extend(could_not_run(rule, "gx", error) for rule in together)
            continue
        results.extend(_validate(context, frame, contract, together, scope))
    return results


def expectation(rule: Rule, contract: TableContract) -> Expectation:
    """The expectation that states ``rule``, with its severity and, in ``meta``, its id and reason."""
    import great_expectations.expectations as gxe

    common: dict[str, Any] = {"severity": str(rule.severity), "meta": {"rule_id": rule.id, "reason": rule.reason}}
    if rule is UNIQUE:
        if len(contract.key) == 1:
            return gxe.ExpectColumnValuesToBeUnique(column=contract.key[0], **common)
        return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(contract.key), **common)
    limits: dict[str, Any] = {"min_value": rule.min, "max_value": rule.max}
    if rule.kind is RuleKind.ROW_COUNT:
        return gxe.ExpectTableRowCountToBeBetween(**limits, **common)
    common["column"] = contract.column(rule.column or "").name
    if rule.kind is RuleKind.COVERS:
        return gxe.ExpectColumnDistinctValuesToContainSet(value_set=typed_values(rule, contract), **common)
    common["mostly"] = rule.mostly
    if rule.kind is RuleKind.BETWEEN:
        return gxe.ExpectColumnValuesToBeBetween(**limits, **common)
    if rule.kind is RuleKind.IN_SET:
        return gxe.ExpectColumnValuesToBeInSet(value_set=typed_values(rule, contract), **common)
    if rule.kind is RuleKind.REGEX:
        return gxe.ExpectColumnValuesToMatchRegex(regex=rule.pattern or "", **common)
    return gxe.ExpectColumnValuesToNotBeNull(**common)


def _context() -> EphemeralDataContext:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _conditions(where: str | None, scope: Scope | None) -> list[str]:
    return [condition for condition in (where, scope.condition if scope else None) if condition]


def _frame(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    contract: TableContract,
    rules: Sequence[Rule],
    conditions: Sequence[str],
) -> pd.DataFrame:
    needed = {rule.column for rule in rules} | set(contract.key)
    names = [column.name for column in contract.columns if column.name in needed] or [contract.columns[0].name]
    where = " and ".join(f"({condition})" for condition in conditions) or "true"
    columns = ", ".join(f'"{name}"' for name in names)
    query = f"select {columns} from {relation} where {where}"
    table: pa.Table = con.sql(query).to_arrow_table()
    # Categorical text is several times smaller and faster to test; integers stay integers beside missing values.
    return table.to_pandas(strings_to_categorical=True, types_mapper=_integers_stay)


def _integers_stay(kind: pa.DataType) -> pd.ArrowDtype | None:
    return pd.ArrowDtype(kind) if pa.types.is_integer(kind) or pa.types.is_boolean(kind) else None


def _validate(
    context: EphemeralDataContext,
    frame: pd.DataFrame,
    contract: TableContract,
    rules: Sequence[Rule],
    scope: Scope | None,
) -> list[Result]:
    import great_expectations as gx

    source = context.data_sources.add_pandas(f"batch_{len(context.data_sources.all())}")
    batches = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("whole")
    batch = batches.get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name=contract.name, expectations=[expectation(rule, contract) for rule in rules])
    # Positions of failing rows cost nothing in SUMMARY; asking the library for their keys loops over every row.
    outcome = batch.validate(suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": SAMPLES})
    by_id = {rule.id: rule for rule in rules}
    found: list[Any] = outcome.results
    return [_result(by_id[one.expectation_config.meta["rule_id"]], one, frame, contract, scope) for one in found]


def _result(rule: Rule, found: Any, frame: pd.DataFrame, contract: TableContract, scope: Scope | None) -> Result:
    details = found.result or {}
    failing = details.get("unexpected_count")
    if not details:
        observed = f"the rule could not run: {_exception(found)}"
    elif failing is not None:
        observed = f"{failing} of {details['element_count']} rows break the rule"
    elif rule.kind is RuleKind.COVERS:
        observed = f"missing: {', '.join(map(str, details.get('partial_missing_list') or [])) or 'none'}"
    else:
        observed = f"{details.get('observed_value')} rows"
    positions = [int(position) for position in details.get("partial_unexpected_index_list") or []]
    shown = list(dict.fromkeys([*contract.key, *([rule.column] if rule.column else [])]))
    rows = frame.iloc[positions][shown].astype(object)
    keys: list[Any] = rows.where(rows.notna(), None).to_dict("records") if positions else []
    percent = details.get("unexpected_percent")
    return Result(
        rule_id=rule.id,
        check="gx",
        severity=rule.severity,
        success=bool(found.success),
        reason=rule.reason,
        column=", ".join(contract.key) if rule is UNIQUE else rule.column,
        observed=observed + (f" (judged on {scope.words})" if scope else ""),
        threshold="no key twice" if rule is UNIQUE else describe(rule),
        failing_rows=failing,
        failing_share=percent / 100 if percent is not None else None,
        sample_keys="[]" if found.success else sample(keys),
    )


def _exception(found: Any) -> str:
    info = found.exception_info or {}
    if "exception_message" not in info:
        info = next(iter(info.values()), {})
    return str(info.get("exception_message") or "no reason given").splitlines()[0]
