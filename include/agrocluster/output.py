"""How the command line prints: a table for people, as wide as the terminal allows, or JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
WIDEST = 10_000
"""Columns a table may take to be measured; a console measures nothing wider than itself."""


def show_table(
    data: Any, header: Sequence[str], lines: Sequence[Sequence[Any]], as_json: bool, title: str | None = None
) -> None:
    """Print ``data`` as JSON, or ``lines`` below ``header`` as a table."""
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    rows = [[_cell(name, value) for name, value in zip(header, line, strict=True)] for line in lines]
    console = Console()
    table = Table(*header, title=title)
    for row in rows:
        table.add_row(*row)
    width = Console(width=WIDEST).measure(table).maximum
    if width <= console.width:
        console.print(table)
    elif not console.is_terminal:
        Console(width=width).print(table)  # whoever reads a pipe or a file can scroll sideways
    else:
        _print_upright(console, header, rows, title)


def _print_upright(console: Any, header: Sequence[str], rows: list[list[str]], title: str | None) -> None:
    """A table too wide for the terminal: one block a row, one line a column."""
    from rich.table import Table

    for number, row in enumerate(rows, 1):
        block = Table("", "", box=None, show_header=False, title=f"{title or 'row'} {number}", title_justify="left")
        for name, value in zip(header, row, strict=True):
            block.add_row(name, value)
        console.print(block)


def _cell(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and not name.endswith("year"):
        return f"{value:,}"
    return "" if value is None else str(value)
