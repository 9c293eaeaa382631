"""The commands ``agrocluster baseline``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from agrocluster import completion

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.group("baseline")
def baseline_command() -> None:
    """Baselines that stay what they were: freeze one, list them, compare two."""


@baseline_command.command()
@click.argument("baseline")
@click.option(
    "--release", shell_complete=completion.releases, help="Release to take it from (default: the current one)."
)
@click.option("--note", default="", help="Why it is frozen; kept in its manifest.")
@json_option
def freeze(baseline: str, release: str | None, note: str, as_json: bool) -> None:
    """Keep BASELINE of a release (B2018_2020, Bcurrent) for good.

    What is frozen already under the same content is not frozen again; other content makes the next version. The next
    run makes a release that knows it.
    """
    from rich.console import Console

    from agrocluster.baseline import freeze as freezing

    with Console(stderr=True).status(f"Freezing {baseline}"):
        found = freezing.freeze(baseline, release, note)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    own, rows = found["frozen_id"], sum(file["rows"] for file in found["files"])
    if not found["new"]:
        click.echo(
            f"{found['frozen_id']} holds the same already, frozen on {found['frozen_at'][:10]}; nothing was written."
        )
        return
    click.echo(
        f"Frozen as {own}: {_years(found)}, release {found['release_id']}, {rows:,} rows. {found['label']}".rstrip()
    )
    if "replaces" in found:
        click.echo(f"It differs from {found['replaces']}: agrocluster baseline compare {found['replaces']} {own}")
    click.echo("Next: agrocluster release (or the marts Dag) makes a release that knows it.")


@baseline_command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List what is frozen, oldest first, and whether it is intact."""
    from agrocluster.baseline import freeze as freezing

    found = freezing.listing()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    elif not found:
        click.echo("Nothing is frozen yet: agrocluster baseline freeze B2018_2020")
    else:
        header = ("frozen", "years", "release", "data", "index", "goalposts", "frozen at", "intact", "note")
        _table(header, [_listed(entry) for entry in found])


@baseline_command.command()
@click.argument("before")
@click.argument("after")
@click.option("--country", shell_complete=completion.countries, help="Only this country: code or name.")
@json_option
def compare(before: str, after: str, country: str | None, as_json: bool) -> None:
    """Compare BEFORE with AFTER, chain by chain, and tell change from revision.

    Each is a frozen baseline (B2018_2020@v1), one of the current release (Bcurrent) or <release>/<baseline>.
    """
    from rich.console import Console

    from agrocluster.baseline import compare as comparing
    from agrocluster.explain.lookup import find_country

    only = find_country(country) if country else None
    with Console(stderr=True).status(f"Comparing {before} with {after}"):
        found = comparing.compare(before, after)
    found["cells"] = [c for c in found["cells"] if only is None or c["iso3"] == only]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    parts = ("before", "after", "total", "real", "revision", "price", "mdc")
    lines = [
        (c["iso3"], c["chain"], *(_points(c[f"potential_{part}"], part) for part in parts), c["potential_verdict"])
        for c in found["cells"]
    ]
    header = (
        "country",
        "chain",
        "before",
        "after",
        "change",
        "real",
        "revision",
        "world prices",
        "detectable",
        "verdict",
    )
    sides = (f"{s['id']} ({_years(s)})" for s in (found["before"], found["after"]))
    _table(header, lines, title=f"Potential, {' to '.join(sides)}")
    for note in found["notes"]:
        click.echo(note)


def _listed(entry: dict[str, Any]) -> list[str]:
    plain = [entry[name] for name in ("release_id", "data_mode", "index_version", "goalpost_id")]
    intact = "yes" if entry["intact"] else "NO"
    return [entry["frozen_id"], _years(entry), *plain, entry["frozen_at"][:16], intact, entry["note"]]


def _years(entry: dict[str, Any]) -> str:
    return "-".join(map(str, entry["window"]))


def _points(value: float | None, part: str) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if part in ("before", "after", "mdc") else f"{value:+.1f}"


def _table(header: tuple[str, ...], lines: Sequence[Sequence[Any]], title: str | None = None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, title=title)
    for line in lines:
        table.add_row(*map(str, line))
    console = Console()
    if not console.is_terminal:  # whoever reads a pipe or a file can scroll sideways
        console = Console(width=Console(width=1000).measure(table).maximum)
    console.print(table)
