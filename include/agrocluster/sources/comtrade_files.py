"""Readers of what people download from UN Comtrade as tables: portal and bulk files, CSV and JSON of the old service.

A file may hold records of several datasets; a reader keeps those of the one it is asked for and counts the others. A
flow that stands twice in a file (two downloads pasted together) is kept once.
Answers of the current API are read by ``comtrade_rows``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from agrocluster.errors import SourceContractError
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources.comtrade_common import staged_batches
from agrocluster.sources.comtrade_layouts import SHORT_KEYS, Layout, read_layout
from agrocluster.sources.comtrade_parse import finish, parse_block
from agrocluster.sources.comtrade_unique import unrepeated
from agrocluster.sources.textblocks import Block, TextBlocks
from agrocluster.sources.textfile import text_pieces

if TYPE_CHECKING:
    from agrocluster.sources.base import Reader

MAX_ANSWER = 256 << 20
"""An answer of the old API larger than this is refused: it gave 100,000 records (60 MiB) at most."""


def table_records(path: Path, fields: Collection[str] | None = None) -> Iterator[pa.Table]:
    """The records of a CSV or TSV file, plain or gzipped, block by block.

    Args:
        fields: those to parse, by default all that are read (``comtrade_fields.FIELDS``).

    Raises SourceContractError if it is no table of UN Comtrade, SourceUnavailable if it is cut off.
    """
    layout, blocks = _open(path)
    wanted = None if fields is None else {*fields, "period"} if layout.legacy else fields
    for block in blocks:
        yield parse_block(block, layout, path.name, StageLog(), wanted)


def legacy_answer_records(path: Path, log: StageLog) -> pa.Table:
    """The records of an answer of the old API, plain or gzipped. Errors as ``table_records``."""
    text = _document(path)
    shape = json.dumps({"dataset": [dict.fromkeys(SHORT_KEYS, "VARCHAR")]})
    with duckdb.connect() as con:
        con.register("answer", pa.table({"body": pa.array([text], pa.large_string())}))
        query = "SELECT unnest(from_json(body, ?).dataset, recursive := true) FROM answer"
        try:
            table = con.sql(query, params=[shape]).to_arrow_table()
        except duckdb.Error as error:
            raise SourceContractError(
                f"{path.name} is no whole answer of the old UN Comtrade API ({str(error).splitlines()[0][:200]}).",
                source="comtrade",
                remedy="The old API is gone; look for a complete copy of the answer, or download the data anew.",
            ) from error
    return finish(table.rename_columns([SHORT_KEYS[name] for name in table.column_names]), True, path.name, log)


def _open(path: Path) -> tuple[Layout, Iterator[Block]]:
    blocks = iter(TextBlocks(text_pieces(path), path.name, mixed=True))
    first = next(blocks, None)
    header, _, body = (first.data if first else b"").partition(b"\n")
    record = body[: body.find(b"\n") + 1 or None]
    layout = read_layout(_line(header), _line(record), path.name)
    rest = Block(body, first.encoding if first else "ascii", len(header) + 1)
    return layout, (block for block in chain([rest], blocks) if block.data.strip())


def _line(data: bytes) -> str:
    return data.decode("latin-1").strip("\r\n")


def _document(path: Path) -> str:
    data = bytearray()
    for piece in text_pieces(path):
        data += piece
        if len(data) > MAX_ANSWER:
            raise SourceContractError(
                f"{path.name} holds more than {MAX_ANSWER >> 20} MiB, no answer of the old API does.",
                source="comtrade",
                remedy="Split the file.",
            )
    return data.decode("utf-8-sig")


def _read_table(path: Path, file: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    layout, blocks = _open(path)
    batches = staged_batches(blocks, lambda block, own: parse_block(block, layout, file.name, own), spec, log)
    yield from unrepeated(list(batches), log)


def _read_legacy_answer(path: Path, _: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    yield from unrepeated(list(staged_batches([path], legacy_answer_records, spec, log)), log)


READERS: dict[str, Reader] = {
    "comtrade_csv": _read_table,
    "comtrade_bulk_tsv": _read_table,
    "comtrade_legacy_csv": _read_table,
    "comtrade_legacy_json": _read_legacy_answer,
}
