"""Long relations give what the array functions give, in whatever form they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agrocluster.measures import concentration, relations, specialisation, two_way

CELLS = st.one_of(st.just(0.0), st.just(np.nan), st.floats(1, 2e4), st.floats(1e6, 1e9))
SHAPE = st.tuples(st.integers(1, 2), st.integers(1, 5), st.integers(1, 5))
MATRICES = SHAPE.flatmap(lambda s: st.tuples(*[hnp.arrays(np.float64, s, elements=CELLS)] * 2))
CONNECTION = duckdb.connect()
"""One for all examples: connecting costs more than what they compute."""
THIN = {"world_min": 5e6, "country_min": 1e4}


def expected(exports: np.ndarray, imports: np.ndarray) -> dict[str, np.ndarray]:
    """The array functions on one year."""
    totals = np.where(np.isnan(exports).all(axis=0), np.nan, np.nansum(exports, axis=0))
    thin = specialisation.thin_market(exports, totals, **THIN)
    advantage = np.where(thin, np.nan, specialisation.rca(exports))
    return {
        "value": exports,
        "imports": imports,
        "market_share": specialisation.market_share(exports),
        "rca": advantage,
        "rsca": specialisation.rsca(advantage),
        "nrca": specialisation.nrca(exports),
        "thin_market": thin,
        "rta": np.where(thin, np.nan, specialisation.rta(exports, imports)),
        "lafay": specialisation.lafay(exports, imports),
        "grubel_lloyd": two_way.grubel_lloyd(exports, imports),
    }


def long(exports: np.ndarray, imports: np.ndarray) -> pa.Table:
    """Cells of years by countries by products as rows."""
    year, country, product = (index.ravel() for index in np.indices(exports.shape))
    columns = {
        "t": pa.array(2020 + year),
        "c": pa.array([f"c{n}" for n in country]),
        "k": pa.array([f"k{n}" for n in product]),
        "usd": pa.array(exports.ravel(), from_pandas=True),
        # nan within Arrow is as unknown as null.
        "m": pa.array(imports.ravel()),
    }
    return pa.table(columns)


@settings(max_examples=60)
@given(MATRICES, st.integers(0, 2**32 - 1))
def test_every_measure_equals_the_array_functions(matrices: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    exports, imports = matrices
    rows = long(exports, imports)
    shuffled = rows.take(np.random.default_rng(seed).permutation(rows.num_rows))
    names = {"country": "c", "product": "k", "value": "usd", "year": "t", "imports": "m"}
    found = relations.specialisation(shuffled, **names, **THIN, connection=CONNECTION).sort_by(
        [(n, "ascending") for n in ("t", "c", "k")]
    )
    assert found.num_rows == exports.size
    by_year = [expected(x, m) for x, m in zip(exports, imports, strict=True)]
    for name, column in {"value": "usd", "imports": "m"}.items():
        found = found.rename_columns([name if n == column else n for n in found.column_names])
    for name in by_year[0]:
        wanted = np.stack([year[name] for year in by_year]).ravel().astype(float)
        got = found[name].to_numpy().astype(float)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted), err_msg=name)
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12, err_msg=name)


@settings(max_examples=60)
@given(MATRICES, st.integers(5, 9), st.booleans())
def test_concentration_of_groups_equals_the_array_functions(matrices, n: int, fixed: bool) -> None:
    exports = matrices[0]
    size = n if fixed else exports.shape[2]
    rows = long(exports, exports)
    found = relations.concentration(
        rows, by=["t", "c"], over="k", value="usd", n=n if fixed else None, connection=CONNECTION
    )
    found = found.sort_by([("t", "ascending"), ("c", "ascending")])
    assert found.num_rows == exports.shape[0] * exports.shape[1]
    wanted = {
        "usd": exports.sum(axis=2),
        "hhi": concentration.hhi(exports),
        "hhi_norm": concentration.hhi_norm(exports, size),
        "effective_number": concentration.effective_number(exports),
        "theil": concentration.theil(exports, size),
        "theil_between": concentration.theil_between(exports, size),
        "theil_within": concentration.theil_within(exports),
    }
    for name, values in wanted.items():
        got = found[name].to_numpy().astype(float)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(values.ravel()), err_msg=name)
        np.testing.assert_allclose(got, values.ravel(), rtol=1e-12, atol=1e-12, err_msg=name)


def test_a_group_has_no_more_members_than_there_can_be() -> None:
    table = long(np.ones((1, 1, 3)), np.ones((1, 1, 3)))
    with pytest.raises(ValueError, match="more members"):
        relations.concentration(table, by=["c"], over="k", value="usd", n=2)
    with pytest.raises(ValueError, match="at least one column"):
        relations.concentration(table, by=[], over="k", value="usd")
    found = relations.concentration(table, by=["c"], over="k", value="usd", n=3)
    assert found["largest_share"].to_pylist() == [pytest.approx(1 / 3)]
    assert found["members"].to_pylist() == [3]


def forms(table: pa.Table, folder: Path) -> dict[str, Any]:
    """The same rows in every form that is taken."""
    pq.write_table(table, folder / "rows.parquet")
    frame = table.to_pandas()

    class Stream:
        """What any frame with the Arrow stream protocol is, a Polars DataFrame among them."""

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return table.__arrow_c_stream__(requested_schema)

    return {
        "Arrow Table": table,
        "RecordBatchReader": table.to_reader(max_chunksize=3),
        "pandas": frame,
        "pandas with categories": frame.astype({"c": "category", "k": "category"}),
        "stream": Stream(),
        "path": folder / "rows.parquet",
        "pattern": f"{folder}/*.parquet",
        "DuckDB relation": duckdb.connect().from_arrow(table),
    }


def test_every_form_gives_the_same_and_bilateral_rows_are_added_up(tmp_path: Path) -> None:
    exports = np.array([[[10.0, 0.0, 30.0], [np.nan, 40.0, 5.0]]])
    once = long(exports, exports)
    # Two partners with halves each.
    half = once.set_column(3, "usd", pa.array(exports.ravel() / 2, from_pandas=True))
    table = pa.concat_tables([half, half]).drop_columns(["m"])
    options = {"country": "c", "product": "k", "value": "usd", "world_min": 0, "country_min": 0}
    for name, data in forms(table, tmp_path).items():
        found = relations.specialisation(data, **options).to_pandas().astype({"c": str}).sort_values(["c", "k"])
        assert found.columns.tolist() == ["c", "k", "usd", "market_share", "rca", "rsca", "nrca", "thin_market"]
        got = found["rca"].to_numpy().reshape(2, 3)
        np.testing.assert_allclose(got, specialisation.rca(exports[0]), rtol=1e-12, err_msg=name)
        assert found["c"].tolist() == ["c0"] * 3 + ["c1"] * 3, name


def test_polars_frames_are_taken_where_polars_is_there() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"country": ["a", "a", "b"], "product": ["k", "l", "k"], "value": [1.0, 2.0, None]})
    assert relations.specialisation(frame).num_rows == 3


def test_a_connection_of_ones_own_is_used_and_left_as_it_was() -> None:
    connection = duckdb.connect(config={"memory_limit": "200MB"})
    table = long(np.ones((1, 2, 2)), np.ones((1, 2, 2)))
    before = connection.sql("SHOW ALL TABLES").fetchall()
    relations.specialisation(table, country="c", product="k", value="usd", connection=connection)
    assert connection.sql("SHOW ALL TABLES").fetchall() == before
    own = connection.from_arrow(table)
    first, second = (relations.specialisation(own, country="c", product="k", value="usd") for _ in range(2))
    assert first.num_rows == second.num_rows == 4
    assert connection.sql("SHOW ALL TABLES").fetchall() == before


def test_batches_are_the_table_in_parts_with_little_memory() -> None:
    random = np.random.default_rng(5)
    table = long(random.uniform(0, 1e9, (4, 30, 50)), np.zeros((4, 30, 50)))
    names = {"country": "c", "product": "k", "value": "usd", "year": "t"}
    limited = duckdb.connect(config={"memory_limit": "100MB"})
    for connection in (None, limited):
        reader = relations.specialisation_batches(table, **names, connection=connection, batch_rows=2048)
        batches = list(reader)
        assert len(batches) > 1
        keys = [("t", "ascending"), ("c", "ascending"), ("k", "ascending")]
        whole = relations.specialisation(table, **names).sort_by(keys)
        parts = pa.Table.from_batches(batches).sort_by(keys)
        assert parts.schema == whole.schema
        np.testing.assert_allclose(parts["nrca"].to_numpy(), whole["nrca"].to_numpy(), rtol=1e-12, atol=1e-18)


def test_what_cannot_be_read_is_said_in_full(tmp_path: Path) -> None:
    frame = pd.DataFrame({"country": ["a", None], "product": ["k", "l"], "value": [1, 2]})
    with pytest.raises(ValueError, match="empty key"):
        relations.specialisation(frame)
    with pytest.raises(ValueError, match="empty key"):
        relations.specialisation_batches(frame).read_all()
    with pytest.raises(ValueError, match="no column usd, year; it has country, product, value"):
        relations.specialisation(frame, value="usd", year="year")
    with pytest.raises(TypeError, match="list is no relation"):
        relations.specialisation([1, 2])


def test_numbers_of_a_year_are_the_same_alone_and_among_others() -> None:
    random = np.random.default_rng(3)
    table = long(random.uniform(0, 1e9, (3, 4, 5)), np.zeros((3, 4, 5)))
    names = {"country": "c", "product": "k", "value": "usd", "year": "t"}
    keys = [("c", "ascending"), ("k", "ascending")]
    among = relations.specialisation(table, **names)
    for year in (2020, 2021, 2022):
        alone = relations.specialisation(table.filter(pa.compute.equal(table["t"], year)), **names).sort_by(keys)
        part = among.filter(pa.compute.equal(among["t"], year)).sort_by(keys)
        np.testing.assert_allclose(part["rca"].to_numpy(), alone["rca"].to_numpy(), rtol=1e-12)
