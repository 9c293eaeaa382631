"""Parses blocks of UN Comtrade's text files into tables of records.

Numbers are parsed at once; only a block in which one is no number is parsed again as text, and the rows at fault are
handed back with their text. Descriptions are not read at all, so their encoding is of no consequence.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from agrocluster.model.fetching import StageLog
from agrocluster.sources.comtrade_layouts import LEGACY_TYPES, Layout, from_legacy
from agrocluster.sources.textblocks import Block

MISSING = ["", "NA", "N/A", "NULL", "null", "NaN", "nan"]
"""Spellings of a missing number: as published, and as programs save it again."""
_FORMS = {
    pa.int32(): r"^[-+]?\d{1,9}(\.0*)?$",
    pa.float64(): r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$",
    pa.bool_(): r"(?i)^(true|false|[01])$",
}


def parse_block(
    block: Block, layout: Layout, name: str, log: StageLog, fields: Collection[str] | None = None
) -> pa.Table:
    """The records of a block of whole lines without header.

    Args:
        name: of the file, kept beside rows that are refused.
        fields: those to parse, by default all that the layout has.
    """
    data = block.data if block.encoding != "cp1252" else block.data.decode("latin-1").encode()
    wanted = {field: column for field, column in layout.fields.items() if fields is None or field in fields}
    torn: list[str] = []
    try:
        table = _parse(data, layout, {column: LEGACY_TYPES[field] for field, column in wanted.items()}, torn)
    except pa.ArrowInvalid:
        torn.clear()
        table = _parse(data, layout, dict.fromkeys(wanted.values(), pa.string()), torn)
    if torn:
        reason = f"The row has another number of fields than the {len(layout.columns)} of the table."
        log.reject("field_count", reason, pa.table({"file": [name] * len(torn), "row": torn}))
    return finish(table.rename_columns(list(wanted)), layout.legacy, name, log)


def finish(table: pa.Table, legacy: bool, name: str, log: StageLog) -> pa.Table:
    """Records from a table with the fields' names whose columns may still be texts."""
    table = typed(table, {field: LEGACY_TYPES[field] for field in table.column_names}, name, log)
    return from_legacy(table) if legacy else table


def typed(table: pa.Table, types: Mapping[str, pa.DataType], name: str, log: StageLog) -> pa.Table:
    """``table`` with its text columns in their types; rows in which that is impossible go to quarantine."""
    for field, kind in types.items():
        column = table[field]
        if column.type == kind or kind not in _FORMS:
            continue
        texts = pc.utf8_trim_whitespace(column)
        texts = pc.if_else(pc.is_in(texts, pa.array(MISSING)), pa.nulls(len(texts), pa.string()), texts)
        bad = pc.fill_null(pc.invert(pc.match_substring_regex(texts, _FORMS[kind])), fill_value=False)
        if pc.any(bad).as_py():
            rows = table.filter(bad).cast(pa.schema([(column, pa.string()) for column in table.column_names]))
            rule, reason = (
                ("not_true_or_false", "true or false") if kind == pa.bool_() else ("not_a_number", "a number")
            )
            rows = rows.add_column(0, "file", pa.array([name] * rows.num_rows))
            log.reject(rule, f"{field} is not {reason}.", rows)
            table, texts = table.filter(pc.invert(bad)), texts.filter(pc.invert(bad))
        values = texts.cast(pa.float64()).cast(kind) if kind == pa.int32() else texts.cast(kind)
        table = table.set_column(table.column_names.index(field), field, values)
    return table


def _parse(data: bytes, layout: Layout, types: Mapping[str, pa.DataType], torn: list[str]) -> pa.Table:
    def skip(row: Any) -> str:
        torn.append(str(row.text))
        return "skip"

    return pv.read_csv(
        pa.BufferReader(data),
        read_options=pv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=list(layout.columns)),
        parse_options=pv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=MISSING, strings_can_be_null=False
        ),
    )
