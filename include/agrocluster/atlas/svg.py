"""SVG as text: elements with escaped content, and short numbers. It knows nothing of charts."""

from __future__ import annotations

from markupsafe import Markup, escape


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """``<name attribute="...">children</name>``; plain text is escaped, ``Markup`` is taken as it is.

    A name ending in ``_`` loses it, other underscores become hyphens (``class_``, ``text_anchor``); None is left out.
    """
    listed = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value) if isinstance(value, float) else value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{name}{listed}>{inside}</{name}>" if inside else f"<{name}{listed}/>")  # noqa: S704 escaped above


def picture(width: float, height: float, title: str, *children: str, desc: str = "", class_: str = "") -> Markup:
    """A drawing with its text alternative; a description makes it a group whose parts can be reached one by one."""
    told = [element("title", title)] + ([element("desc", desc)] if desc else [])
    role = "group" if desc else "img"
    size = {"width": width, "height": height}
    return element(
        "svg", *told, *children, viewBox=f"0 0 {number(width)} {number(height)}", role=role, aria_label=title,
        class_=class_ or None, **size,
    )  # fmt: skip


def number(value: float) -> str:
    """At most one decimal: a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
