"""Rows of the sample's customs reports as UN Comtrade spells them: JSON records of 47 fields, gzip TSV files.

DuckDB writes each record as one string; the strings lie one after another in an Arrow buffer, which is the body
between its brackets. Nothing loops over rows, so an answer of a hundred thousand records takes a fraction of a
second.
"""

from __future__ import annotations

import gzip
import json

import duckdb
import pyarrow as pa
from pyarrow import csv

from agrocluster.sample.comtrade_query import ORDER, Question, relation

ELAPSED = "0.21 secs"
_ESTIMATED = "case when not estimated then 0 when unit = 8 then 6 else 4 end"
_UNKNOWN_GROSS = "case when edition = 4 then null else 0.0 end"
_FALSE, _NOTHING = "'false'", "'null'"


def _quoted(sql: str) -> str:
    return f"""'"' || {sql} || '"'"""


def _nullable(sql: str) -> str:
    return f"coalesce(({sql})::varchar, 'null')"


def _dollars(column: str) -> str:
    return _nullable(f"{column} / 1000")


# Field, SQL of its JSON text, SQL of it with descriptions (where that differs).
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("typeCode", """'"C"'""", ""),
    ("freqCode", _quoted("freq"), ""),
    ("refPeriodId", "case when freq = 'A' then period * 10000 + 101 else period * 100 + 1 end", ""),
    ("refYear", "year", ""),
    ("refMonth", "case when freq = 'A' then 52 else period % 100 end", ""),
    ("period", _quoted("period"), ""),
    ("reporterCode", "reporter", ""),
    ("reporterISO", _NOTHING, "r.iso"),
    ("reporterDesc", _NOTHING, "r.label"),
    ("flowCode", _quoted("flow"), ""),
    ("flowDesc", _NOTHING, "f.label"),
    ("partnerCode", "partner", ""),
    ("partnerISO", _NOTHING, "p.iso"),
    ("partnerDesc", _NOTHING, "p.label"),
    ("partner2Code", "partner2", ""),
    ("partner2ISO", _NOTHING, "p2.iso"),
    ("partner2Desc", _NOTHING, "p2.label"),
    ("classificationCode", """'"H' || edition || '"'""", ""),
    ("classificationSearchCode", """'"HS"'""", ""),
    ("isOriginalClassification", "original", ""),
    ("cmdCode", _quoted("code"), ""),
    ("cmdDesc", _NOTHING, "c.label"),
    ("aggrLevel", "level", ""),
    ("isLeaf", "(level = 6)", ""),
    ("customsCode", _quoted("customs"), ""),
    ("customsDesc", _NOTHING, "k.label"),
    ("mosCode", """'"0"'""", ""),
    ("motCode", "mot", ""),
    ("motDesc", _NOTHING, "m.label"),
    ("qtyUnitCode", "unit", ""),
    ("qtyUnitAbbr", _NOTHING, "u.label"),
    ("qty", _nullable("qty"), ""),
    ("isQtyEstimated", "(estimated and unit > 0)", ""),
    ("altQtyUnitCode", "'-1'", ""),
    ("altQtyUnitAbbr", _NOTHING, """'"N/A"'"""),
    ("altQty", _nullable(_UNKNOWN_GROSS), ""),
    ("isAltQtyEstimated", _FALSE, ""),
    ("netWgt", _nullable("net"), ""),
    ("isNetWgtEstimated", "estimated", ""),
    ("grossWgt", _nullable(_UNKNOWN_GROSS), ""),
    ("isGrossWgtEstimated", _FALSE, ""),
    ("cifvalue", _dollars("cif"), ""),
    ("fobvalue", _dollars("fob"), ""),
    ("primaryValue", _dollars("value"), ""),
    ("legacyEstimationFlag", _ESTIMATED, ""),
    ("isReported", "is_reported", ""),
    ("isAggregate", "(not is_reported)", ""),
)
_NAMES = """
    left join area r on r.key = reporter left join area p on p.key = partner left join area p2 on p2.key = partner2
    left join flow_name f on f.key = flow left join customs_name k on k.key = customs
    left join mode_name m on m.key = mot left join unit_name u on u.key = unit
    left join product c on c.key = code and c.key_edition = edition"""


