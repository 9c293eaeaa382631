"""Reads members of zip archives that come from outside, as if each were made to do harm.

Archives are never unpacked to disk: a member is a stream of bytes, and no path of the archive is ever used.
Before the first byte the whole directory is checked (names, links, duplicates, encryption, overlapping
members, declared sizes); while streaming, the real size is held against the declared one and the checksum
against the data. Inflating uses ISA-L, which takes half the time of zlib; what the bytes mean is not known here.
"""

from __future__ import annotations

import fnmatch
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from isal import isal_zlib
from isal.igzip_lib import IsalError

from agrocluster.errors import SourceContractError, SourceUnavailable

READ = 1 << 17
"""Compressed bytes per read; what is left over of a read is copied each time, so small reads are faster."""
PIECE = 8 << 20
"""Most unpacked bytes per piece."""
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Limits:
    """How much an archive may claim and deliver.

    Attributes:
        members: number of entries.
        member_bytes: unpacked size of one member that is allowed whatever its ratio.
        total_bytes: declared unpacked size of all members together.
        ratio: unpacked to packed size above which a member larger than ``free_bytes`` is refused.
        free_bytes: size below which the ratio does not matter (short repetitive files pack very well).
    """

    members: int = 2_000
    member_bytes: int = 16 * 1024**3
    total_bytes: int = 64 * 1024**3
    ratio: int = 200
    free_bytes: int = 64 * 1024**2


DEFAULT_LIMITS = Limits()


