"""Zip archives with reproducible bytes: fixed dates, fixed order, one compression level."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

_DATE = (2026, 1, 22, 0, 0, 0)
_LEVEL = 5


def entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    info.create_system = 3
    return info


def archive(members: Iterable[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as target:
        for name, body in members:
            target.writestr(entry(name), body, compresslevel=_LEVEL)
    return buffer.getvalue()


def members(body: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(body)) as source:
        return [(name, source.read(name)) for name in source.namelist()]


def text(lines: Iterable[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
