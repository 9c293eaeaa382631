"""Archives gone wrong: each data fault turns a good archive into a bad one.

Called on demand; the result is kept in the store beside the good file. The largest CSV member is the patient
unless ``member`` names another.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from agrocluster.sample.zips import archive, members

Members = list[tuple[str, bytes]]
_DATE, _TIME = 23606, 0  # 2026-01-22 in MS-DOS form
_MIB = 1 << 20


def _patient(content: Members, params: dict[str, Any]) -> int:
    wanted = params.get("member")
    if wanted:
        return next(n for n, (name, _) in enumerate(content) if wanted in name)
    yearly = [n for n, (name, _) in enumerate(content) if "_Y2" in name]
    return yearly[-1] if yearly else max(range(len(content)), key=lambda n: len(content[n][1]))


def _edit(content: Members, params: dict[str, Any], change: Callable[[bytes], bytes]) -> Members:
    n = _patient(content, params)
    return [(name, change(body) if m == n else body) for m, (name, body) in enumerate(content)]


def _rename_column(content: Members, params: dict[str, Any]) -> Members:
    def change(body: bytes) -> bytes:
        head, rest = body.split(b"\n", 1)
        names = head.decode().split(",")
        column = params.get("column") or ("Value" if "Value" in names else "v")
        to = params.get("to", column + "_renamed")
        return ",".join(to if name == column else name for name in names).encode() + b"\n" + rest

    return _edit(content, params, change)


def _unknown_country(content: Members, params: dict[str, Any]) -> Members:
    code, name = str(params.get("code", "999")), str(params.get("name", "Atlantis"))

    def change(body: bytes) -> bytes:
        head, first = body.split(b"\n", 2)[:2]
        cells = first.decode("latin-1").split(",")
        if head.startswith(b"t,"):
            cells[1] = code
        else:
            cells[:3] = [f'"{code}"', f'"\'{code}"', f'"{name}"']
        return body + ",".join(cells).encode("latin-1") + b"\n"

    return _edit(content, params, change)


def _wrong_encoding(content: Members, params: dict[str, Any]) -> Members:
    def change(body: bytes) -> bytes:
        if params.get("mode") == "utf16":
            return body.decode("latin-1").encode("utf-16-le")
        # Neither UTF-8 nor assigned in Windows-1252.
        head, rest = body.split(b"\n", 1)
        return head + b"\n" + rest.replace(b'","', b'\x81\x8d","', 3)

    return _edit(content, params, change)


def _duplicate_keys(content: Members, params: dict[str, Any]) -> Members:
    count = int(params.get("rows", 5))
    return _edit(content, params, lambda body: body + b"\n".join(body.split(b"\n", count + 1)[1 : count + 1]) + b"\n")


def _negative_tonnage(content: Members, params: dict[str, Any]) -> Members:
    def change(body: bytes) -> bytes:
        lines = body.split(b"\n")
        if lines[0].startswith(b"t,"):
            cells = lines[1].split(b",")
            cells[5] = b"-1.000"
            lines[1] = b",".join(cells)
            return b"\n".join(lines)
        n = next(n for n, line in enumerate(lines) if b'"5510"' in line or (n and b'"5511"' in line))
        value = lines[n].split(b'","')
        at = next(k for k in range(len(value) - 1, 0, -1) if value[k].endswith(b".000000") or b"." in value[k])
        value[at] = b"-" + value[at]
        lines[n] = b'","'.join(value)
        return b"\n".join(lines)

    return _edit(content, params, change)


def _missing_member(content: Members, params: dict[str, Any]) -> Members:
    gone = _patient(content, params)
    return [entry for n, entry in enumerate(content) if n != gone]


def _path_escape(content: Members, params: dict[str, Any]) -> Members:
    name = params.get("name", "../../evil.csv")
    return [(name, b"t,i,j,k,v,q\n"), *content, ("/evil-absolute.csv", b"Area Code\n")]


def _damaged(body: bytes, name: str) -> bytes:
    """The archive with a few bytes in the middle of one member's data overwritten; its directory is intact."""
    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        info = opened.getinfo(name)
    middle = info.header_offset + 30 + len(name.encode()) + info.compress_size // 2
    return body[:middle] + bytes(16) + body[middle + 16 :]


def zip_bomb(name: str, gib: float, lying: bool) -> bytes:
    """An archive whose one member inflates to ``gib`` GiB of zeros, at a cost of kilobytes per hundred MiB.

    A lying archive claims, in both headers, that the member holds a thousand bytes.
    """
    blocks = int(gib * 1024)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(_MIB)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    stream = block * blocks + zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    crc = 0
    if not lying:
        for _ in range(blocks):
            crc = zlib.crc32(zeros, crc)
    size = 1000 if lying else min(blocks * _MIB, 0xFFFFFFFE)
    raw = name.encode()
    common = struct.pack("<HHHHHIII", 20, 0, 8, _TIME, _DATE, crc, len(stream), size)
    local = b"PK\x03\x04" + common + struct.pack("<HH", len(raw), 0) + raw + stream
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common
    central += struct.pack("<HHHHHII", len(raw), 0, 0, 0, 0, 0, 0) + raw
    return local + central + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


_CHANGES: dict[str, Callable[[Members, dict[str, Any]], Members]] = {
    "rename_column": _rename_column,
    "unknown_country": _unknown_country,
    "wrong_encoding": _wrong_encoding,
    "duplicate_keys": _duplicate_keys,
    "negative_tonnage": _negative_tonnage,
    "missing_member": _missing_member,
    "path_escape": _path_escape,
}
ARCHIVE_FAULTS = (*_CHANGES, "zip_bomb", "damaged_member")


def alter(body: bytes, fault: str, params: dict[str, Any]) -> bytes:
    content = members(body)
    if fault == "zip_bomb":
        name = content[_patient(content, params)][0]
        return zip_bomb(name, float(params.get("gib", 3)), bool(params.get("lying", True)))
    if fault == "damaged_member":
        return _damaged(body, content[_patient(content, params)][0])
    return archive(_CHANGES[fault](content, params))
