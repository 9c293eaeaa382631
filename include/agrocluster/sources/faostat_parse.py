"""Parses blocks of FAOSTAT text into cells: long tables row by row, wide tables one cell per year column.

Rows that cannot be parsed (another number of fields, a value that is no number) are handed back with their text,
never repaired and never dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from agrocluster.errors import SourceContractError
from agrocluster.model.arrays import to_numpy
from agrocluster.sources.coded import Coded, coded
from agrocluster.sources.faostat_layout import Layout
from agrocluster.sources.faostat_rows import Cells
from agrocluster.sources.textblocks import Block, undecodable

TEXT = pa.dictionary(pa.int32(), pa.string())
NUMBER = r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$"
_TEXT_ROLES = (
    "area",
    "item",
    "item_name",
    "element",
    "element_name",
    "unit",
    "flag",
    "months",
)

LAST_YEAR = 2200
"""A greater number in a year column is a span such as 20002002."""

_HEAD = 8
_LEADING = re.compile(rb'"(\d{1,6})"')
_LABEL_OF = {"item": "item_name", "element": "element_name"}

Labels = Mapping[str, Mapping[str, str]]
Rejected = list[tuple[str, str, pa.Table]]


@dataclass(frozen=True)
class Source:
    """The table being read: its name and dataset (for errors), its layout, and how spans of years are read.

    ``year_span`` is ``refuse`` or ``last``: whether 20002002 is an error or the year 2002. ``labels`` holds, for the
    roles ``item`` and ``element``, the code lists that came with the table: labels they give need not be parsed.
    """

    name: str
    dataset: str
    layout: Layout
    year_span: str = "refuse"
    labels: Labels = field(default_factory=dict)

    @property
    def first_is_area(self) -> bool:
        """Whether every record begins with FAO's own area code."""
        layout = self.layout
        return layout.area_scheme == "fao" and layout.columns[0] == layout.roles["area"] and not layout.wide

    def error(self, problem: str) -> SourceContractError:
        """An error about this table."""
        return SourceContractError(
            f"{self.name} {problem}.",
            source="faostat",
            dataset=self.dataset,
            remedy="Compare the file with FAO's documentation; if the layout is new, extend sources/faostat_parse.py.",
        )


def parse_block(block: Block, source: Source) -> tuple[Cells, Rejected]:
    """The cells of a block of records without header, and the rows that are none."""
    try:
        data = block.utf8()
    except UnicodeDecodeError as error:
        found = block.data[error.start : error.start + 4].hex(" ")
        raise undecodable(source.name, "Windows-1252", block.offset + error.start, found) from error
    rejected: Rejected = []
    table = _typed(data, source, rejected)
    if not source.layout.wide:
        no_year = pc.is_null(table[source.layout.roles["year"]])
        table = _refuse(table, no_year, "year_missing", "The row has no year.", source, rejected)
    texts = _text_columns(table, source)
    if texts is None:
        return parse_block(block, replace(source, labels={}))
    cells = _wide_cells if source.layout.wide else _long_cells
    return cells(table, texts, source), rejected


def leading_codes(block: Block) -> tuple[Coded, NDArray[np.int64]] | None:
    """The number in quotes that every line begins with, and where the lines begin; None unless every line has one.

    A line that begins with a quote and a digit is never the middle of a quoted field, where a quote is doubled, so
    these lines are exactly the records. Finding them takes a quarter of the time that parsing does.
    """
    data = np.frombuffer(block.data, np.uint8)
    starts = np.concatenate(([0], np.flatnonzero(data == ord("\n")) + 1))
    if starts[-1] == len(data):
        starts = starts[:-1]
    if starts[-1] > len(data) - _HEAD:
        return None
    heads = np.ascontiguousarray(sliding_window_view(data, _HEAD)[starts]).view(np.uint64).ravel()
    runs = np.concatenate(([0], np.flatnonzero(heads[1:] != heads[:-1]) + 1))
    found = [_LEADING.match(heads[run : run + 1].tobytes()) for run in runs.tolist()]
    codes = [match[1].decode() for match in found if match]
    if len(codes) < len(found):
        return None
    lengths = np.diff(np.append(runs, len(starts)))
    return Coded(np.repeat(np.arange(len(runs), dtype=np.int32), lengths), codes), starts


def only_lines(block: Block, starts: NDArray[np.int64], keep: NDArray[np.bool_]) -> Block:
    """The block with only the lines to keep; ``starts`` are the positions where its lines begin."""
    ends = np.append(starts[1:], len(block.data))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], keep, [False]))))
    runs = zip(starts[edges[::2]].tolist(), ends[edges[1::2] - 1].tolist(), strict=True)
    return replace(block, data=b"".join(block.data[first:last] for first, last in runs))


def area_names(block: Block, source: Source, code: str) -> set[str]:
    """Names under which a block lists the area ``code`` (empty if the layout has no names)."""
    if "area_name" not in source.layout.roles:
        return set()
    table, _ = _parse(block.utf8(), source, {}, roles=("area", "area_name"))
    codes = coded(table[source.layout.roles["area"]])
    names = coded(table[source.layout.roles["area_name"]])
    wanted = codes.lookup(lambda text: text == code)
    return {names.texts[place] for place in set(names.index[wanted].tolist())}


