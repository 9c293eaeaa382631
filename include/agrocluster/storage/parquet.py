"""Parquet files that keep a table contract: the one writer of every staged table, fact and mart.

A file has exactly the columns, types and nullability of its contract, one layout (zstd, full row groups of
122,880 rows, statistics of numbers, keys and sort columns, page index), its descriptions and provenance inside,
and the same bytes for the same rows, however they arrive. It appears whole or not at all. Whether values are
plausible is the business of ``quality``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agrocluster.errors import DataGateError, StorageError
from agrocluster.model.arrays import texts_to_arrow, to_arrow, to_numpy
from agrocluster.model.specs import Column, TableContract
from agrocluster.storage.atomic import replacing

ROW_GROUP = 122_880
"""Rows per group: DuckDB's own vector-friendly default, and the best compromise measured for point reads."""

TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "date32": pa.date32(),
}
"""Arrow type of every column type a contract can name."""

SQL_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "date32": "DATE",
}
"""DuckDB's type of each."""

_CODES = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class WriteResult:
    """What was written: number of rows, size of the file in bytes, SHA-256 of the file."""

    rows: int
    bytes: int
    sha256: str


def arrow_schema(contract: TableContract) -> pa.Schema:
    """The Arrow schema of a contract; its fields carry descriptions, unit and code list as metadata."""
    return pa.schema([_field(column) for column in contract.columns])


def conform(table: pa.Table, contract: TableContract, *, encode: bool = False) -> pa.Table:
    """``table`` with the contract's columns in the contract's order and types.

    With ``encode`` texts are dictionaries of strings instead of strings. Only casts that keep every value are made
    (integers that fit, any number to float64, any text encoding to string). DataGateError names the column that is
    missing, not foreseen, of another type, out of range or empty where the contract forbids it.
    """
    have, want = set(table.column_names), [column.name for column in contract.columns]
    if missing := [name for name in want if name not in have]:
        raise _refused(contract, f"lacks the column(s) {', '.join(missing)}")
    if extra := sorted(have - set(want)):
        raise _refused(contract, f"has the unforeseen column(s) {', '.join(extra)}")
    columns = [_conform_column(table.column(column.name), column, contract, encode) for column in contract.columns]
    schema = arrow_schema(contract)
    if encode:
        schema = pa.schema([pa.field(f.name, _encoded_type(f.type), f.nullable) for f in schema])
    return pa.Table.from_arrays(columns, schema=schema)


