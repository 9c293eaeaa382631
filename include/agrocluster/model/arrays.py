"""NumPy arrays from Arrow and back over their buffers.

``pyarrow``'s own ``to_numpy``, ``pa.array`` and ``pa.scalar`` import pandas when it is installed: a second and
60 MiB in a process that never uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_ARROW: dict[np.dtype[Any], pa.DataType] = {
    np.dtype(np.int16): pa.int16(),
    np.dtype(np.int32): pa.int32(),
    np.dtype(np.int64): pa.int64(),
    np.dtype(np.float64): pa.float64(),
}
_NUMPY: dict[pa.DataType, np.dtype[Any]] = {arrow: numpy for numpy, arrow in _ARROW.items()}
_NUMPY[pa.bool_()] = np.dtype(np.bool_)


def to_numpy(column: pa.Array | pa.ChunkedArray, missing: float | bool | None = None) -> NDArray[Any]:
    """Values of a column of int16/32/64, float64 or bool; nulls become ``missing`` (floats: NaN).

    No copy unless the column is in several chunks, has nulls or is of bool. ValueError for nulls without ``missing``,
    except among floats.
    """
    if not len(column):
        return np.empty(0, dtype=_NUMPY[column.type])
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    span = slice(column.offset, column.offset + len(column))
    valid, data = column.buffers()
    values = _bits(data, span) if column.type == pa.bool_() else np.frombuffer(data, _NUMPY[column.type])[span]
    if not column.null_count:
        return values
    if missing is None and column.type != pa.float64():
        raise ValueError("a column of integers or bool with nulls has no NumPy form")
    return np.where(_bits(valid, span), values, np.nan if missing is None else missing).astype(values.dtype, copy=False)


def to_arrow(values: NDArray[Any]) -> pa.Array:
    """An Arrow array of int16/32/64 or float64 over the same memory, or of bool; NaN becomes null."""
    values = np.ascontiguousarray(values)
    if values.dtype == np.bool_:
        return pa.Array.from_buffers(
            pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))]
        )
    valid = None
    if values.dtype == np.float64 and (missing := np.isnan(values)).any():
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(_ARROW[values.dtype], len(values), [valid, pa.py_buffer(values)])


SETTLED_DECIMALS = 6
"""Of figures of order one. Matrix routines of different processors agree to about twelve."""


def settled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``values`` of order one without the digits that differ between processors: equal inputs give equal bytes."""
    return np.asarray(np.round(values, SETTLED_DECIMALS) + 0.0)  # no negative zero


def texts_to_arrow(texts: Sequence[str]) -> pa.StringArray:
    """A string array without nulls."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def labels_to_arrow(labels: Sequence[str], shape: tuple[int, ...], axis: int) -> pa.DictionaryArray:
    """The label on ``axis`` of every cell of an array of ``shape``, in the order of its memory."""
    along = [1] * len(shape)
    along[axis] = shape[axis]
    codes = np.broadcast_to(np.arange(shape[axis], dtype=np.int32).reshape(along), shape)
    return pa.DictionaryArray.from_arrays(to_arrow(np.ascontiguousarray(codes).reshape(-1)), texts_to_arrow(labels))


def repeated(text: str, rows: int) -> pa.DictionaryArray:
    """A column that holds ``text`` in every row, in four bytes per row."""
    return pa.DictionaryArray.from_arrays(to_arrow(np.zeros(rows, dtype=np.int32)), texts_to_arrow([text]))


def _bits(buffer: pa.Buffer, span: slice) -> NDArray[np.bool_]:
    bits = np.frombuffer(buffer, np.uint8)
    return np.unpackbits(bits, bitorder="little", count=span.stop)[span].view(np.bool_)
