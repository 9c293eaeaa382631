"""The board as a web application: one page and one style sheet, rendered here, nothing loaded from elsewhere."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from agrocluster.board.auth import VIEWER
from agrocluster.board.data import Board, board

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

app = FastAPI(title="agrocluster board", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[VIEWER])


def _when(value: str | None) -> str:
    """An ISO 8601 time as people read it; text that is none stays as it is."""
    try:
        return datetime.fromisoformat(value or "").strftime("%-d %b %Y, %H:%M")
    except ValueError:
        return value or ""


def _count(value: Any) -> str:
    return "" if value is None else f"{value:,}".replace(",", "\u202f")


_templates = Environment(
    loader=PackageLoader("agrocluster.board"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_templates.filters.update(when=_when, count=_count)


def render(content: Board) -> str:
    """The page as HTML."""
    return _templates.get_template("board.html").render(board=content)


@app.get("/")
def page(dag_id: Annotated[str | None, Query(max_length=250)] = None, run_id: str | None = None) -> HTMLResponse:
    """The page; ``dag_id`` (Airflow fills it in on a run's tab) narrows it to that Dag's dataset."""
    del run_id
    return HTMLResponse(render(board(dag_id)), headers=HEADERS)


@app.get("/board.css")
def style() -> Response:
    """The style sheet."""
    css = resources.files("agrocluster.board").joinpath("templates/board.css").read_text(encoding="utf-8")
    return Response(css, media_type="text/css", headers=HEADERS)
