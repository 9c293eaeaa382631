"""Answers of UN Comtrade's current API as tables of records, fast where they have the usual shape, whole otherwise.

The usual shape is parsed by Arrow block by block, and only the fields that are read become columns. Documents of
another shape (codes written as text, nested fields) are parsed whole by DuckDB, several times slower and with more
memory, with the same result. What records mean is the business of ``comtrade_common``.

Contract 1.4: 47 fields in any order; ``count`` is the number of records; ``error`` is empty; no sign of truncation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.json as pj

from agrocluster.errors import SourceContractError
from agrocluster.model.fetching import StageLog
from agrocluster.sources.comtrade_envelope import Answer, Bytes, UnlikeAnswer
from agrocluster.sources.comtrade_fields import FIELDS, REQUIRED
from agrocluster.sources.parallel import ordered_map

Pieces = Callable[[], Iterator[bytes]]
"""Opens a document anew: its bytes, unpacked, cut anywhere."""
UNREAD = (
    *("refPeriodId", "refYear", "refMonth", "reporterISO", "reporterDesc", "flowDesc", "partnerISO", "partnerDesc"),
    *("partner2ISO", "partner2Desc", "classificationSearchCode", "cmdDesc", "aggrLevel", "isLeaf", "customsDesc"),
    *("motDesc", "qtyUnitAbbr", "altQtyUnitCode", "altQtyUnitAbbr", "altQty", "isAltQtyEstimated", "grossWgt"),
    "isGrossWgtEstimated",
)
"""Fields of a record that are known and not read."""
_FIRST = 1 << 20
_TEXTS = pa.schema([(name, pa.string()) for name in FIELDS])


@dataclass
class Frame:
    """What stands around the records.

    Attributes:
        count: number of records the answer claims to hold, None if it does not say.
        records: number it holds.
        error: its message, empty if all is well.
        unforeseen: fields of the first record that the contract does not know.
    """

    count: int | None = None
    records: int = 0
    error: str = ""
    unforeseen: tuple[str, ...] = ()

    def require(self, name: str) -> None:
        """Raise SourceContractError if the answer contradicts itself or is a message instead of data."""
        if self.error:
            raise unlike(name, f"holds no data but the message {self.error[:200]!r}")
        if self.count is not None and self.count != self.records:
            raise unlike(name, f"says that it holds {self.count:,} records and holds {self.records:,}")


class Blocks:
    """The blocks of an answer of the usual shape; ``frame`` is known when all have been taken.

    Args:
        needed: fields without which the answer is refused.
    """

    def __init__(self, pieces: Iterator[bytes], name: str, needed: Collection[str] = REQUIRED) -> None:
        self._answer, self._name, self._needed = Answer(pieces), name, needed
        self.frame = Frame()

    def __iter__(self) -> Iterator[Bytes]:
        for number, block in enumerate(self._answer):
            if not number:
                names = _names_of_first(block)
                require_fields(names, self._needed, self._name)
                self.frame.unforeseen = _unforeseen(names)
            yield block
        count, error = self._answer.frame.get("count"), self._answer.frame.get("error")
        self.frame.count = count if isinstance(count, int) else None
        self.frame.records, self.frame.error = self._answer.records, str(error or "")


def parse_block(block: Bytes, fields: Collection[str] = tuple(FIELDS)) -> pa.Table:
    """The records of a block as columns ``fields``. ArrowInvalid if a field has another type than the contract says."""
    return pj.read_json(
        pa.BufferReader(pa.py_buffer(block)),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(block) + 1),
        parse_options=pj.ParseOptions(explicit_schema=_schema(fields), unexpected_field_behavior="ignore"),
    )


def parse_whole(
    pieces: Iterator[bytes], name: str, log: StageLog, needed: Collection[str] = REQUIRED
) -> tuple[pa.Table, Frame]:
    """The records of an answer of any spelling, with all fields that are read. SourceContractError if it is none."""
    # Answers as the service sends them never come here; their readers are spared the imports.
    import duckdb

    from agrocluster.sources.comtrade_parse import typed

    shape = json.dumps({"count": "BIGINT", "error": "VARCHAR", "data": [dict.fromkeys(FIELDS, "VARCHAR")]})
    with duckdb.connect() as con:
        con.register("document", pa.table({"body": pa.array([_text(pieces, name)], pa.large_string())}))
        try:
            head = con.execute(
                "SELECT json_type(body, '$.data'), json_type(body, '$.data[0]'), json_keys(body, '$.data[0]'), "
                'from_json(body, \'{"count":"BIGINT","error":"VARCHAR"}\') FROM document'
            ).fetchall()
            kind, first, names, said = head[0]
            if kind != "ARRAY" or first not in {None, "OBJECT"}:
                raise unlike(name, "holds no list of records in the field data")
            require_fields(names or needed, needed, name)
            query = "SELECT unnest(from_json(body, ?).data, recursive := true) FROM document"
            table = con.sql(query, params=[shape]).to_arrow_table() if names else _TEXTS.empty_table()
        except duckdb.Error as error:
            raise unlike(name, f"is no JSON document of the API ({str(error).splitlines()[0][:200]})") from error
    frame = Frame(said["count"], table.num_rows, said["error"] or "", _unforeseen(names or ()))
    return typed(table, FIELDS, name, log), frame


def tables(
    pieces: Pieces, name: str, fields: Collection[str] = tuple(FIELDS), needed: Collection[str] = REQUIRED
) -> tuple[list[pa.Table], Frame]:
    """All records of an answer, with the columns ``fields``. Errors as ``parse_whole``."""
    blocks = Blocks(pieces(), name, needed)
    try:
        return list(ordered_map(lambda block: parse_block(block, fields), blocks)), blocks.frame
    except (UnlikeAnswer, pa.ArrowInvalid):
        table, frame = parse_whole(pieces(), name, StageLog(), needed)
        return [table.select(list(fields))], frame


def require_fields(names: Collection[str], needed: Collection[str], document: str) -> None:
    """Raise SourceContractError naming the needed fields that a record lacks."""
    if missing := [field for field in needed if field not in names]:
        raise unlike(document, f"has records without the field(s) {', '.join(missing)}")


def unlike(name: str, problem: str) -> SourceContractError:
    """The error for a document that is no answer as documented."""
    return SourceContractError(
        f"{name} {problem}.",
        source="comtrade",
        remedy="Download it again; if that does not help, compare it with the API's documentation and adapt "
        "sources/comtrade_json.py.",
    )


def _schema(fields: Collection[str]) -> pa.Schema:
    plain = {name: pa.string() if pa.types.is_dictionary(kind) else kind for name, kind in FIELDS.items()}
    return pa.schema([(name, plain[name]) for name in fields])


def _names_of_first(block: Bytes) -> tuple[str, ...]:
    text = block[:_FIRST].tobytes().decode("utf-8", errors="replace").lstrip()
    try:
        record: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
    except ValueError as error:
        raise UnlikeAnswer(f"its first record is no JSON object ({error})") from error
    return tuple(record)


def _unforeseen(names: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names) - set(FIELDS) - set(UNREAD)))


def _text(pieces: Iterator[bytes], name: str) -> str:
    data = b"".join(pieces)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unlike(name, f"is not UTF-8 at position {error.start:,}") from error
