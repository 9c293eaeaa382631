"""The stored customs reports, opened for questions: one DuckDB database per vintage, shared by all requests."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa

from agrocluster.sample import comtrade_wire
from agrocluster.sample.comtrade_lists import areas, headings, listed
from agrocluster.sample.comtrade_query import BREAKDOWN, Question, relation
from agrocluster.sample.comtrade_tables import pieces


def _text(value: str) -> str:
    """As it stands in the JSON body, quotes included."""
    return json.dumps(value, ensure_ascii=False)


def _older() -> pa.Table:
    """Code of a newer edition to the one HS 2012 code the service files it under: the first that leads to it."""
    first = {(piece.edition, piece.code): piece.hs12 for piece in reversed(pieces())}
    return pa.table(
        {
            "edition": pa.array([edition for edition, _ in first], pa.int32()),
            "code": [code for _, code in first],
            "hs12": list(first.values()),
        }
    )


def _named(list_name: str, *, number: bool) -> pa.Table:
    entries = listed(list_name)
    code = [row["id"] for row in entries]
    if list_name in ("mot", "customs", "unit"):  # the short form is the one rows carry
        name = [_text(row["note"] or row["text"]) for row in entries]
    else:
        name = [_text(row["text"]) for row in entries]
    return pa.table({"key": pa.array([int(c) for c in code], pa.int32()) if number else code, "label": name})


def _areas() -> pa.Table:
    return pa.table(
        {
            "key": pa.array([area[0] for area in areas()], pa.int32()),
            "label": [_text(area[1]) for area in areas()],
            "iso": [_text(area[3]) for area in areas()],
        }
    )


def _products() -> pa.Table:
    entries = [(edition, code, text) for edition in (4, 5, 6) for code, (text, *_) in headings(edition).items()]
    return pa.table(
        {
            "key_edition": pa.array([row[0] for row in entries], pa.int32()),
            "key": [row[1] for row in entries],
            "label": [_text("All Commodities" if row[1] == "TOTAL" else row[2]) for row in entries],
        }
    )


def _breakdown() -> pa.Table:
    names, entries = BREAKDOWN
    columns = zip(*entries, strict=True)
    return pa.table({name.strip(): list(column) for name, column in zip(names.split(","), columns, strict=True)})


class Desk:
    """Answers questions about one vintage."""

    def __init__(self, reports: Path, datasets: Path) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("set threads = 2; set enable_progress_bar = false")
        for name, path in (("reports", reports), ("datasets", datasets)):
            self._connection.execute(f"create view {name} as from '{path}'")
        tables = {"older": _older(), "breakdown": _breakdown(), "area": _areas(), "product": _products()}
        tables |= {"flow_name": _named("flow", number=False), "customs_name": _named("customs", number=False)}
        tables |= {"mode_name": _named("mot", number=True), "unit_name": _named("unit", number=True)}
        for name, table in tables.items():
            self._connection.register("incoming", table)
            self._connection.execute(f"create table {name} as from incoming")
        self._connection.unregister("incoming")

    def data(self, question: Question, cap: int) -> bytes:
        limit = min(cap, question.max_records or cap)
        with self._connection.cursor() as cursor:
            if question.count_only:
                (count,) = cursor.execute(f"select count(*) from ({relation(question)})").fetchone() or (0,)
                return comtrade_wire.envelope(min(count, limit), [])
            return comtrade_wire.answer(cursor, question, limit)

    def bulk(self, question: Question, dataset: int) -> bytes:
        with self._connection.cursor() as cursor:
            return comtrade_wire.bulk_file(cursor, question, dataset)

    def datasets(self, freq: str) -> list[dict[str, object]]:
        """Every reporter-period of one frequency with its release and signature."""
        with self._connection.cursor() as cursor:
            query = f"from datasets where freq = '{freq}' order by period, reporter"
            return list(cursor.sql(query).to_arrow_table().to_pylist())
