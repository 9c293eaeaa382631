"""The first look at a file: how it is packed and what its beginning says. Opens nothing but the head of a file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agrocluster.sources.bytestream import HEAD, decode_head
from agrocluster.sources.textfile import text_pieces

Nature = Literal["empty", "zip", "xls", "json", "xml", "html", "pdf", "packed", "binary", "text"]

_MAGIC: tuple[tuple[bytes, Nature], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"%PDF", "pdf"),
    (b"Rar!", "packed"),
    (b"7z\xbc\xaf", "packed"),
    (b"BZh", "packed"),
    (b"\xfd7zXZ", "packed"),
    (b"\x28\xb5\x2f\xfd", "packed"),
)


@dataclass(frozen=True)
class Sniffed:
    """Nature and beginning of a file.

    Attributes:
        path: the file.
        gzipped: whether the rest describes what is inside gzip.
        nature: what its first bytes say it is.
        head: the first bytes as text (empty for archives and binaries).
    """

    path: Path
    gzipped: bool
    nature: Nature
    head: str

    @property
    def name(self) -> str:
        """The file's name without ``.gz``."""
        return self.path.name.removesuffix(".gz") if self.gzipped else self.path.name

    def lines(self, count: int) -> list[str]:
        """The first lines."""
        return self.head.splitlines()[:count]


def sniff(path: Path) -> Sniffed:
    """Look at the first bytes of ``path``. SourceUnavailable if it is gzipped and damaged."""
    with path.open("rb") as handle:
        gzipped = handle.read(2) == b"\x1f\x8b"
    head = b""
    for piece in text_pieces(path):
        head += piece
        if len(head) >= HEAD:
            break
    nature = _nature(head[:HEAD])
    text = decode_text(head[:HEAD]) if nature in {"json", "xml", "html", "text"} else ""
    return Sniffed(path, gzipped, nature, text)


def columns(line: str) -> list[str]:
    """The column names of a header line, whatever separates them."""
    delimiter = max(",;\t|", key=line.count)
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]


def decode_text(head: bytes) -> str:
    """The beginning of a text in UTF-8, UTF-16 (with a mark) or Windows-1252."""
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    return decode_head(head)


def _nature(head: bytes) -> Nature:
    for magic, nature in _MAGIC:
        if head.startswith(magic):
            return nature
    if not head.strip(b"\xef\xbb\xbf \t\r\n\0"):
        return "empty"
    start = decode_text(head[:4096]).lstrip()
    if start[:1] in {"{", "["}:
        return "json"
    if start.lower().startswith(("<!doctype html", "<html")):
        return "html"
    if start.startswith("<"):
        return "xml"
    return "binary" if "\0" in start else "text"
