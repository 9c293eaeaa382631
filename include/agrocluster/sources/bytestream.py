"""Bytes that come in pieces, as a stream to read, and the beginning of a text from its bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

BLOCK = 1 << 20
HEAD = 1 << 18
"""Bytes of the beginning of a text that tell what it is."""


def as_file(pieces: Iterator[bytes], rest: BinaryIO | None = None) -> BinaryIO:
    """``pieces``, and then what is left of another stream, for readers that want a file."""
    return cast(BinaryIO, _Stream(pieces, rest))


def head_text(pieces: Iterator[bytes]) -> str:
    """The beginning of a text whose bytes come in pieces."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD:
            break
    return decode_head(head[:HEAD])


def decode_head(head: bytes) -> str:
    """The beginning of a text; a character cut at the end is no error, other bytes than UTF-8 are Windows-1252."""
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 3:
            return head[: error.start].decode("utf-8-sig")
        return head.decode("cp1252", errors="replace")


class _Stream(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes], rest: BinaryIO | None) -> None:
        self._pieces, self._rest, self._held = pieces, rest, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        want = size if size >= 0 else 1 << 62
        parts: list[bytes] = []
        while want and (piece := self._held or self._next(want)):
            parts.append(piece[:want])
            self._held = piece[want:]
            want -= len(parts[-1])
        return b"".join(parts)

    def _next(self, want: int) -> bytes:
        for piece in self._pieces:
            if piece:
                return piece
        return self._rest.read(min(want, BLOCK)) if self._rest else b""
