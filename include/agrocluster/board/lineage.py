"""Where a mart comes from: its inputs down to staged tables, vintages and source files; and the same for one column.

Graph and rules are those of the catalogue, vintages those of the release, files those of its ``mart_provenance``. Which
columns of the inputs go into a column is read from the mart's SQL where it is SQL (``columns``), else it is said that
the mart is made as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pyarrow.parquet as pq

from agrocluster.board.columns import Origin, origins
from agrocluster.errors import NotHeld
from agrocluster.model.loader import catalog
from agrocluster.model.specs import Column, Rule, TableContract, TableKind
from agrocluster.release import reading
from agrocluster.storage.places import Place

Row = dict[str, Any]
PROVENANCE = "mart_provenance"
_FILES = ["vintage_id", "title", "source", "dataset", "stamp", "file", "format", "url", "retrieved_at", "sha256"]
_FILES += ["bytes", "licence", "attribution"]
STAGED = ("current_", "all_")
VINTAGES = ("vintages", "vintage_files")
"""Relations about the vintages themselves: what reads them rests on every dataset."""


@dataclass(frozen=True)
class Graph:
    """What a mart is made of, in four steps: datasets, staged tables, the marts it reads itself, the mart.

    Attributes:
        kind: name -> ``dataset``, ``staged``, ``input`` or ``asked`` (the mart itself), in the order of the picture.
        edges: from what is read to what reads it, itself or through the marts ``between``.
        between: marts behind the inputs, from near to far.
        marked: names that carry the column asked for.
        aside: inputs that no publisher sends: the catalogue's lists, frozen baselines, the practitioners' overlay.
    """

    mart: str
    kind: dict[str, str]
    edges: list[tuple[str, str]]
    between: list[str] = field(default_factory=list)
    marked: frozenset[str] = frozenset()
    aside: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[str]:
        """Names of a kind."""
        return [name for name, found in self.kind.items() if found == kind]


@dataclass(frozen=True)
class Carrier:
    """A table behind a mart that has a column of the name asked for."""

    table: str
    column: Column
    direct: bool


@dataclass(frozen=True)
class Trace:
    """The way of a column back to staged tables.

    Attributes:
        steps: column of a mart -> columns of its inputs that it is computed from, the column asked for first.
        through: marts that the way goes through as a whole, because nothing says which columns matter.
        staged: staged tables that are reached.
    """

    steps: dict[Origin, tuple[Origin, ...]]
    through: list[str]
    staged: set[str]


def contract_of(mart: str) -> TableContract:
    """The contract of a mart; NotHeld suggests names like it."""
    if mart not in catalog().marts:
        raise NotHeld(f"There is no mart {mart!r}.", remedy=_hint(mart, catalog().marts, "The page Lineage"))
    return catalog().marts[mart]


def column_of(contract: TableContract, name: str) -> Column:
    """A column of a mart; NotHeld suggests names like it."""
    names = [column.name for column in contract.columns]
    if name not in names:
        remedy = _hint(name, names, f"The page of {contract.name}")
        raise NotHeld(f"{contract.name} has no column {name!r}.", remedy=remedy)
    return contract.column(name)


def rules_of(contract: TableContract, column: str) -> list[Rule]:
    """Rules of the contract about a column: stated for it, or in a query that names it."""
    return [r for r in contract.rules if r.column == column or (r.query and _names(r.query, column))]


def graph_of(mart: str, column: str = "") -> Graph:
    """Everything behind ``mart``; tables that carry ``column`` are marked."""
    depth, aside = _behind(mart)
    staged = [name for name in depth if name in _staged()]
    inputs = [name for name in _parents(mart)[0] if name not in staged]
    behind = {name: set(_behind(name)[0]) for name in inputs}
    edges = [(name, mart) for name in _parents(mart)[0]]
    edges += [(table, name) for name in inputs for table in staged if table in behind[name]]
    sources = {table: _parents(table)[0] for table in staged}
    edges += [(dataset, table) for table in staged for dataset in sources[table]]
    order = [name for name in _staged() if name in staged]
    inputs.sort(key=lambda name: ([table not in behind[name] for table in order], name))
    kind = {dataset: "dataset" for table in order for dataset in sources[table]}
    kind |= dict.fromkeys(order, "staged") | dict.fromkeys(inputs, "input") | {mart: "asked"}
    between = [name for name in depth if name in catalog().marts and name not in kind]
    marked = frozenset(name for name in depth if column and column in _columns(name))
    return Graph(mart, kind, edges, between, marked | ({mart} if column else set()), sorted(aside))


@cache
def trace(mart: str, column: str) -> Trace:
    """Follow a column to staged tables, through SQL column by column and through everything else as a whole."""
    steps: dict[Origin, tuple[Origin, ...]] = {}
    through: dict[str, None] = {}
    staged: set[str] = set()
    todo = [Origin(mart, column)]
    while todo:
        at = todo.pop(0)
        if at in steps or at.relation in through:
            continue
        found = origins(at.relation, at.column)
        if not found:  # made by a program, counted, or constant: the table as a whole is all that can be said
            through[at.relation] = None
            staged |= set(_behind(at.relation)[0]) & set(_staged())
            continue
        steps[at] = found
        staged |= {o.relation.partition("_")[2] for o in found if o.relation.startswith(STAGED)}
        staged |= set(_staged()) if any(o.relation in VINTAGES for o in found) else set()
        todo += [o for o in found if o.relation in catalog().marts]
    return Trace(steps, list(through), staged)


def graph_of_column(mart: str, column: str) -> Graph:
    """What a column is computed from; everything behind the mart where that cannot be read off."""
    whole, known = graph_of(mart, column), origins(mart, column)
    if not known:
        return whole
    reached = {name: set[str]() for name in dict.fromkeys(o.relation for o in known) if name in catalog().marts}
    for origin in known:
        if origin.relation in reached:
            reached[origin.relation] |= trace(*origin).staged
    direct = {o.relation.partition("_")[2] for o in known if o.relation.startswith(STAGED)}
    staged = trace(mart, column).staged
    kept = {mart, *staged, *reached, *(dataset for name in staged for dataset in _parents(name)[0])}
    edges = [
        (a, b)
        for a, b in whole.edges
        if {a, b} <= kept and (b != mart or a in reached or a in direct) and (b not in reached or a in reached[b])
    ]
    steps = trace(mart, column)
    between = dict.fromkeys([*(o.relation for o in steps.steps), *steps.through])
    return Graph(
        mart,
        {name: kind for name, kind in whole.kind.items() if name in kept},
        edges,
        [name for name in between if name not in kept],
        whole.marked & kept,
        sorted({o.relation for found in steps.steps.values() for o in found} & set(whole.aside)),
    )


def carriers(graph: Graph, column: str) -> list[Carrier]:
    """Tables behind a mart with a column of this name: its own inputs first, then the others, from near to far."""
    near = [name for name, kind in graph.kind.items() if (name, graph.mart) in graph.edges and kind != "asked"]
    far = [*graph.between, *(name for name in graph.of("staged") if name not in near)]
    return [
        Carrier(name, table.column(column), direct=name in near)
        for name in (*near, *far)
        if name in graph.marked and (table := _table(name)) is not None
    ]


def files_behind(manifest: Row, place: Place, datasets: Iterable[str]) -> list[Row]:
    """Files of the vintages of ``datasets`` that a release was made of: address without keys, checksum, retrieval
    time, licence. One row per file."""
    wanted = {vintage["vintage_id"] for vintage in manifest["vintages"] if vintage["dataset"] in set(datasets)}
    provenance = reading.file(reading.mart(manifest, PROVENANCE), place)
    rows: list[Row] = pq.read_table(provenance.path, columns=_FILES, filesystem=provenance.store).to_pylist()
    return [row for row in rows if row["vintage_id"] in wanted]


def _hint(name: str, known: Iterable[str], page: str) -> str:
    like = reading.alike(name, known)
    return f"Did you mean {' or '.join(like)}?" if like else f"{page} lists all there are."


@cache
def _behind(name: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Tables behind a mart, from near to far, and inputs that no publisher sends."""
    found: dict[str, None] = {}
    aside: set[str] = set()
    todo = [name]
    while todo:
        following = []
        for table in todo:
            known, strange = _parents(table)
            aside |= strange
            following += [other for other in known if other not in found and other not in catalog().datasets]
        todo = list(dict.fromkeys(following))
        found |= dict.fromkeys(todo)
    return tuple(found), frozenset(aside)


