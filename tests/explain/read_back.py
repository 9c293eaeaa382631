"""Reads the figures of a sentence back, without the code that wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterable

NUMBER = re.compile(r"\d[\d,.\u202f]*")
TIMES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "тысяч": 1e3, "миллион": 1e6, "миллиард": 1e9}


def figures(text: str, lang: str) -> Iterable[tuple[float, float]]:
    """Every figure in ``text`` as the row would hold it, and half a unit of its last digit."""
    group, decimal = (",", ".") if lang == "en" else ("\u202f", ",")
    for found in NUMBER.finditer(text):
        token = found.group().rstrip(",.\u202f").replace(group, "").replace(decimal, ".")
        after = text[found.end() :].lstrip()
        scale = next((size for word, size in TIMES.items() if after.startswith(word)), 1.0)
        if text[found.start() :].startswith(found.group().rstrip(",.\u202f") + ("%" if lang == "en" else "\u202f%")):
            scale = 0.01
        yield float(token) * scale, 0.5001 * 10.0 ** -len(token.partition(".")[2]) * scale


def strangers(text: str, lang: str, known: Iterable[float]) -> list[float]:
    """Figures in ``text`` that are none of the ``known`` as they would be rounded."""
    allowed = list(known)
    return [
        value for value, half in figures(text, lang) if not any(abs(value - a) <= half + 1e-9 * abs(a) for a in allowed)
    ]
