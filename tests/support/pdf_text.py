"""The words on every page of a PDF as our typesetter writes it: plain objects, Flate streams, fonts with ToUnicode.

Reads what a screen reader would; no general PDF reader.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

ESCAPES = {b"n": 10, b"r": 13, b"t": 9, b"b": 8, b"f": 12}
PLAIN = rb"(?:\\.|[^\\()])"
LITERAL = rb"\(((?:" + PLAIN + rb"|\((?:" + PLAIN + rb"|\(" + PLAIN + rb"*\))*\))*)\)"
"""A string in brackets; brackets inside it need no backslash where they come in pairs."""
SHOWN = re.compile(rb"/(f\d+) [\d.]+ Tf|" + LITERAL + rb"|<([0-9A-Fa-f]+)>(?=[^>])|\b(ET|TJ|Tj)\b", re.DOTALL)
MAPPED = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]+)>")


def page_texts(data: bytes) -> list[str]:
    """The text of each page in the order it is drawn; runs of blanks are one."""
    objects = {int(n): body for n, body in re.findall(rb"(?<!\d)(\d+) 0 obj\n(.*?)\nendobj", data, re.DOTALL)}
    pages = [body for body in objects.values() if re.match(rb"<</Type/Page/", body)]
    return [_page(body, objects) for body in pages]


def _page(page: bytes, objects: Mapping[int, bytes]) -> str:
    resources = objects[_reference(page, b"Resources")]
    fonts = {
        name: _letters(_stream(objects[_reference(objects[int(n)], b"ToUnicode")]))
        for name, n in re.findall(rb"/(f\d+) (\d+) 0 R", resources)
    }
    text, font = [], {}
    for name, literal, hexadecimal, operator in SHOWN.findall(_stream(objects[_reference(page, b"Contents")])):
        if name:
            font = fonts[name]
        elif operator:
            text.append(" " if operator == b"ET" else "")
        else:
            codes = bytes.fromhex(hexadecimal.decode()) if hexadecimal else _unescaped(literal)
            text.append("".join(font.get(codes[n : n + 2], "") for n in range(0, len(codes), 2)))
    return re.sub(r"\s+", " ", "".join(text))


def _reference(body: bytes, key: bytes) -> int:
    (found,) = re.findall(rb"/%s (\d+) 0 R" % key, body)
    return int(found)


def _stream(body: bytes) -> bytes:
    data = body[body.index(b"stream\n") + 7 : body.rindex(b"\nendstream")]
    return zlib.decompress(data) if b"FlateDecode" in body[: body.index(b"stream\n")] else data


def _letters(cmap: bytes) -> dict[bytes, str]:
    return {
        bytes.fromhex(code.decode()): bytes.fromhex(text.decode()).decode("utf-16-be")
        for code, text in MAPPED.findall(cmap)
    }


def _unescaped(literal: bytes) -> bytes:
    def byte(found: re.Match[bytes]) -> bytes:
        told = found[1]
        if told[:1].isdigit():
            return bytes([int(told, 8)])
        return bytes([ESCAPES[told]]) if told in ESCAPES else told

    return re.sub(rb"\\([0-7]{1,3}|.)", byte, literal, flags=re.DOTALL)
