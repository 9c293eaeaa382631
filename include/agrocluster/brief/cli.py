"""The command ``agrocluster brief``: four printed pages about a country, as PDF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agrocluster.explain.language import LANGUAGES


@click.command("brief")
@click.argument("country")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--release", metavar="ID", help="Release to show (default: the current one).")
@click.option(
    "--lang",
    "languages",
    type=click.Choice(LANGUAGES),
    multiple=True,
    help="Language; repeat it for more (default: all).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def brief_command(country: str, folder: Path, release: str | None, languages: Sequence[Any], as_json: bool) -> None:
    """Write the brief of COUNTRY (KGZ, its name, or `all`) into the new FOLDER, one PDF of four pages per language."""
    from agrocluster.brief.write import write

    files = write(folder, country, release, languages or LANGUAGES)
    if as_json:
        click.echo(json.dumps([str(path) for path in files], ensure_ascii=False))
        return
    for path in files:
        click.echo(path)
