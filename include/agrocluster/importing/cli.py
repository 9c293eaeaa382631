"""The command ``agrocluster import``."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import click

from agrocluster.errors import UsageError


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--vintage", metavar="YYYY-MM-DD", help="Date of files that do not carry one inside.")
@click.option("--dry-run", is_flag=True, help="Recognise and count, land nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def import_command(paths: tuple[Path, ...], vintage: str | None, dry_run: bool, as_json: bool) -> None:
    """Bring in downloads made by hand: PATHS are folders or files, recognised by what they hold."""
    from rich.console import Console

    from agrocluster.importing.land import common_root, land, survey
    from agrocluster.importing.report import render, totals

    root, files = common_root(paths)
    day = _day(vintage)
    console = Console(stderr=True)
    with console.status("Looking through the files") as status:
        if dry_run:
            report = survey(root, vintage=day, paths=files)
        else:
            report = land(root, vintage=day, paths=files, progress=status.update)
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        Console().print(render(report))
        click.echo(totals(report))
        if report.usable and not dry_run:
            click.echo(f"Next: SOURCES=files DATA={root} agrocluster release")
    if not report.usable:
        sys.exit(1)


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"{text!r} is no date.", remedy="Write it as 2024-06-30.") from error
