"""The command ``agrocluster atlas``: a release as static pages in a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from agrocluster.explain.language import LANGUAGES


@click.command("atlas")
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
def atlas_command(folder: Path, release: str | None, languages: Sequence[Any], as_json: bool) -> None:
    """Write a release as static pages and printed briefs into the new FOLDER; open FOLDER/index.html in any browser.

    Nothing is fetched and nothing runs: the folder works offline, from a stick or from any web server. What publishers
    do not allow to be handed on is left out.
    """
    from agrocluster.shelf import write

    found = write(folder, release, languages or LANGUAGES)
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    counted = f"{found.pages} pages, {found.downloads} downloads and {found.briefs} country briefs"
    click.echo(f"{counted} of {found.release} in {folder}")
    if found.left_out:
        click.echo(f"Not used, because it may not be handed on: {', '.join(found.left_out)}")
