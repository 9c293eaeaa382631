"""Columns of codes and labels as positions in a list of distinct texts: a text is mapped once, not row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.model.arrays import texts_to_arrow, to_arrow, to_numpy

Index = NDArray[np.int32]


@dataclass(frozen=True)
class Coded:
    """A column of texts as positions in a list of distinct texts."""

    index: Index
    texts: Sequence[str]

    def mapped(self, change: Callable[[str], str]) -> Coded:
        """The same column with every distinct text changed."""
        return Coded(self.index, [change(text) for text in self.texts])

    def take(self, keep: NDArray[np.bool_]) -> Coded:
        """The rows where ``keep`` is true."""
        return Coded(self.index[keep], self.texts)

    def lookup(self, wanted: Callable[[str], bool]) -> NDArray[np.bool_]:
        """For every row, whether its text is wanted."""
        return np.array([wanted(text) for text in self.texts] or [False], dtype=bool)[self.index]

    def numbers(self, number: Callable[[str], int]) -> pa.Array:
        """A column of int16 with the number of every text."""
        used = zip(self.texts, self.used(), strict=True)
        of_text = np.array([number(text) if known else 0 for text, known in used], dtype=np.int16)
        return to_arrow(of_text[self.index])

    def arrow(self) -> pa.DictionaryArray:
        """As an Arrow dictionary array; texts that became equal share one entry."""
        places = {text: place for place, text in enumerate(dict.fromkeys(self.texts))}
        index = self.index
        if len(places) < len(self.texts):
            index = np.array([places[text] for text in self.texts], dtype=np.int32)[index]
        return pa.DictionaryArray.from_arrays(to_arrow(index), texts_to_arrow(list(places)))

    def used(self) -> NDArray[np.bool_]:
        """For every distinct text, whether a row has it (a column that was filtered keeps all its texts)."""
        return np.bincount(self.index, minlength=len(self.texts)) > 0


def coded(column: pa.Array | pa.ChunkedArray) -> Coded:
    """An Arrow column of texts, encoded or not; apostrophes in front of codes and blanks around texts go, null is
    ``''``."""
    if not len(column):
        return Coded(np.empty(0, dtype=np.int32), [])
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    texts = [text.strip().removeprefix("'") for text in column.dictionary.to_pylist()]
    if column.null_count:
        texts.append("")
    return Coded(to_numpy(column.indices, missing=len(texts) - 1), texts)
