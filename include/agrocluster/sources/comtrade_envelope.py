"""Takes an answer of UN Comtrade out of its envelope: the records in blocks, and what stands around them.

An answer is ``{"elapsedTime": ..., "count": ..., "data": [{...}, {...}], "error": ""}``, up to 86 MiB of it. A scanner
that knows strings and brackets finds the array ``data`` on the top level and the ends of its records, whatever the
order of the fields and the white space, in whole blocks of bytes. It does not parse: a document of another shape raises
``UnlikeAnswer``, and the caller may still read it whole (``comtrade_rows``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20
"""Size in bytes of the pieces that are scanned at once; what fits a processor's cache is scanned twice as fast."""
FRAME = 1 << 20
"""Most bytes that may stand before or behind the records."""
LONGEST = 32 << 20
"""A record longer than this is none."""

Bytes = NDArray[np.uint8]
_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'\s*("(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+)')
_QUOTE, _BACKSLASH, _COMMA, _NEWLINE, _BLANK = b'"\\,\n '
_FOLD, _OPEN, _CLOSE = 0x20, 0x7B, 0x7D
"""``[`` and ``{`` differ in one bit, and so do ``]`` and ``}``."""
_ALIKE, _BRACKET = 0xD9, 0x59
"""Bits that all four brackets share with four other characters: one comparison finds the few places worth a look."""


class UnlikeAnswer(Exception):
    """The document has another shape than an answer with records."""


class Answer:
    """The records of an answer, block by block; ``frame`` is known when all blocks have been taken.

    Args:
        pieces: the document's bytes, cut anywhere.
        size: target size of a block.

    A block is whole records, one after the other, with line ends in place of the commas between them.
    """

    def __init__(self, pieces: Iterator[bytes], size: int = BLOCK) -> None:
        self._pieces, self._size = pieces, size
        self.frame: dict[str, Any] = {}
        self.records = 0

    def __iter__(self) -> Iterator[Bytes]:
        head, rest = self._head()
        buffer, first, end = _as_array(rest), True, None
        while end is None:
            buffer, grown = self._filled(buffer)
            cut, records, end = _scan(buffer, first=first)
            if end is None and not grown:
                raise UnlikeAnswer("it breaks off among its records")
            if end is None and not cut and len(buffer) > LONGEST:
                raise UnlikeAnswer(f"a record is longer than {LONGEST >> 20} MiB")
            if cut:
                yield buffer[:cut]
                self.records += records
                first = False
            buffer = buffer[cut if end is None else end :]
        self.frame = _frame(head, buffer.tobytes() + self._tail())

    def _head(self) -> tuple[bytes, bytes]:
        """The document up to the bracket that opens the records, and the bytes that were read beyond it."""
        head = b""
        for piece in self._pieces:
            head = (head + piece).removeprefix(_BOM)
            if (start := _start_of_data(head)) is not None:
                return head[:start], head[start:]
            if len(head) > FRAME + BLOCK:
                break
        raise UnlikeAnswer("it has no array of records")

    def _filled(self, buffer: Bytes) -> tuple[Bytes, bool]:
        """``buffer`` and the next pieces, as much as is scanned at once; whether there were any."""
        parts, length = [buffer], 0
        while length < self._size and (piece := next(self._pieces, b"")):
            parts.append(_as_array(piece))
            length += len(piece)
        return np.concatenate(parts), length > 0

    def _tail(self) -> bytes:
        tail = b""
        for piece in self._pieces:
            tail += piece
            if len(tail) > FRAME:
                raise UnlikeAnswer("too much stands behind its records")
        return tail


def _as_array(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8)


def _start_of_data(head: bytes) -> int | None:
    """Position behind the bracket that opens the array of the top-level field ``data``; None if it is not there yet."""
    depth, position, named = 0, 0, False
    before = b""
    while token := _TOKEN.match(head, position):
        text, position = token[1], token.end()
        if text == b"[" and depth == 1 and named and before == b":":
            return position
        if depth == 1 and before in (b"{", b","):
            named = text == b'"data"'
        depth += (text in b"{[") - (text in b"}]") if len(text) == 1 else 0
        before = text
    return None


