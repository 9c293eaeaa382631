"""Arrays cross between Arrow and NumPy unchanged, without pandas."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.model.arrays import repeated, texts_to_arrow, to_arrow, to_numpy


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=40), st.integers(0, 5))
def test_floats_keep_values_and_gaps_wherever_a_slice_begins(values, start):
    column = pa.array(values, pa.float64())[start:]
    assert to_arrow(to_numpy(column)).to_pylist() == column.to_pylist()


@given(st.lists(st.one_of(st.none(), st.integers(-100, 100)), max_size=40), st.integers(0, 5))
def test_missing_integers_become_what_is_asked(values, start):
    column = pa.chunked_array([pa.array(values, pa.int32())[start:]])
    assert to_numpy(column, missing=-999).tolist() == [-999 if v is None else v for v in values[start:]]


@given(st.lists(st.one_of(st.none(), st.booleans()), max_size=40), st.integers(0, 11), st.booleans())
def test_truths_cross_both_ways(values, start, missing):
    column = pa.array(values, pa.bool_())[start:]
    kept = to_numpy(column, missing=missing)
    assert kept.dtype == bool
    assert kept.tolist() == [missing if v is None else v for v in values[start:]]
    assert to_arrow(kept).to_pylist() == kept.tolist()


def test_missing_integers_are_never_invented():
    with pytest.raises(ValueError, match="no NumPy form"):
        to_numpy(pa.array([1, None], pa.int64()))


@given(st.lists(st.text(max_size=5), max_size=10))
def test_texts_keep_their_characters(texts):
    assert texts_to_arrow(texts).to_pylist() == texts


def test_a_repeated_text_is_one_entry():
    column = repeated("faostat", 3)
    assert column.to_pylist() == ["faostat"] * 3
    assert len(column.dictionary) == 1


def test_no_pandas_is_needed():
    program = (
        "import sys, numpy as np, pyarrow as pa; from agrocluster.model.arrays import *;"
        "to_numpy(to_arrow(np.array([1.0, np.nan]))); repeated('a', 2).to_pylist(); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