def record_sql(*, descriptions: bool) -> str:
    """One SQL expression that makes a record with a comma before it."""
    parts = []
    for n, (name, plain, described) in enumerate(FIELDS):
        sql = (described and f"coalesce({described}, 'null')") if descriptions and described else plain
        parts.append(f"""'{",{" if n == 0 else ","}"{name}":', {sql}""")
    return "concat(" + ", ".join(parts) + ", '}')"


def _joined(column: pa.ChunkedArray) -> list[memoryview]:
    """The characters of a column of strings, without copying them."""
    found = []
    for chunk in column.chunks:
        if len(chunk):
            _, offsets, data = chunk.buffers()
            width = 8 if pa.types.is_large_string(chunk.type) else 4
            bounds = memoryview(offsets).cast("q" if width == 8 else "i")
            first, last = bounds[chunk.offset], bounds[chunk.offset + len(chunk)]
            found.append(memoryview(data)[first:last])
    return found


def envelope(count: int, data: list[memoryview], error: str = "") -> bytes:
    head = f'{{"elapsedTime":"{ELAPSED}","count":{count},"data":['.encode()
    if data:
        data = [data[0][1:], *data[1:]]  # the comma before the first record
    return b"".join((head, *data, f'],"error":"{error}"}}'.encode()))


def answer(connection: duckdb.DuckDBPyConnection, question: Question, limit: int) -> bytes:
    """The body of a data answer, cut silently at ``limit``."""
    descriptions = question.descriptions
    chosen = f"select * from ({relation(question)}) order by {ORDER} limit {limit}"
    query = f"select {record_sql(descriptions=descriptions)} as record from ({chosen})"
    if descriptions:
        query += f"{_NAMES} order by {ORDER}"  # a join keeps no order
    table = connection.sql(query).to_arrow_table()
    column = table.column("record")
    return envelope(len(column), _joined(column))


def objects(rows: list[dict[str, object]]) -> bytes:
    """A small list of objects in the service's envelope."""
    body = {"elapsedTime": ELAPSED, "count": len(rows), "data": rows, "error": ""}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


_BULK = """
select {dataset} as "datasetCode", 'C' as "typeCode", freq as "freqCode",
       case when freq = 'A' then year * 10000 + 101 else period * 100 + 1 end as "refPeriodId", year as "refYear",
       case when freq = 'A' then 52 else period % 100 end as "refMonth", period, reporter as "reporterCode",
       flow as "flowCode", partner as "partnerCode", partner2 as "partner2Code",
       'HS' as "classificationSearchCode", 'H' || edition as "classificationCode",
       original::varchar as "isOriginalClassification", code as "cmdCode", customs as "customsCode",
       '-1' as "mosCode", mot as "motCode", unit as "qtyUnitCode", qty::varchar as qty,
       estimated and unit > 0 as "isQtyEstimated",
       -1 as "altQtyUnitCode", ({gross})::varchar as "altQty", false as "isAltQtyEstimated", net::varchar as "netWgt",
       estimated as "isNetWgtEstimated", ({gross})::varchar as "grossWgt", false as "isGrossWgtEstimated",
       (cif / 1000)::varchar as "CIFValue", (fob / 1000)::varchar as "FOBValue",
       (value / 1000)::varchar as "primaryValue",
       {flag} as "legacyEstimationFlag", is_reported as "isReported", not is_reported as "isAggregate"
from ({rows}) order by {order}
"""


def bulk_file(connection: duckdb.DuckDBPyConnection, question: Question, dataset: int) -> bytes:
    """One reporter-period as a gzip TSV file, columns named as the bulk service names them."""
    query = _BULK.format(dataset=dataset, gross=_UNKNOWN_GROSS, flag=_ESTIMATED, rows=relation(question), order=ORDER)
    table = connection.sql(query).to_arrow_table()
    sink = pa.BufferOutputStream()
    sink.write("\t".join(table.column_names).encode() + b"\n")
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none"))
    return gzip.compress(sink.getvalue().to_pybytes(), 1, mtime=0)