def _typed(data: bytes, source: Source, rejected: Rejected) -> pa.Table:
    """The block's table with numbers as numbers; rows in which they are none go to ``rejected``."""
    layout = source.layout
    numbers: dict[str, pa.DataType] = {value: pa.float64() for value, _ in layout.wide.values()}
    if not layout.wide:
        numbers = {
            layout.roles["value"]: pa.float64(),
            layout.roles["year"]: pa.int64(),
        }
    try:
        table, torn = _parse(data, source, numbers, _parsed_roles(source))
    except pa.ArrowInvalid:
        table, torn = _parse(data, source, dict.fromkeys(numbers, pa.string()), _parsed_roles(source))
        for column, number in numbers.items():
            words = pc.invert(pc.match_substring_regex(pc.fill_null(table[column], "0"), NUMBER))
            reason = f"{column} is not a number."
            table = _refuse(table, words, "not_a_number", reason, source, rejected)
            figures = pc.utf8_trim_whitespace(table[column])
            table = table.set_column(table.column_names.index(column), column, figures.cast(number))
    if torn:
        reason = f"The row has another number of fields than the {len(layout.columns)} of the header."
        rows = pa.table({"file": [source.name] * len(torn), "row": torn})
        rejected.append(("field_count", reason, rows))
    return table


def _parsed_roles(source: Source) -> list[str]:
    known = {_LABEL_OF[role] for role in source.labels}
    return [role for role in _TEXT_ROLES if role in source.layout.roles and role not in known]


def _parse(
    data: bytes,
    source: Source,
    numbers: dict[str, pa.DataType],
    roles: Iterable[str],
) -> tuple[pa.Table, list[str]]:
    layout = source.layout
    types: dict[str, pa.DataType] = {layout.roles[role]: TEXT for role in roles}
    if numbers:
        types |= {flag: TEXT for _, flag in layout.wide.values() if flag} | numbers
    torn: list[str] = []

    def skip(row: Any) -> str:
        torn.append(str(row.text))
        return "skip"

    table = pv.read_csv(
        pa.BufferReader(data),
        read_options=pv.ReadOptions(
            use_threads=False,
            block_size=len(data) + 1,
            column_names=list(layout.columns),
        ),
        parse_options=pv.ParseOptions(
            delimiter=layout.delimiter,
            newlines_in_values=True,
            invalid_row_handler=skip,
        ),
        convert_options=pv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[""],
            strings_can_be_null=False,
        ),
    )
    return table, torn


def _refuse(
    table: pa.Table,
    bad: pa.ChunkedArray,
    rule: str,
    reason: str,
    source: Source,
    rejected: Rejected,
) -> pa.Table:
    if not pc.any(bad).as_py():
        return table
    rows = table.filter(bad)
    texts = [column.cast(pa.string()) for column in rows.columns]
    names = pa.array([source.name] * rows.num_rows)
    rejected.append((rule, reason, pa.table([names, *texts], names=["file", *rows.column_names])))
    return table.filter(pc.invert(bad))


def _text_columns(table: pa.Table, source: Source) -> dict[str, Coded] | None:
    """The text columns by role, labels looked up where lists came with the table; None if a list lacks a code."""
    roles = source.layout.roles
    columns = {role: coded(table[roles[role]]) for role in _parsed_roles(source) if role != "flag"}
    columns.setdefault("unit", Coded(np.zeros(table.num_rows, dtype=np.int32), [""]))
    for role, labels in source.labels.items():
        codes = columns[role]
        if not all(code in labels for code, used in zip(codes.texts, codes.used(), strict=True) if used):
            return None
        columns[_LABEL_OF[role]] = Coded(codes.index, [labels.get(code, "") for code in codes.texts])
    return columns


def _long_cells(table: pa.Table, texts: dict[str, Coded], source: Source) -> Cells:
    layout = source.layout
    year = to_numpy(table[layout.roles["year"]])
    if (spans := year > LAST_YEAR).any():
        if source.year_span != "last":
            raise source.error(f"gives the span of years {year[spans][0]} where a year is expected")
        year = np.where(spans, year % 10_000, year)
    value = to_numpy(table[layout.roles["value"]])
    return Cells(**texts, flag=coded(table[layout.roles["flag"]]), year=year, value=value)


def _wide_cells(table: pa.Table, texts: dict[str, Coded], source: Source) -> Cells:
    layout = source.layout
    rows, years = table.num_rows, list(layout.wide)
    values = np.empty((rows, len(years)))
    flags = np.zeros((rows, len(years)), dtype=np.int32)
    known = {"": 0}
    for position, (value, flag) in enumerate(layout.wide.values()):
        values[:, position] = to_numpy(table[value])
        if flag:
            column = coded(table[flag])
            codes = [known.setdefault(text, len(known)) for text in column.texts]
            flags[:, position] = np.array([*codes, 0], dtype=np.int32)[column.index]
    wide = {role: Coded(np.repeat(column.index, len(years)), column.texts) for role, column in texts.items()}
    return Cells(
        **wide,
        flag=Coded(flags.ravel(), list(known)),
        year=np.tile(np.array(years, dtype=np.int64), rows),
        value=values.ravel(),
    )