def _scan(buffer: Bytes, *, first: bool) -> tuple[int, int, int | None]:
    """Finds the whole records at the beginning of ``buffer``, which starts inside the array and outside a record.

    Commas between records become line ends, in place. Returns the end of the last whole record, the number of records
    and, if the array ends here, the position of its closing bracket.
    """
    brackets = np.flatnonzero((buffer & _ALIKE) == _BRACKET)
    kinds = buffer[brackets] | _FOLD
    real = (kinds == _OPEN) | (kinds == _CLOSE)
    real[real] = ~_inside_text(buffer, brackets[real])
    brackets, kinds = brackets[real], kinds[real]
    depth = np.cumsum(np.where(kinds == _OPEN, 1, -1))
    over = np.flatnonzero(depth < 0)
    end = int(brackets[over[0]]) if over.size else None
    if over.size:
        brackets, depth = brackets[: over[0]], depth[: over[0]]
    closing = np.flatnonzero(depth == 0)
    if not closing.size:
        if end is not None:
            _gaps(buffer, np.array([0]), np.array([end]), np.array([False]))
        return 0, 0, end
    opening = np.concatenate([[0], closing[:-1] + 1])
    starts, stops = brackets[opening], brackets[closing] + 1
    if (buffer[starts] != _OPEN).any():
        raise UnlikeAnswer("its data are not all records")
    before = np.concatenate([[0], stops[:-1]])
    commas = np.ones(len(starts), dtype=bool)
    commas[0] = not first
    _gaps(buffer, before, starts, commas)
    if end is not None:
        _gaps(buffer, stops[-1:], np.array([end]), np.array([False]))
    return int(stops[-1]), len(stops), end


def _gaps(buffer: Bytes, starts: NDArray[np.intp], stops: NDArray[np.intp], commas: NDArray[np.bool_]) -> None:
    """Checks that between records there is white space and one comma (where ``commas``), which becomes a line end."""
    if (stops - starts == commas).all():
        places = starts[commas]
        found = buffer[places] == _COMMA
    else:
        edges = np.zeros(len(buffer) + 1, dtype=np.int8)
        edges[starts] += 1
        edges[stops] -= 1
        places = np.flatnonzero(np.cumsum(edges[:-1], dtype=np.int8))
        text = buffer[places]
        if ((text > _BLANK) & (text != _COMMA)).any():
            raise UnlikeAnswer("its data are not all records")
        places = places[text == _COMMA]
        found = np.diff(np.searchsorted(places, np.append(starts, stops[-1]))) == commas
    if not found.all():
        raise UnlikeAnswer("its records are not separated by commas")
    buffer[places] = _NEWLINE


def _inside_text(buffer: Bytes, places: NDArray[np.intp]) -> NDArray[np.bool_]:
    """For every place, whether it lies inside a string: an odd number of quotes stands before it."""
    quotes = (buffer == _QUOTE).view(np.uint8)
    slashes = np.flatnonzero(buffer == _BACKSLASH)
    if slashes.size:
        # A quote is part of a string if an odd number of backslashes stands before it.
        breaks = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        lengths = np.diff(np.append(breaks, slashes.size))
        behind = (slashes[breaks] + lengths)[lengths % 2 == 1]
        quotes[behind[behind < len(quotes)]] = 0
    if not places.size:
        return np.zeros(0, dtype=bool)
    odd = np.bitwise_xor.reduceat(quotes, np.append(0, places))[:-1]
    return np.bitwise_xor.accumulate(odd).astype(bool)


def _frame(head: bytes, tail: bytes) -> dict[str, Any]:
    try:
        frame = json.loads(head + tail)
    except ValueError as error:
        raise UnlikeAnswer(f"what stands around its records is no JSON ({error})") from error
    if not isinstance(frame, dict) or frame.get("data") != []:
        raise UnlikeAnswer("it has several fields called data")
    return frame
