"""Cuts a stream of bytes into blocks of whole CSV records, and finds out how the text is encoded.

A block ends at a line end that lies outside quotes, so that blocks can be parsed one by one and in parallel
with the same result as the whole file. Nothing here knows columns; see ``faostat_layout`` and ``faostat_rows``.

Encoding: a byte order mark decides; without one a file is UTF-8 if its first non-ASCII bytes are, else
Windows-1252, the two that FAO has used side by side. Bytes that fit neither are refused with their position.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from agrocluster.errors import SourceContractError

BLOCK = 8 << 20
"""Target size of a block in bytes."""
MAX_RECORD = 64 << 20
"""A record longer than this can only be an unclosed quote."""

_AFTER_CLOSING = frozenset({b'"', b",", b";", b"\t", b"\r", b"\n", b" ", b""})
Encoding = Literal["ascii", "utf-8", "cp1252"]
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


@dataclass(frozen=True)
class Block:
    """Whole records of a CSV text. ``offset`` is the position of the first byte in the text."""

    data: bytes
    encoding: Encoding
    offset: int

    def utf8(self) -> bytes:
        """The records as UTF-8. UnicodeDecodeError if a byte is not defined in Windows-1252."""
        return self.data.decode("cp1252").encode() if self.encoding == "cp1252" else self.data


class TextBlocks:
    """Iterates over the blocks of a text. ``encoding`` is known when the iteration has ended.

    Args:
        pieces: the bytes, cut anywhere.
        name: names the text in errors.
        size: target size of a block.
        mixed: accept text that is of no single encoding, for readers that need its ASCII columns only.
    """

    def __init__(self, pieces: Iterator[bytes], name: str, size: int = BLOCK, *, mixed: bool = False) -> None:
        self._pieces, self._name, self._size, self._mixed = pieces, name, size, mixed
        self.encoding: Encoding = "ascii"

    def __iter__(self) -> Iterator[Block]:
        offset = 0
        for data in cut_records(_without_mark(self._pieces, self._name), self._name, self._size):
            yield Block(data, self._encoding_of(data, offset), offset)
            offset += len(data)

    def _encoding_of(self, data: bytes, offset: int) -> Encoding:
        if data.isascii():
            return "ascii"
        if self._mixed:
            return "utf-8" if is_utf8(data) else "cp1252"
        if self.encoding != "cp1252":
            if is_utf8(data):
                self.encoding = "utf-8"
            elif self.encoding == "utf-8" or _mostly_utf8(data):
                raise self._undecodable(data, offset)
            else:
                self.encoding = "cp1252"
        return self.encoding

    def _undecodable(self, data: bytes, offset: int) -> SourceContractError:
        try:
            data.decode("utf-8")
            position, found = offset, ""
        except UnicodeDecodeError as error:
            position, found = offset + error.start, data[error.start : error.start + 4].hex(" ")
        return undecodable(self._name, "UTF-8", position, found)


def undecodable(name: str, encoding: str, position: int, found: str) -> SourceContractError:
    """The error for bytes that are no text in the encoding of their file."""
    return SourceContractError(
        f"{name} is written in {encoding}, but its bytes at position {position:,} ({found}) are not.",
        remedy="The file is damaged or mixes encodings; download it again, or repair it with an editor.",
    )


def is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8 (checked in place, without decoding)."""
    offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int32))
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def cut_records(pieces: Iterator[bytes], name: str, size: int) -> Iterator[bytes]:
    """Blocks of about ``size`` bytes that end at line ends outside quotes, whatever the pieces are."""
    pending: list[bytes] = []
    length = 0
    for piece in pieces:
        if length + len(piece) >= size and (cut := _record_end(pending, piece)):
            yield b"".join([*pending, piece[:cut]])
            pending, length, piece = [], 0, piece[cut:]
        pending.append(piece)
        length += len(piece)
        if length > max(MAX_RECORD, 2 * size):
            raise SourceContractError(
                f"{name} has a record of more than {MAX_RECORD >> 20} MiB, most likely an unclosed quote.",
                remedy="The file is damaged; download it again.",
            )
    if length:
        yield b"".join(pending)


def _record_end(pending: list[bytes], piece: bytes) -> int:
    """Position in ``piece`` after the last line end outside quotes, 0 if there is none; ``pending`` lies before it."""
    end = len(piece)
    while end := piece.rfind(b'\n"', 0, end) + 1:
        # Inside a quoted field a quote is doubled or the field's last character; this one opens a field.
        if piece[end + 1 : end + 2] not in _AFTER_CLOSING:
            return end
    end = piece.rfind(b"\n") + 1
    inside = bool((sum(map(_quotes, pending)) + _quotes(piece[:end])) & 1)
    while end and inside:
        before = piece.rfind(b"\n", 0, end - 1) + 1
        inside ^= bool(piece.count(b'"', before, end) & 1)
        end = before
    return end


def _quotes(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord('"')))


def _mostly_utf8(data: bytes) -> bool:
    valid = sum(len(match) for match in _MULTIBYTE.findall(data))
    high = int(np.count_nonzero(np.frombuffer(data, np.uint8) > 0x7F))
    return 2 * valid > high


def _without_mark(pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The text without its byte order mark; UTF-16 becomes UTF-8."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= len(codecs.BOM_UTF8):
            break
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield from _from_utf16(head, pieces, name)
        return
    yield head.removeprefix(codecs.BOM_UTF8)
    yield from pieces


def _from_utf16(head: bytes, pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        yield decoder.decode(head).encode()
        for piece in pieces:
            yield decoder.decode(piece).encode()
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise undecodable(name, "UTF-16", 0, str(error)) from error