@cache
def _parents(name: str) -> tuple[list[str], frozenset[str]]:
    """What a table reads: marts, staged tables or datasets; and inputs that no publisher sends.

    Who reads ``mart_provenance`` looks up names of vintages there, no figures; it is no way back to files.
    """
    found = catalog()
    if name in _staged():
        return [d.id for d in found.datasets.values() if d.kind == name], frozenset()
    known: list[str] = []
    strange: set[str] = set()
    for given in found.marts[name].inputs:
        if given == PROVENANCE or not (given in found.marts or given.startswith(STAGED) or given in VINTAGES):
            strange.add(given)
        elif given in VINTAGES:
            known.extend(_staged())
        else:
            known.append(given if given in found.marts else given.partition("_")[2])
    return list(dict.fromkeys(known)), frozenset(strange)


@cache
def _staged() -> tuple[str, ...]:
    return tuple(str(kind) for kind in catalog().tables)


@cache
def _columns(name: str) -> frozenset[str]:
    table = _table(name)
    return frozenset(column.name for column in table.columns) if table else frozenset()


def _table(name: str) -> TableContract | None:
    found = catalog()
    return found.tables[TableKind(name)] if name in _staged() else found.marts.get(name)


def _names(query: str, column: str) -> bool:
    return column in {word.strip("\"'(),;") for word in query.replace(".", " ").split()}
