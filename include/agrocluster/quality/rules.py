"""The table-level rules of a contract, including those it states without saying so.

A column that must not be empty, a code list and a key are rules too; they get an id, a severity and a reason
like any other. No engine here: ``suite`` turns rules into Great Expectations, ``sql_rules`` runs queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from agrocluster.errors import UsageError
from agrocluster.model.specs import Column, Rule, RuleKind, Severity, TableContract

Codelists = Mapping[str, Sequence[str]]


def implied_rules(contract: TableContract, codelists: Codelists) -> list[Rule]:
    """Rules that follow from the columns: ``not_null_<column>`` and ``codelist_<column>``, both critical."""
    rules = [_not_null(column) for column in contract.columns if not column.nullable]
    return rules + [
        Rule(
            id=f"codelist_{column.name}",
            kind=RuleKind.IN_SET,
            severity=Severity.CRITICAL,
            reason=f"Codes outside the list {column.codelist} have no meaning that a reader could look up.",
            column=column.name,
            values=tuple(codelists[column.codelist]),
        )
        for column in contract.columns
        if column.codelist and column.codelist in codelists
    ]


def codelists(con: duckdb.DuckDBPyConnection, contract: TableContract) -> dict[str, list[str]]:
    """The code lists of a contract that can be had: ``a|b|c`` as it stands, ``relation.column`` from ``con``.

    A list whose relation was not supplied is absent from the answer, so that the gate can say so.
    """
    found: dict[str, list[str]] = {}
    known = {name for (name,) in con.execute("select table_name from information_schema.tables").fetchall()}
    for name in {column.codelist for column in contract.columns if column.codelist}:
        relation, dot, column = name.partition(".")
        if not dot:
            found[name] = name.split("|")
        elif relation in known:
            query = f'select distinct cast("{column}" as varchar) from "{relation}" order by 1'
            found[name] = [value for (value,) in con.execute(query).fetchall() if value is not None]
    return found


def describe(rule: Rule) -> str:
    """What a rule asks for, in words."""
    limits = " and ".join(
        f"{word} {limit:g}" for word, limit in (("at least", rule.min), ("at most", rule.max)) if limit is not None
    )
    listed = ", ".join(rule.values[:10]) + (f" and {len(rule.values) - 10} more" if len(rule.values) > 10 else "")
    text = {
        RuleKind.BETWEEN: limits,
        RuleKind.ROW_COUNT: f"{limits} rows",
        RuleKind.IN_SET: f"one of {listed}",
        RuleKind.COVERS: f"all of {listed} occur",
        RuleKind.REGEX: f"matches {rule.pattern}",
        RuleKind.NOT_NULL: "not empty",
        RuleKind.SQL: "0 violations",
    }[rule.kind]
    share = f", in at least {rule.mostly:.4g} of the rows" if rule.mostly < 1 else ""
    return text + share + (f", where {rule.where}" if rule.where else "")


def typed_values(rule: Rule, contract: TableContract) -> list[str | int | float | bool]:
    """The values of a rule in the type of its column. UsageError if one does not fit."""
    kind = contract.column(rule.column or "").type
    convert = {"int16": int, "int32": int, "int64": int, "float64": float}.get(kind, str)
    try:
        return [value == "true" if kind == "bool" else convert(value) for value in rule.values]
    except ValueError as error:
        raise UsageError(f"Rule {rule.id} of {contract.name}: its values do not fit a {kind} column.") from error


def over_all_rows(rule: Rule, contract: TableContract) -> Rule:
    """A rule of any kind as a query, for tables of which only a part goes to Great Expectations."""
    if rule.kind is RuleKind.SQL:
        return rule
    if rule.kind is RuleKind.ROW_COUNT:
        low, high = rule.min or 0, rule.max if rule.max is not None else "9e18"
        query = f"select count(*) as rows from {{table}} having count(*) not between {low} and {high}"
        return rule.model_copy(update={"kind": RuleKind.SQL, "query": query})
    column = f'"{contract.column(rule.column or "").name}"'
    chosen = f"from {{table}} where ({rule.where or 'true'})"
    if rule.kind is RuleKind.COVERS:
        values = ", ".join(f"({_literal(value)})" for value in rule.values)
        present = f"select cast({column} as varchar) {chosen}"
        query = f"select missing from (values {values}) as v(missing) where missing not in ({present})"
    else:
        names = ", ".join(dict.fromkeys([*(f'"{name}"' for name in contract.key), column]))
        query = f"select {names} {chosen} and {_breaks(rule, column, contract)}"
        if rule.mostly < 1:
            judged = "" if rule.kind is RuleKind.NOT_NULL else f" and {column} is not null"
            allowed = f"{1 - rule.mostly!r} * (select count(*) {chosen}{judged})"
            query = f"with bad as ({query}) select * from bad where (select count(*) from bad) > {allowed}"
    return rule.model_copy(update={"kind": RuleKind.SQL, "query": query, "where": None})


def _breaks(rule: Rule, column: str, contract: TableContract) -> str:
    """Condition of the rows that break a rule about single values; a missing value breaks only ``not_null``."""
    if rule.kind is RuleKind.BETWEEN:
        limits = [f"{column} < {rule.min!r}"] if rule.min is not None else []
        limits += [f"{column} > {rule.max!r}"] if rule.max is not None else []
        return f"({' or '.join(limits) or 'false'})"
    if rule.kind is RuleKind.IN_SET:
        return f"{column} not in ({', '.join(_literal(value) for value in typed_values(rule, contract))})"
    if rule.kind is RuleKind.REGEX:
        return f"not regexp_matches({column}, {_literal(rule.pattern or '')})"
    return f"{column} is null"


def _literal(value: str | float | bool) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value).lower()


def _not_null(column: Column) -> Rule:
    return Rule(
        id=f"not_null_{column.name}",
        kind=RuleKind.NOT_NULL,
        severity=Severity.CRITICAL,
        reason="The contract promises a value in every row of this column.",
        column=column.name,
    )
