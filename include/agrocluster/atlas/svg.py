"""SVG as text: elements with escaped content, and short numbers. It knows nothing of charts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

STYLES = Path(__file__).parent / "templates"


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """``<name attribute="...">children</name>``; plain text is escaped, ``Markup`` is taken as it is.

    A name ending in ``_`` loses it, other underscores become hyphens (``class_``, ``text_anchor``); None is left out.
    """
    listed = "".join(
        f' {_attribute(key)}="{number(value) if isinstance(value, float) else escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{name}{listed}>{inside}</{name}>" if inside else f"<{name}{listed}/>")  # noqa: S704 escaped above


@cache
def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def picture(width: float, height: float, title: str, *children: str, desc: str = "", class_: str = "") -> Markup:
    """A drawing with its text alternative; a description makes it a group whose parts can be reached one by one."""
    told = [element("title", title)] + ([element("desc", desc)] if desc else [])
    role = "group" if desc else "img"
    size = {"width": width, "height": height}
    return element(
        "svg", *told, *children, viewBox=f"0 0 {number(width)} {number(height)}", role=role, aria_label=title,
        class_=class_ or None, **size,
    )  # fmt: skip


def standalone(drawing: Markup, font: str) -> str:
    """A drawing as a document of its own, with its styles and the name of a font, for programs that know no page."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" font-family="{escape(font)}" '
    opened, rest = str(drawing).split(">", 1)
    return f"{head}{opened.removeprefix('<svg ')}><style>{_chart_style()}</style>{rest}"


def told(drawing: Markup) -> str:
    """The text alternative of a drawing: its title, and its description where it has one."""
    (found,) = re.findall(r"^<svg[^>]*><title>(.*?)</title>(?:<desc>(.*?)</desc>)?", str(drawing), re.DOTALL)
    return " ".join(Markup(part).unescape() for part in found if part)  # noqa: S704 read back from what was escaped


@cache
def _chart_style() -> str:
    """The rules of charts with the colours of the page filled in."""
    colours = dict(re.findall(r"(--[\w-]+):\s*([^;]+);", (STYLES / "atlas.css").read_text(encoding="utf-8")))
    rules = (STYLES / "charts.css").read_text(encoding="utf-8")
    return re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], rules)


def number(value: float) -> str:
    """At most one decimal: a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
