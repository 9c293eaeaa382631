"""Reads answers of UN Comtrade's current API: one landed body to staged customs rows.

Parsing is ``comtrade_json``'s, the rules of a record are ``comtrade_common``'s. Here the answer is held against the
question that the fetch recorded beside it: records that were not asked for are refused, records that a newer file
replaces are left out, and a flow that stands twice is kept once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources import comtrade_json
from agrocluster.sources.comtrade_common import staged_batches
from agrocluster.sources.comtrade_envelope import Bytes, UnlikeAnswer
from agrocluster.sources.comtrade_fields import FIELDS, KEYS, REQUIRED
from agrocluster.sources.comtrade_unique import unrepeated
from agrocluster.sources.textfile import text_pieces

if TYPE_CHECKING:
    from agrocluster.sources.base import Reader

FORMAT = "comtrade_json"


def record_tables(path: Path, fields: Collection[str] = KEYS) -> Iterator[pa.Table]:
    """The records of a file with the columns ``fields``, plain or gzipped, for whoever has to recognise it.

    Raises SourceContractError if it is no answer of the API.
    """
    found, _ = comtrade_json.tables(partial(text_pieces, path), path.name, fields)
    yield from found


def read_comtrade_json(path: Path, file: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    """Staged rows of one answer, at most once per key.

    ``file.details`` of a fetched answer hold ``reporters`` and ``periods`` (what was asked for) and, if a newer file
    replaces part of it, ``without_reporters`` or ``without_periods``; a file of other origin has none of them.

    Raises SourceContractError for a message instead of data, a wrong count, a missing field, an unknown area.
    """
    own = StageLog()
    try:
        batches, frame = _fast(path, file, spec, own)
    except (UnlikeAnswer, pa.ArrowInvalid):
        own = StageLog()
        batches, frame = _whole(path, file, spec, own)
    frame.require(file.name)
    if frame.unforeseen:
        own.notes["fields_not_in_the_contract"] = sorted(frame.unforeseen)
    log.add(own)
    yield from unrepeated(batches, log)


def _fast(
    path: Path, file: RawFile, spec: DatasetSpec, log: StageLog
) -> tuple[list[pa.RecordBatch], comtrade_json.Frame]:
    blocks = comtrade_json.Blocks(text_pieces(path, spec), file.name, _needed(file))

    def parse(block: Bytes, own: StageLog) -> pa.Table:
        return _asked_for(comtrade_json.parse_block(block), file.details, own)

    return list(staged_batches(blocks, parse, spec, log, without_reporters=_without(file))), blocks.frame


def _whole(
    path: Path, file: RawFile, spec: DatasetSpec, log: StageLog
) -> tuple[list[pa.RecordBatch], comtrade_json.Frame]:
    table, frame = comtrade_json.parse_whole(text_pieces(path, spec), file.name, log, _needed(file))

    def parse(records: pa.Table, own: StageLog) -> pa.Table:
        return _asked_for(records, file.details, own)

    return list(staged_batches([table], parse, spec, log, without_reporters=_without(file))), frame


def _needed(file: RawFile) -> Collection[str]:
    """The service must send every field that is read; a file that somebody saved again may have lost some."""
    return tuple(FIELDS) if "periods" in file.details else REQUIRED


def _without(file: RawFile) -> list[int]:
    return list(file.details.get("without_reporters", ()))


def _asked_for(records: pa.Table, details: dict[str, Any], log: StageLog) -> pa.Table:
    if "periods" not in details:
        return records
    period = records["period"]
    asked = pc.and_(
        pc.is_in(records["reporterCode"], pa.array(details["reporters"], pa.int32())),
        pc.is_in(period, pa.array(details["periods"], pa.string())),
    )
    if not pc.all(asked).as_py():
        log.reject(
            "not_asked_for",
            "The answer holds a record of a reporter or period that the question did not name.",
            records.filter(pc.invert(asked)).cast(pa.schema([(name, pa.string()) for name in records.column_names])),
        )
        records, period = records.filter(asked), period.filter(asked)
    if without := details.get("without_periods"):
        current = pc.invert(pc.is_in(period, pa.array(without, pa.string())))
        kept = records.filter(current)
        log.exclude("replaced by a newer file", records.num_rows - kept.num_rows)
        records = kept
    return records


READERS: dict[str, Reader] = {FORMAT: read_comtrade_json}
