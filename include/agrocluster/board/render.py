"""Pages from templates: escaping, the words of dates and numbers, and the headers every answer carries."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from agrocluster.board import charts, publishers
from agrocluster.board.section import UNREADABLE
from agrocluster.release import reading
from agrocluster.settings import SAMPLE_LABEL, settings

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
NAVIGATION = (
    ("", "Overview"),
    ("releases", "Releases"),
    ("validation", "Validation"),
    ("freshness", "Freshness"),
    ("sources", "Sources"),
    ("lineage", "Lineage"),
)


def page(request: Request, template: str, status: int = 200, **content: Any) -> HTMLResponse:
    """A page. Links in it are relative to ``up``, the way back to the board's own root, so that they hold below any
    prefix and stay in Airflow's frame."""
    inside = str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))
    shown = {
        "up": "../" * (inside.count("/") - 1),
        "here": inside.strip("/").partition("/")[0],
        "navigation": NAVIGATION,
        "banner": _banner(),
        "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return HTMLResponse(_templates.get_template(f"{template}.html").render(shown | content), status, HEADERS)


def style() -> str:
    """The style sheet."""
    return resources.files("agrocluster.board").joinpath("templates/board.css").read_text(encoding="utf-8")


def when(value: str | None) -> str:
    """An ISO 8601 time as people read it; text that is none stays as it is."""
    try:
        return datetime.fromisoformat(value or "").strftime("%-d %b %Y, %H:%M")
    except ValueError:
        return value or ""


def count(value: float | None) -> str:
    """A number with narrow blanks between thousands; nothing where it is missing."""
    return "" if value is None else f"{value:,}".replace(",", "\u202f")


def size(value: int | None) -> str:
    """Bytes in the unit people read."""
    if value is None:
        return ""
    number = float(value)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def seconds(value: float | None) -> str:
    """A duration; under a second in milliseconds."""
    if value is None:
        return ""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _banner() -> str:
    """What sample data say about themselves, on every page; a damaged pointer says so in its own part of the page."""
    try:
        pointer = reading.latest()
        return str(pointer.get("label", "")) if pointer else SAMPLE_LABEL if settings().mode == "sample" else ""
    except UNREADABLE:
        return SAMPLE_LABEL


_templates = Environment(
    loader=PackageLoader("agrocluster.board"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(when=when, count=count, size=size, seconds=seconds)
_templates.globals.update(chart=charts, latency=publishers.latency)