class ContractWriter:
    """Writes batches of any size into one Parquet file, holding at most one row group and one batch.

    Text columns are dictionary-encoded all the way, with sorted dictionaries, so that codes which arrive encoded
    (most of a staged table) are never spelled out, and bytes do not depend on the order in which texts were met.

    Use ``open_writer``, which makes the file appear atomically. With ``ordered`` the file declares
    ``contract.sort`` as its order, and rows that break it are refused.
    """

    def __init__(self, path: Path, contract: TableContract, metadata: Mapping[str, str], *, ordered: bool) -> None:
        self.rows = 0
        self._contract, self._ordered = contract, ordered
        self._pending: list[pa.Table] = []
        self._waiting = 0
        self._last: pa.Table | None = None
        schema = arrow_schema(contract)
        self._encoded = pa.schema([pa.field(f.name, _encoded_type(f.type), f.nullable) for f in schema])
        facts = {"contract": contract.name, "contract_version": contract.version, "licence": contract.licence}
        facts |= {"redistribution": contract.redistribution, **metadata}
        facts = dict(sorted(facts.items()))
        # Arrow readers take the facts from the schema they find inside, all others from the footer.
        stored = base64.b64encode(schema.with_metadata(facts).serialize()).decode()
        self._facts = {**facts, "ARROW:schema": stored}
        order = [pq.SortingColumn(schema.get_field_index(name)) for name in contract.sort] if ordered else []
        named = {*contract.key, *contract.sort}
        self._writer = pq.ParquetWriter(
            path,
            self._encoded,
            compression="zstd",
            store_schema=False,
            use_dictionary=[c.name for c in contract.columns if c.type in {"string", "int16", "date32"}],
            # Labels are not searched by range, and statistics of ten text columns cost a fifth of writing.
            write_statistics=[c.name for c in contract.columns if c.type != "string" or c.name in named],
            write_page_index=True,
            sorting_columns=order or None,
        )

    def write(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Add rows; they are checked at once and written as soon as a row group is full."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        table = conform(table, self._contract, encode=True)
        while self._waiting + table.num_rows >= ROW_GROUP:
            fill = ROW_GROUP - self._waiting
            self._pending.append(table.slice(0, fill))
            table = table.slice(fill)
            self._flush()
        if table.num_rows:
            self._pending.append(table)
            self._waiting += table.num_rows

    def close(self) -> None:
        """Write what is left and the footer."""
        if self._pending:
            self._flush()
        # By hand, because the writer sees codes where readers shall see strings with descriptions.
        self._writer.add_key_value_metadata(self._facts)
        self._writer.close()

    def abort(self) -> None:
        """Let go of the file without caring for its content."""
        self._writer.is_open = False
        if self._writer.file_handle is not None:
            self._writer.file_handle.close()

    def _flush(self) -> None:
        # One contiguous array per column: page limits follow array limits, and bytes must not depend on them.
        group = pa.concat_tables(self._pending).unify_dictionaries().combine_chunks()
        group = pa.Table.from_arrays([_sorted_codes(column) for column in group.columns], schema=self._encoded)
        if self._ordered:
            self._check_order(group)
        self._writer.write_table(group, row_group_size=ROW_GROUP)
        self.rows += group.num_rows
        self._pending, self._waiting = [], 0

    def _check_order(self, group: pa.Table) -> None:
        keys = group.select(list(self._contract.sort))
        keys = keys.cast(pa.schema([(f.name, _plain_type(f.type)) for f in keys.schema]))
        joined = keys if self._last is None else pa.concat_tables([self._last, keys])
        if not _is_sorted(joined):
            raise _refused(self._contract, f"is not sorted by {', '.join(self._contract.sort)}")
        self._last = keys.slice(keys.num_rows - 1)


@contextmanager
def open_writer(
    path: Path, contract: TableContract, metadata: Mapping[str, str] | None = None, *, ordered: bool = False
) -> Iterator[ContractWriter]:
    """A ContractWriter whose file takes its place at ``path`` when the block ends without an error.

    Raises StorageError when the disk is full or the folder not writable; nothing is left behind then, and an
    older file at ``path`` stays.
    """
    with replacing(path) as temporary:
        writer = ContractWriter(temporary, contract, metadata or {}, ordered=ordered)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.abort()
            raise


def write_table(
    rows: pa.Table | Iterable[pa.RecordBatch],
    path: Path,
    contract: TableContract,
    metadata: Mapping[str, str] | None = None,
    *,
    ordered: bool = True,
) -> WriteResult:
    """Write a table or a stream of batches to ``path``, atomically and under its contract.

    Args:
        rows: a table, a RecordBatchReader or any iterable of batches; a stream is never held whole.
        metadata: key-value facts for the file (dataset, release, sources ...), beside the contract's own.
        ordered: rows come sorted by ``contract.sort``; the file says so, and rows out of order are refused.

    Raises:
        DataGateError: rows do not fit the contract (the message names the column).
        StorageError: the disk is full or not writable; what was published before is intact.
    """
    with open_writer(path, contract, metadata, ordered=ordered and bool(contract.sort)) as writer:
        for batch in [rows] if isinstance(rows, pa.Table) else rows:
            writer.write(batch)
    return WriteResult(writer.rows, path.stat().st_size, file_sha256(path))


def read_metadata(path: Path) -> dict[str, str]:
    """The key-value facts of a Parquet file, without Arrow's own entry. StorageError if it is not Parquet."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise StorageError(
            f"{path} is not a readable Parquet file: {error}.",
            remedy="Delete it and run again; it will be rebuilt.",
        ) from error
    return {key.decode(): value.decode() for key, value in metadata.items() if key != b"ARROW:schema"}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def rows_sha256(path: Path) -> str:
    """SHA-256 of the rows alone: the footer, which names the release, is left out. Equal rows give equal hashes as
    long as the same library wrote them."""
    data = path.read_bytes()
    footer = int.from_bytes(data[-8:-4], "little") + 8
    return hashlib.sha256(memoryview(data)[:-footer]).hexdigest()


def _field(column: Column) -> pa.Field:
    facts = {"description_en": column.text.en, "description_ru": column.text.ru}
    facts |= {name: value for name, value in (("unit", column.unit), ("codelist", column.codelist)) if value}
    return pa.field(column.name, TYPES[column.type], nullable=column.nullable, metadata=facts)


def _conform_column(values: pa.ChunkedArray, column: Column, contract: TableContract, encode: bool) -> pa.ChunkedArray:
    target = _encoded_type(TYPES[column.type]) if encode else TYPES[column.type]
    if values.type != target:
        if not _keeps_values(values.type, TYPES[column.type]):
            raise _refused(contract, f"holds {values.type} in the column {column.name}, which must be {target}")
        try:
            values = values.cast(target)
        except pa.ArrowInvalid as error:
            raise _refused(contract, f"has a value in {column.name} that does not fit {target} ({error})") from error
    if pa.types.is_floating(values.type):
        values = pc.add(values, 0.0)  # minus zero is no figure anybody publishes
    if not column.nullable and values.null_count:
        raise _refused(contract, f"has {values.null_count} empty value(s) in {column.name}, which must not be empty")
    return values


def _encoded_type(kind: pa.DataType) -> pa.DataType:
    return _CODES if pa.types.is_string(kind) else kind


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _sorted_codes(column: pa.ChunkedArray) -> pa.Array:
    """A dictionary column with exactly the texts its rows hold, in order; other columns as they are."""
    values = column.chunk(0)
    if not pa.types.is_dictionary(values.type):
        return values
    if values.dictionary.null_count:
        values = values.cast(pa.string()).dictionary_encode()
    texts = values.dictionary.to_pylist()
    codes = to_numpy(values.indices, missing=len(texts))
    used = np.bincount(codes, minlength=len(texts) + 1)[: len(texts)] > 0
    if used.all() and all(a < b for a, b in pairwise(texts)):
        return values
    order = sorted(np.flatnonzero(used).tolist(), key=texts.__getitem__)
    place = np.zeros(len(texts) + 1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    indices = to_arrow(place[codes])
    if values.null_count:
        indices = pc.if_else(values.indices.is_valid(), indices, pa.nulls(len(indices), pa.int32()))
    return pa.DictionaryArray.from_arrays(indices, texts_to_arrow([texts[i] for i in order]))


def _keeps_values(have: pa.DataType, want: pa.DataType) -> bool:
    if pa.types.is_dictionary(have):
        return _keeps_values(have.value_type, want)
    if pa.types.is_null(have):
        return True
    if pa.types.is_integer(want):
        return pa.types.is_integer(have)
    if pa.types.is_floating(want):
        return pa.types.is_integer(have) or pa.types.is_floating(have) or pa.types.is_decimal(have)
    if pa.types.is_string(want):
        return pa.types.is_large_string(have) or pa.types.is_string_view(have) or pa.types.is_string(have)
    return have == want


def _is_sorted(keys: pa.Table) -> bool:
    """Whether rows ascend lexicographically, empty values last; equal rows are allowed."""
    table = keys.combine_chunks()
    before, after = table.slice(0, table.num_rows - 1), table.slice(1)
    for name in table.column_names:
        a, b = before.column(name), after.column(name)
        lost = pc.fill_null(pc.greater(a, b), fill_value=False)
        if a.null_count:
            lost = pc.or_(lost, pc.and_(pc.is_null(a), pc.is_valid(b)))
        if pc.any(lost).as_py():
            return False
        same = pc.fill_null(pc.equal(a, b), fill_value=False)
        if a.null_count:
            same = pc.or_(same, pc.and_(pc.is_null(a), pc.is_null(b)))
        before, after = before.filter(same), after.filter(same)
    return True


def _refused(contract: TableContract, problem: str) -> DataGateError:
    return DataGateError(
        f"The table {contract.name} (contract {contract.version}) {problem}.",
        dataset=contract.name,
        remedy="Nothing was written. Compare the source's columns with the contract in the catalogue; "
        "if the source changed, adapt its reader, else the contract and its version.",
    )