class SafeZip:
    """An archive that passed every check of its directory.

    Args:
        path: the archive.
        source, dataset: named in errors.
        limits: what it may claim and deliver.

    Raises:
        SourceUnavailable: the archive is cut off or damaged; a new download may heal it.
        SourceContractError: the archive is built in a way no publisher has a reason for.
    """

    def __init__(
        self, path: Path, *, source: str | None = None, dataset: str | None = None, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.path, self._limits = path, limits
        self._source, self._dataset = source, dataset
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = [info for info in archive.infolist() if not info.is_dir()]
                self._start = archive.start_dir
        except (zipfile.BadZipFile, struct.error, ValueError, OSError, NotImplementedError) as error:
            raise self._damaged(f"is not a complete zip archive ({error})") from error
        self._check_directory()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all members, in the archive's order."""
        return tuple(info.filename for info in self._members)

    @property
    def newest(self) -> str | None:
        """ISO date of the member that was changed last, None for an empty archive or one without dates."""
        dates = [info.date_time[:3] for info in self._members if info.date_time[:3] > (1980, 1, 1)]
        return "{:04d}-{:02d}-{:02d}".format(*max(dates)) if dates else None

    def find(self, pattern: str, *, without: str = "") -> tuple[str, ...]:
        """Members whose base name matches a shell pattern (case ignored) and not the pattern ``without``."""

        def fits(name: str) -> bool:
            base = PurePosixPath(name).name.lower()
            excluded = bool(without) and fnmatch.fnmatchcase(base, without.lower())
            return fnmatch.fnmatchcase(base, pattern.lower()) and not excluded

        return tuple(name for name in self.names if fits(name))

    def one(self, pattern: str, *, without: str = "") -> str:
        """The only member that matches; SourceContractError lists what is there when none or several do."""
        found = self.find(pattern, without=without)
        if len(found) != 1:
            held = ", ".join(self.names[:20]) or "nothing"
            raise self._hostile(f"holds {len(found)} members like {pattern!r}, expected one; it holds {held}")
        return found[0]

    def size(self, name: str) -> int:
        """Declared unpacked size of a member in bytes."""
        return self._info(name).file_size

    def read(self, name: str, limit: int = 64 * 1024**2) -> bytes:
        """A small member as a whole (code lists, read-me files)."""
        if self.size(name) > limit:
            raise self._hostile(f"declares {self.size(name):,} bytes for {name}, more than the {limit:,} allowed")
        return b"".join(self.stream(name))

    def stream(self, name: str) -> Iterator[bytes]:
        """The unpacked bytes of a member in pieces; size and checksum are verified at the end."""
        info = self._info(name)
        with self.path.open("rb") as handle:
            self._seek_data(handle, info)
            pieces = self._inflated(handle, info)
            size = check = 0
            for piece in pieces:
                size += len(piece)
                if size > info.file_size:
                    raise self._hostile(f"unpacks {name} to more than the {info.file_size:,} bytes it declares")
                check = isal_zlib.crc32(piece, check)
                yield piece
        if size != info.file_size or check != info.CRC:
            raise self._damaged(f"has a damaged member {name} (size or checksum differ from the directory)")

    def _inflated(self, handle: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
        left = info.compress_size
        inflate = isal_zlib.decompressobj(wbits=-15) if info.compress_type == zipfile.ZIP_DEFLATED else None
        while left:
            packed = handle.read(min(READ, left))
            if not packed:
                raise self._damaged(f"ends inside its member {info.filename}")
            left -= len(packed)
            if inflate is None:
                yield packed
                continue
            yield from self._bounded(inflate, packed, info)
        if inflate is not None and not inflate.eof:
            raise self._damaged(f"has a member {info.filename} whose compressed data end too early")

    def _bounded(self, inflate: Any, packed: bytes, info: zipfile.ZipInfo) -> Iterator[bytes]:
        # max_length keeps one piece small even when a few bytes claim to be gigabytes.
        while packed and not inflate.eof:
            try:
                piece = inflate.decompress(packed, PIECE)
            except IsalError as error:  # type: ignore[misc]
                raise self._damaged(f"has a member {info.filename} that does not unpack ({error})") from error
            if piece:
                yield piece
            packed = inflate.unconsumed_tail
            if not piece and packed:
                raise self._damaged(f"has a member {info.filename} that does not unpack")

    def _seek_data(self, handle: BinaryIO, info: zipfile.ZipInfo) -> None:
        handle.seek(info.header_offset)
        head = handle.read(_LOCAL_HEADER.size)
        if len(head) < _LOCAL_HEADER.size or head[:4] != b"PK\x03\x04":
            raise self._damaged(f"has no header for its member {info.filename} where the directory says")
        flags, name_length, extra_length = head[6] | head[7] << 8, head[26] | head[27] << 8, head[28] | head[29] << 8
        name = handle.read(name_length)
        if name != info.orig_filename.encode("utf-8" if flags & 0x800 else "cp437"):
            raise self._hostile(f"names its member {info.filename} differently in directory and header")
        handle.seek(extra_length, 1)

    def _info(self, name: str) -> zipfile.ZipInfo:
        for info in self._members:
            if info.filename == name:
                return info
        held = ", ".join(self.names[:20])
        raise self._hostile(f"lacks the member {name}; it holds {held}")

    def _check_directory(self) -> None:
        limits = self._limits
        if len(self._members) > limits.members:
            raise self._hostile(f"has {len(self._members):,} members, more than the {limits.members:,} allowed")
        if len(set(self.names)) != len(self.names):
            raise self._hostile("has two members of the same name")
        total = sum(info.file_size for info in self._members)
        if total > limits.total_bytes:
            raise self._hostile(f"declares {total:,} bytes unpacked, more than the {limits.total_bytes:,} allowed")
        for info in self._members:
            for broken, problem in _CHECKS:
                if broken(info, limits):
                    raise self._hostile(f"{problem} ({info.filename!r})")
        self._check_overlap()

    def _check_overlap(self) -> None:
        ordered = sorted(self._members, key=lambda info: info.header_offset)
        ends = [info.header_offset for info in ordered[1:]] + [self._start]
        for info, end in zip(ordered, ends, strict=True):
            if info.header_offset + _LOCAL_HEADER.size + info.compress_size > end:
                raise self._hostile(f"has members that overlap ({info.filename!r}), the mark of a zip bomb")

    def _hostile(self, problem: str) -> SourceContractError:
        return SourceContractError(
            f"The archive {self.path.name} {problem}.",
            source=self._source,
            dataset=self._dataset,
            remedy="Do not trust this file: compare it with the publisher's own download page before trying again.",
        )

    def _damaged(self, problem: str) -> SourceUnavailable:
        return SourceUnavailable(
            f"The archive {self.path.name} {problem}.",
            source=self._source,
            dataset=self._dataset,
            remedy="Download it again; if it stays so, the publisher's file is damaged.",
        )


def _escapes(info: zipfile.ZipInfo, _: Limits) -> bool:
    name = info.orig_filename.replace("\\", "/")
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or (len(name) > 1 and name[1] == ":") or "\0" in name


def _inflates_too_much(info: zipfile.ZipInfo, limits: Limits) -> bool:
    if info.file_size > limits.member_bytes:
        return True
    return info.file_size > limits.free_bytes and info.file_size > limits.ratio * max(info.compress_size, 1)


_CHECKS: tuple[tuple[Callable[[zipfile.ZipInfo, Limits], bool], str], ...] = (
    (_escapes, "has a member whose path leads out of the archive"),
    (lambda info, _: stat.S_ISLNK(info.external_attr >> 16), "has a member that is a symbolic link"),
    (lambda info, _: bool(info.flag_bits & _ENCRYPTED), "has an encrypted member"),
    (
        lambda info, _: info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED},
        "has a member packed in an unusual way",
    ),
    (_inflates_too_much, "has a member that unpacks to far more than its size allows, the mark of a zip bomb"),
)
