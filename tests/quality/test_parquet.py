"""The Parquet writer keeps contracts, gives equal bytes for equal rows and never leaves half a file."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quality_tables import contract, many, rows

from agrocluster.errors import DataGateError, StorageError
from agrocluster.storage import parquet
from agrocluster.storage.parquet import open_writer, read_metadata, write_table


def test_a_file_has_the_layout_that_readers_were_promised(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    table = many(130_000)
    result = write_table(table, path, contract(), {"release": "r1", "data_mode": "sample"})
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [122_880, 130_000 - 122_880]
    assert [column.column_index for column in groups[0].sorting_columns] == [0, 1, 2]
    year, value = groups[0].column(2), groups[0].column(3)
    assert year.compression == value.compression == "ZSTD"
    assert year.has_dictionary_page
    assert not value.has_dictionary_page, "measures hardly repeat; a dictionary only costs time"
    assert year.has_offset_index
    assert year.has_column_index
    assert year.statistics.has_min_max
    assert (result.rows, result.bytes) == (130_000, path.stat().st_size)
    assert result.sha256 == parquet.file_sha256(path)
    assert pq.read_table(path).num_rows == 130_000


def test_minus_zero_is_written_as_zero(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    table = rows()
    minus = pa.array([-0.0] * table.num_rows, pa.float64())
    write_table(table.set_column(table.schema.get_field_index("value"), "value", minus), path, contract())
    assert {str(value) for value in pq.read_table(path)["value"].to_pylist()} == {"0.0"}


def test_facts_reach_arrow_readers_with_the_table(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    write_table(rows(), path, contract(), {"label": "SAMPLE"})
    assert pq.read_table(path).schema.metadata[b"label"] == b"SAMPLE"


def test_descriptions_and_provenance_travel_inside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    write_table(rows(), path, contract(), {"release": "r1"})
    field = pq.read_schema(path).field("value")
    assert field.metadata == {
        b"description_en": b"Yield",
        b"description_ru": "Урожайность".encode(),
        b"unit": b"kg/ha",
    }
    facts = read_metadata(path)
    assert facts == {
        "contract": "yields",
        "contract_version": "1.2.0",
        "licence": "CC-BY-4.0",
        "redistribution": "open",
        "release": "r1",
    }
    in_duckdb = duckdb.execute("select decode(key), decode(value) from parquet_kv_metadata(?)", [str(path)]).fetchall()
    assert set(facts.items()) <= set(in_duckdb)


def test_types_are_the_contracts_whatever_encoding_the_rows_came_in(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    given = rows(
        iso3=pa.array(["KAZ", "KAZ", "TJK", "UZB"]).dictionary_encode(),
        crop=pa.array(["wheat", "wheat", "wheat", "cotton"], pa.large_string()),
        value=pa.array([1, 2, None, 3], pa.int64()),
        reports=pa.nulls(4),
    )
    write_table(given, path, contract())
    assert pq.read_schema(path).types == [pa.string(), pa.string(), pa.int16(), pa.float64(), pa.int32()]
    assert pq.read_table(path)["value"].to_pylist() == [1.0, 2.0, None, 3.0], "missing stays missing, never 0"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (rows().drop_columns(["crop"]), "crop"),
        (rows(note=["a"] * 4), "note"),
        (rows(value=["1", "2", "3", "4"]), "value"),
        (rows(year=[2020.0, 2021.0, 2021.0, 2021.0]), "year"),
        (rows(year=[2020, 2021, 2021, 99_999]), "year"),
        (rows(iso3=["KAZ", "KAZ", None, "UZB"]), "iso3"),
        (rows(iso3=["UZB", "KAZ", "TJK", "UZB"]), "sorted by iso3, crop, year"),
    ],
)
def test_rows_that_break_the_contract_are_refused_by_name(tmp_path: Path, wrong: pa.Table, named: str) -> None:
    path = tmp_path / "yields.parquet"
    write_table(rows(), path, contract())
    before = path.read_bytes()
    with pytest.raises(DataGateError, match=named):
        write_table(wrong, path, contract())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["yields.parquet"]


def test_disorder_between_row_groups_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP", 2)
    with pytest.raises(DataGateError, match="sorted"):
        write_table(rows(iso3=["TJK", "UZB", "KAZ", "KAZ"]), tmp_path / "t.parquet", contract())


def test_an_unordered_stream_is_accepted_when_declared(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    write_table(iter(rows().take([3, 0, 2, 1]).to_batches()), path, contract(), ordered=False)
    assert pq.read_table(path)["iso3"].to_pylist() == ["UZB", "KAZ", "TJK", "KAZ"]
    assert pq.ParquetFile(path).metadata.row_group(0).sorting_columns == ()


def test_no_rows_make_a_table_with_all_columns(tmp_path: Path) -> None:
    result = write_table([], tmp_path / "t.parquet", contract())
    assert result.rows == 0
    assert pq.read_table(tmp_path / "t.parquet").column_names == [c.name for c in contract().columns]


@settings(max_examples=15, deadline=None)
@given(size=st.integers(0, 700), cuts=st.lists(st.integers(1, 97), min_size=1, max_size=20))
def test_bytes_do_not_depend_on_how_rows_arrive(
    tmp_path_factory: pytest.TempPathFactory, size: int, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("chunks")
    table = many(size)
    batches, at = [], 0
    while at < size:
        length = cuts[len(batches) % len(cuts)]
        batches += table.slice(at, length).combine_chunks().to_batches()
        at += length
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROW_GROUP", 64)
        whole = write_table(table, folder / "whole.parquet", contract(), {"b": "2", "a": "1"})
        pieces = write_table(iter(batches), folder / "pieces.parquet", contract(), {"a": "1", "b": "2"})
    assert whole == pieces
    assert pq.read_table(folder / "pieces.parquet").equals(parquet.conform(table, contract()))


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    program = """
        import sys; sys.path[:0] = sys.argv[2:]
        from pathlib import Path
        from quality_tables import contract, rows
        from agrocluster.storage.parquet import write_table
        print(write_table(rows(), Path(sys.argv[1]), contract(), {"z": "1", "a": "2"}).sha256)
    """
    here = write_table(rows(), tmp_path / "here.parquet", contract(), {"a": "2", "z": "1"}).sha256
    assert run(program, tmp_path / "there.parquet").stdout.strip() == here


def test_a_full_disk_ends_in_a_message_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    write_table(rows(), path, contract())
    before = path.read_bytes()
    program = """
        import json, resource, sys; sys.path[:0] = sys.argv[2:]
        from pathlib import Path
        from quality_tables import contract, many
        from agrocluster.errors import StorageError
        from agrocluster.storage.parquet import write_table
        table = many(150_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            write_table(table, Path(sys.argv[1]), contract())
        except StorageError as error:
            print(json.dumps(str(error)))
    """
    message = json.loads(run(program, path).stdout)
    assert "disk is full" in message
    assert str(path) in message
    assert "intact" in message
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["yields.parquet"]


def test_an_interrupted_stream_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    with pytest.raises(KeyboardInterrupt), open_writer(path, contract()) as writer:
        writer.write(rows())
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "yields.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(StorageError, match=r"yields\.parquet"):
        read_metadata(path)


def run(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run ``program`` in a process of its own with the target path and the import folders as arguments."""
    here = Path(__file__).resolve()
    folders = [str(here.parent), str(here.parents[2] / "include")]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path), *folders], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done
