"""What a page is made of, as the layout (``brief.typ``) reads it: plain values, ready for JSON.

Words are plain text throughout: the layout sets them as they are and reads nothing of them as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from agrocluster.atlas.svg import standalone, told

Block = dict[str, Any]
Cell = str | Block
FONT = "Libertinus Serif"
"""The font that the typesetter brings along; it has Cyrillic."""


def heading(text: str, level: int = 2, aside: str = "") -> Block:
    """A heading; ``aside`` stands at the far end of its line."""
    return {"kind": "heading", "text": text, "level": level, "aside": aside}


def text(words: str, style: str = "text") -> Block:
    """A paragraph: ``text``, ``lead`` (larger), ``note`` (smaller) or ``boxed``."""
    return {"kind": style, "text": words}


def figure(drawing: Markup, width: str = "100%") -> Block:
    """A chart as wide as ``width``, percent of the room there is."""
    return {"kind": "figure", **picture(drawing), "width": width}


def picture(drawing: Markup, label: str = "") -> Block:
    """A small chart inside a line or a cell, with a label behind it; empty where there is no drawing."""
    svg = {"svg": standalone(drawing, FONT), "alt": told(drawing)} if drawing else {"svg": "", "alt": ""}
    return {**svg, "text": label}


def key(entries: Sequence[tuple[str, str]]) -> Block:
    """A line that explains signs: SVG and words."""
    return {"kind": "key", "entries": [{"svg": svg, "alt": "", "text": words} for svg, words in entries]}


def table(columns: Sequence[tuple[str, str, str]], rows: Iterable[Sequence[Cell]], caption: str = "") -> Block:
    """A table.

    Args:
        columns: heading, width (``auto`` or a share like ``2fr``) and alignment (``left``, ``right``).
        rows: cells are text or a ``picture``; the first cell of a row is its heading.
    """
    named = [{"head": head, "width": width, "align": align} for head, width, align in columns]
    return {"kind": "table", "columns": named, "rows": [list(row) for row in rows], "caption": caption}


def columns(parts: Sequence[Sequence[Block]], widths: Sequence[str]) -> Block:
    """Blocks side by side; widths like ``1fr``."""
    return {"kind": "columns", "parts": [list(part) for part in parts], "widths": list(widths)}


def together(*parts: Block) -> Block:
    """Blocks without a gap to what they belong to."""
    return {"kind": "together", "parts": list(parts)}
