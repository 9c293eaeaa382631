"""The commands ``agrocluster overlay``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agrocluster.errors import UsageError
from agrocluster.overlay import check as checking
from agrocluster.overlay import form, sheet
from agrocluster.storage import atomic, overlays

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group("overlay")
def overlay_command() -> None:
    """What practitioners know: a form of scales with evidence, shown beside the score and never mixed in."""


@overlay_command.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--semicolon", is_flag=True, help="Separate cells by semicolons, as spreadsheets in Russian expect.")
def template(file: Path | None, semicolon: bool) -> None:
    """Write an empty form to FILE, or print it."""
    text = form.template(";" if semicolon else ",")
    if file is None:
        click.echo(text, nl=False)
        return
    if file.exists():
        raise UsageError(f"{file} exists already.", remedy="Choose another name, so that no filled form is lost.")
    atomic.write_bytes(file, text.encode("utf-8-sig"))
    click.echo(f"{file} is ready to be filled in; then: agrocluster overlay check {file}")


@overlay_command.command()
@file_argument
@json_option
def check(file: Path, as_json: bool) -> None:
    """Check a filled FILE and import nothing. Ends with 1 if a line would be rejected."""
    found = checking.check(sheet.read(file))
    _show(found, {"accepted": len(found.accepted), "rejected": len(found.rejected)}, as_json)
    if found.rejected:
        sys.exit(1)


@overlay_command.command("import")
@file_argument
@json_option
def import_(file: Path, as_json: bool) -> None:
    """Check FILE and keep it as the newest version, which replaces the one before as a whole."""
    found = checking.check(sheet.read(file))
    if not found.accepted:
        _show(found, {"accepted": 0, "rejected": len(found.rejected)}, as_json)
        raise UsageError(f"{file.name} holds no line that can be accepted; nothing was imported.")
    before = overlays.latest()
    names = {_key(row) for row in before.accepted()} if before else set()
    rejected = [_rejected(line, found) for line in found.rejected]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    kept, new = overlays.write(file.read_bytes(), file.name, found.accepted, rejected, now)
    summary = {
        "overlay_id": kept.overlay_id,
        "new": new,
        "accepted": len(found.accepted),
        "rejected": len(found.rejected),
        "left_out": sorted(" ".join(key) for key in names - {_key(row) for row in found.accepted}),
    }
    _show(found, summary, as_json)


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["iso3"], row["chain"], row["initiative"]


def _rejected(line: sheet.Line, found: checking.Checked) -> dict[str, str]:
    cells = {of.field: _harmless(line.cells.get(of.field, "")) for of in form.fields()}
    return {"line": str(line.number), **cells, "reason": found.reasons(line.number)}


def _harmless(cell: str) -> str:
    """The cell, quoted where a spreadsheet would calculate it."""
    return f"'{cell}" if cell[:1] in checking.FORMULA else cell


def _show(found: checking.Checked, summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary | {"problems": checking.as_rows(found.problems)}, ensure_ascii=False))
        return
    for p in found.problems:
        value = f" ({p.value})" if p.value else ""
        click.echo(f"line {p.line}, {p.column or 'whole line'}{value}: {p.problem}. What to do: {p.remedy}")
    click.echo(f"{summary['accepted']} line(s) accepted, {summary['rejected']} rejected.")
    if "overlay_id" not in summary:
        return
    click.echo(f"{summary['overlay_id']} is {'new' if summary['new'] else 'what was imported before'}.")
    if summary["left_out"]:
        click.echo("No longer in the newest version: " + "; ".join(summary["left_out"]))
    click.echo("Next: agrocluster release")
