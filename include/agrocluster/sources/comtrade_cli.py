"""The commands ``agrocluster comtrade``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click


@click.group("comtrade")
def comtrade_command() -> None:
    """UN Comtrade: what a fetch would cost."""


@comtrade_command.command()
@click.option("--dataset", "datasets", multiple=True, help="Plan only this dataset (may be repeated).")
@click.option("--years", nargs=2, type=int, default=None, metavar="FIRST LAST", help="Plan only these years.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def plan(datasets: tuple[str, ...], years: tuple[int, int] | None, as_json: bool) -> None:
    """Show which questions a fetch would ask, and on how many days, without asking any of them."""
    from agrocluster.sources.comtrade_outlook import outlook

    found = outlook(datasets, years)
    if as_json:
        click.echo(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table

    for dataset in found["datasets"]:
        title = f"{dataset['dataset_id']}, last release {dataset['stamp']}"
        table = Table("slice", "reports", "to ask", "records on file", "calls expected", title=title)
        least = "at least " if dataset["at_least"] else ""
        for entry in dataset["slices"]:
            calls = f"{least}{entry['calls']:,}" if entry["calls"] else "none: in landing"
            numbers = [f"{entry[name]:,}" for name in ("reports", "reports_to_ask", "records_on_file")]
            table.add_row(entry["id"], *numbers, calls)
        Console().print(table)
    click.echo(summary(found))


def summary(found: dict[str, Any]) -> str:
    """The plan of ``comtrade_outlook.outlook`` in a sentence."""
    budget = found["budget"]
    least = "at least " if any(d["at_least"] and d["calls"] for d in found["datasets"]) else ""
    key = "with the key" if budget["keyed"] else "without a key"
    resume = budget["resume_at"]
    until = f" until {datetime.fromisoformat(resume):%Y-%m-%d %H:%M} UTC" if resume else ""
    days = f"; that takes {least}{found['days']} day(s)" if found["calls"] else ""
    return (
        f"{least.capitalize()}{found['calls']:,} calls {key}; {budget['left_today']:,} of {budget['calls_per_day']:,} "
        f"are left today{until}{days}."
    )
