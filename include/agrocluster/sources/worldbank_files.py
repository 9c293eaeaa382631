"""Readers of the World Bank's downloads made by hand: CSV, the zip around it, and the Excel workbook.

All three hold the same wide table (see ``worldbank_tables``). It is turned block by block into the flat rows that
``worldbank_rows`` stages, so that economies, aggregates and units are treated as those of the API.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from agrocluster.errors import SourceContractError
from agrocluster.model.loader import catalog
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources.base import RawFile, Reader, StageLog
from agrocluster.sources.bytestream import HEAD, as_file, decode_head, head_text
from agrocluster.sources.textfile import text_pieces
from agrocluster.sources.worldbank_rows import stage_rows
from agrocluster.sources.worldbank_tables import WideTable, read_header_lines, read_preamble, skip_lines
from agrocluster.sources.zipsafe import Limits, SafeZip

SOURCE = "worldbank"
BLOCK = 8 << 20
MISSING = ["", "..", "NA"]
WORKBOOK = Limits(total_bytes=2 * 1024**3)


def read_wdi_csv(path: Path, file: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    """Rows of a CSV file, plain or gzipped, or of the tables in a zip; its Metadata members are left alone.

    Raises SourceUnavailable if the file is cut off, SourceContractError if it holds another table.
    """
    for stream, name in _streams(path, file.format):
        table, body = _header(stream, name)
        texts = dict.fromkeys((table.economy, table.name, table.series), pa.string())
        for batch in _batches(body, table, texts | dict.fromkeys(table.years, pa.float64())):
            yield from _stage(pa.Table.from_batches([batch]), table, spec, log)


def read_wdi_xlsx(path: Path, _: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    """Rows of the sheet ``Data`` of a workbook."""
    table, rows = read_sheet(path)
    columns = list(zip(*rows, strict=True))
    texts = {table.columns.index(name): name for name in (table.economy, table.name, table.series)}
    arrays, names = [], []
    for place, name in enumerate(table.columns):
        if place in texts:
            arrays.append(pa.array([None if v is None else str(v) for v in columns[place]], pa.string()))
        elif name in table.years:
            arrays.append(pa.array([_number(v) for v in columns[place]], pa.float64()))
        else:
            continue
        names.append(name)
    yield from _stage(pa.table(arrays, names=names), table, spec, log)


def read_sheet(path: Path) -> tuple[WideTable, list[tuple[object, ...]]]:
    """Header and data rows of the sheet ``Data``. SourceContractError if the workbook has none of that form."""
    SafeZip(path, source=SOURCE, limits=WORKBOOK)
    try:
        # Opened as a stream: openpyxl judges a path by its ending.
        with path.open("rb") as handle:
            book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
            rows = list(book["Data"].iter_rows(values_only=True)) if "Data" in book.sheetnames else []
    except (KeyError, ValueError, SyntaxError, OSError, zipfile.BadZipFile) as error:
        raise SourceContractError(
            f"{path.name} is no readable workbook ({error}).", source=SOURCE, remedy="Download it again."
        ) from error
    found = read_preamble(rows)
    if found is None:
        raise SourceContractError(
            f"{path.name} has no sheet Data with the columns Country Code, Indicator Code and years.",
            source=SOURCE,
            remedy="Take the Excel download of an indicator page, or the CSV.",
        )
    position, table = found
    return table, [row for row in rows[position + 1 :] if any(cell is not None for cell in row)]


def table_members(archive: SafeZip) -> list[str]:
    """The members of a zip that hold a table of indicators, told by their first lines."""
    return [name for name in archive.find("*.csv") if read_header_lines(head_text(archive.stream(name)))]


def series_in(path: Path, file_format: str) -> tuple[WideTable, frozenset[str]]:
    """Header of a download and the codes of all series in it, without reading a value."""
    if file_format == "wdi_xlsx":
        table, rows = read_sheet(path)
        place = table.columns.index(table.series)
        return table, frozenset(str(row[place]) for row in rows if row[place])
    codes: set[str] = set()
    for stream, name in _streams(path, file_format):
        table, body = _header(stream, name)
        for batch in _batches(body, table, {table.series: pa.string()}):
            codes.update(pc.unique(batch.column(0)).to_pylist())
    return table, frozenset(codes - {""})


def _streams(path: Path, file_format: str) -> Iterator[tuple[BinaryIO, str]]:
    """The tables of a CSV file, plain or gzipped, or of a zip."""
    if file_format == "wdi_zip":
        archive = SafeZip(path, source=SOURCE)
        members = table_members(archive)
        if not members:
            raise _another_table(path.name)
        for member in members:
            yield as_file(archive.stream(member)), member
        return
    yield as_file(text_pieces(path)), path.name


def _header(stream: BinaryIO, name: str) -> tuple[WideTable, BinaryIO]:
    head = stream.read(HEAD)
    found = read_header_lines(decode_head(head))
    if found is None:
        raise _another_table(name)
    position, table = found
    return table, as_file(iter([skip_lines(head, position + 1)]), stream)


def _batches(body: BinaryIO, table: WideTable, types: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """The columns named in ``types``, block by block."""
    with pv.open_csv(
        body,
        read_options=pv.ReadOptions(block_size=BLOCK, column_names=list(table.columns)),
        parse_options=pv.ParseOptions(newlines_in_values=True, invalid_row_handler=_footer_only),
        convert_options=pv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=MISSING, strings_can_be_null=False
        ),
    ) as reader:
        yield from reader


def _footer_only(row: object) -> str:
    # DataBank writes "Data from database: ..." below the table, in lines of one field.
    return "skip" if getattr(row, "actual_columns", 0) <= 1 else "error"


def _stage(rows: pa.Table, table: WideTable, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    rows = rows.filter(pc.not_equal(pc.fill_null(rows[table.series], ""), ""))
    rows = _ours(rows, table, spec, log)
    if rows.num_rows:
        yield from stage_rows(_flat(rows, table), spec, log).to_batches()


def _ours(rows: pa.Table, table: WideTable, spec: DatasetSpec, log: StageLog) -> pa.Table:
    """Rows of the dataset's own indicators; the values of all others are counted by where they belong."""
    code = pc.utf8_upper(rows[table.series])
    mine = pc.is_in(code, pa.array(sorted(_codes(spec.id)), pa.string()))
    others = pc.and_not(pc.is_in(code, pa.array(sorted(_codes(None)), pa.string())), mine)
    unknown = pc.and_not(pc.invert(mine), others)
    log.exclude("indicator_of_another_dataset", _values(rows.filter(others), table))
    log.exclude("not_in_catalogue", _values(rows.filter(unknown), table))
    return rows.filter(mine)


