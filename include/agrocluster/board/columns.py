"""Which columns of its inputs a column of a mart is computed from, as far as the mart's SQL says so.

DuckDB parses the statement; from the select list names are followed through common table expressions and subqueries
to relations that the contract names as inputs. Marts that are made in Python are not followed: None says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import duckdb

from agrocluster.marts import relations
from agrocluster.marts.build import HERE
from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableKind

Node = dict[str, Any]
DEEPEST = 60
"""Steps that a name is followed; beyond lie only statements that name themselves."""


class Origin(NamedTuple):
    """``column`` of ``relation``: of an input, which an expression names on the way to the column asked for."""

    relation: str
    column: str


@dataclass
class _Query:
    """One SELECT: what it puts out, queries within these expressions, what it reads under which name, the named
    queries it can see, and its stars (of which relation, without which columns)."""

    outputs: dict[str, list[Node]] = field(default_factory=dict)
    inner: dict[str, list[_Query]] = field(default_factory=dict)
    reads: dict[str, str | list[_Query]] = field(default_factory=dict)
    named: dict[str, list[_Query]] = field(default_factory=dict)
    stars: list[tuple[str, frozenset[str]]] = field(default_factory=list)


@cache
def origins(mart: str, column: str) -> tuple[Origin, ...] | None:
    """Columns of inputs that ``column`` of ``mart`` is computed from, sorted; None where that cannot be read off,
    because the mart is made by a program or in several statements.

    Conditions (WHERE, JOIN, GROUP BY) decide which rows count and are not listed.
    """
    queries = _parsed(mart)
    if queries is None:
        return None
    found: set[Origin] = set()
    for query in queries:
        _follow(query, column, found, set(), DEEPEST)
    inputs = catalog().marts[mart].inputs
    return tuple(sorted(found)) if all(origin.relation in inputs for origin in found) else None


@cache
def _parsed(mart: str) -> list[_Query] | None:
    # A mart of several statements ends in one that puts the parts side by side; what comes from a part stays unknown.
    places = (HERE / f"{mart}.sql", HERE / mart.removeprefix("mart_") / "result.sql")
    path = next((place for place in places if place.exists()), None)
    if path is None:
        return None
    text = path.read_text(encoding="utf-8").rstrip().rstrip(";")
    with duckdb.connect() as con:
        (answer,) = con.execute("SELECT json_serialize_sql($1::VARCHAR)", [text]).fetchall()[0]
    document = json.loads(answer)
    return None if document["error"] else _queries(document["statements"][0]["node"], {})


def _queries(node: Node, outer: dict[str, list[_Query]]) -> list[_Query]:
    """The SELECTs of a query node; a UNION has several, in which columns of the same place belong together."""
    named = dict(outer)
    for entry in node.get("cte_map", {}).get("map", []):
        body = entry["value"]["query_node"] if "query_node" in entry["value"] else entry["value"]["query"]["node"]
        named[entry["key"].lower()] = _queries(body, named)
    if node["type"] != "SELECT_NODE":
        parts = [node[side] for side in ("left", "right") if isinstance(node.get(side), dict)]
        parts += [child for child in node.get("children", []) if isinstance(child, dict)]
        made = [query for part in parts for query in _queries(part, named)]
        return _aligned(made)
    query = _Query(named=named)
    for n, expression in enumerate(node["select_list"]):
        if expression["class"] == "STAR":
            left_out = frozenset(name.lower() for name in expression["exclude_list"])
            query.stars.append((expression["relation_name"].lower(), left_out))
            for entry in expression["replace_list"]:
                query.outputs.setdefault(entry["key"].lower(), []).append(entry["value"])
        else:
            name = _name(expression) or f"#{n}"
            query.outputs.setdefault(name, []).append(expression)
            query.inner.setdefault(name, []).extend(
                made for node in _subqueries(expression) for made in _queries(node, named)
            )
    _read(node.get("from_table") or {}, query)
    return [query]


def _aligned(queries: list[_Query]) -> list[_Query]:
    """Columns of a UNION are called as in its first part."""
    if len({len(q.outputs) for q in queries}) == 1 and not any(q.stars for q in queries):
        names = list(queries[0].outputs)
        for query in queries[1:]:
            query.outputs = dict(zip(names, query.outputs.values(), strict=True))
    return queries


def _name(expression: Node) -> str:
    if expression.get("alias"):
        return str(expression["alias"]).lower()
    return str(expression["column_names"][-1]).lower() if expression["class"] == "COLUMN_REF" else ""


def _read(table: Node, query: _Query) -> None:
    kind = table.get("type", "")
    if kind == "BASE_TABLE":
        query.reads[(table["alias"] or table["table_name"]).lower()] = table["table_name"].lower()
    elif kind == "SUBQUERY":
        body = table["subquery"]["node"]
        query.reads[(table["alias"] or f"#{len(query.reads)}").lower()] = _queries(body, query.named)
    for side in ("left", "right", "source"):
        if isinstance(table.get(side), dict) and kind != "SUBQUERY":
            _read(table[side], query)


def _follow(query: _Query, column: str, found: set[Origin], seen: set[tuple[int, str]], left: int) -> None:
    """Collect what output ``column`` of ``query`` is computed from; a name that is no output passes through ``*``."""
    column = column.lower()
    if left == 0 or (id(query), column) in seen:
        return
    seen.add((id(query), column))
    if column in query.outputs:
        for expression in query.outputs[column]:
            for names in _references(expression):
                _resolve(query, names, found, seen, left - 1)
        for inner in query.inner.get(column, ()):
            for name in inner.outputs:
                _follow(inner, name, found, seen, left - 1)
        return
    for relation, left_out in query.stars:
        if column not in left_out:
            _resolve(query, [relation, column] if relation else [column], found, seen, left - 1)


def _resolve(query: _Query, names: list[str], found: set[Origin], seen: set[tuple[int, str]], left: int) -> None:
    *qualifier, column = (name.lower() for name in names)
    if not qualifier and column in query.outputs and not _is_itself(query.outputs[column], column):
        _follow(query, column, found, seen, left)  # an alias of the same SELECT
    for alias, read in query.reads.items():
        if qualifier and alias != qualifier[0]:
            continue
        if isinstance(read, str) and read not in query.named:
            if not (known := _columns(read)) or column in known:
                found.add(Origin(read, column))
            continue
        for inner in query.named[read] if isinstance(read, str) else read:
            _follow(inner, column, found, seen, left)


def _is_itself(expressions: list[Node], column: str) -> bool:
    return any(column in (name.lower() for name in names) for e in expressions for names in _references(e))


def _references(node: Any) -> Iterator[list[str]]:
    """Names of columns in an expression, each with its qualifiers; those of queries within it are not among them."""
    if isinstance(node, dict):
        if node.get("class") == "SUBQUERY":
            node = {key: value for key, value in node.items() if key != "subquery"}
        if node.get("class") == "COLUMN_REF":
            yield node["column_names"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _subqueries(node: Any) -> Iterator[Node]:
    """Queries within an expression."""
    if isinstance(node, dict):
        if node.get("class") == "SUBQUERY":
            yield node["subquery"]["node"]
            return
        for value in node.values():
            yield from _subqueries(value)
    elif isinstance(node, list):
        for value in node:
            yield from _subqueries(value)


@cache
def _columns(relation: str) -> frozenset[str]:
    """Columns of an input: by its contract, or as the catalogue's list has them; empty where nothing says so."""
    found = catalog()
    if mart := found.marts.get(relations.FROZEN.get(relation, relation)):
        return frozenset(c.name for c in mart.columns)
    kind = relation.partition("_")[2]
    if relation.startswith(("current_", "all_")) and kind in found.tables:
        return frozenset(c.name for c in found.tables[TableKind(kind)].columns)
    listed = relations.catalog_tables(found)
    return frozenset(listed[relation].column_names) if relation in listed else frozenset()
