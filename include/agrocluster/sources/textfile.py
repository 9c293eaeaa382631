"""The bytes of a text file, plain or gzipped, in pieces; what they mean is not known here."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from agrocluster.errors import SourceUnavailable
from agrocluster.model.specs import DatasetSpec

PIECE = 1 << 20


def text_pieces(path: Path, spec: DatasetSpec | None = None) -> Iterator[bytes]:
    """Pieces of at most one MiB, unpacked if the file is gzipped (by its first bytes, not by its name).
    ``spec`` is named in errors.

    Raises SourceUnavailable if the gzip stream is cut off or damaged.
    """
    with path.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
        handle.seek(0)
        stream = gzip.GzipFile(fileobj=handle) if packed else handle
        yield from _until_end(stream, path, spec)


def _until_end(stream: BinaryIO | gzip.GzipFile, path: Path, spec: DatasetSpec | None) -> Iterator[bytes]:
    try:
        while piece := stream.read(PIECE):
            yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceUnavailable(
            f"{path.name} is not complete ({error}).",
            source=spec.source if spec else None,
            dataset=spec.dataset if spec else None,
            remedy="Download it again.",
        ) from error