@cache
def _codes(dataset_id: str | None) -> frozenset[str]:
    """Codes of a dataset's indicators in capitals, or of all datasets'."""
    lists = catalog().indicators
    chosen = lists.values() if dataset_id is None else [lists.get(dataset_id, ())]
    return frozenset(spec.code.upper() for specs in chosen for spec in specs)


def _values(rows: pa.Table, table: WideTable) -> int:
    return sum(rows.num_rows - rows[column].null_count for column in table.years)


def _flat(rows: pa.Table, table: WideTable) -> pa.Table:
    """One row per economy, series and year."""
    years = list(table.years)
    repeat = np.repeat(np.arange(rows.num_rows), len(years))
    values = np.column_stack([rows[column].to_numpy() for column in years]).ravel()
    labels = pa.array([str(table.years[column]) for column in years])
    return pa.table(
        {
            "economy": rows[table.economy].take(repeat),
            "economy2": pa.nulls(len(repeat), pa.string()),
            "name": rows[table.name].take(repeat),
            "indicator": rows[table.series].take(repeat),
            "date": labels.take(pa.array(np.tile(np.arange(len(years)), rows.num_rows))),
            "value": pa.array(values, pa.float64(), from_pandas=True),
            "obs_status": pa.nulls(len(repeat), pa.string()),
        }
    )


def _number(value: object) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    text = str(value or "").strip()
    return None if text in MISSING else float(text)


def _another_table(name: str) -> SourceContractError:
    return SourceContractError(
        f"{name} holds no table with the columns Country Code, Indicator Code and years.",
        source=SOURCE,
        remedy="Take the CSV, zip or Excel download of the World Bank's data pages.",
    )


READERS: dict[str, Reader] = {
    "wdi_csv": read_wdi_csv,
    "wdi_zip": read_wdi_csv,
    "wdi_xlsx": read_wdi_xlsx,
}
