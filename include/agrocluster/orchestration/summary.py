"""What a run says at its end: what was published and how to use it, or what went wrong and what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from agrocluster import incidents
from agrocluster.orchestration.follow import Round
from agrocluster.release import publish, reading, record
from agrocluster.storage.paths import layout

TOP_CHAINS = """
    SELECT iso3, chain_en, potential, coverage, grade, first_year, last_year
    FROM mart_cluster_baseline
    WHERE baseline_id = 'Bcurrent' AND focus AND rank_country <= 3
    ORDER BY iso3, rank_country, chain
"""


def success(console: Console, current: Round, seconds: float) -> None:
    """Release, rows per mart, top chains, files and how to query them."""
    found = reading.current()
    if found["label"]:
        console.print(Panel.fit(found["label"], style="bold black on yellow"))
    if current.unchanged:
        checks = len(current.ingest)
        text = f"No source has changed; release {found['release']} is current. {checks} change checks, no new release"
        console.print(f"{text} ({seconds:.0f} s).", highlight=False)
        _on_hold(console)
    else:
        console.print(f"Published release {found['release']} ({seconds:.0f} s).", highlight=False)
    console.print(f"Data mode: {found['data_mode']}", highlight=False)
    for state in current.postponed:
        console.print(f"{state.dag_id}: {state.note}; what it brings comes with a later release.", highlight=False)
    console.print(_marts(found))
    console.print(_chains())
    files = reading.folder(found)
    page = layout().atlases / found["release"] / "index.html"
    if page.exists():
        console.print(f"Atlas and country briefs: {page}", soft_wrap=True, highlight=False)
    console.print(f"Files: {files}", soft_wrap=True, highlight=False)
    for line in snippets(files):
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)


def _on_hold(console: Console) -> None:
    """Why nothing was published, where a rollback is the reason."""
    last = record.switched(record.entries())
    if last and last["event"] == "rolled_back" and last["left"]:
        text = f"{last['by']} went back to it on {last['at'][:10]}; {last['left']} is on hold until"
        console.print(f"{text} `agrocluster release resume`.", highlight=False, markup=False)


def snippets(files: Path) -> tuple[str, str, str]:
    """Three lines that read the baseline: shell, DuckDB in Python, pandas. They run as printed, in any folder."""
    path = files / "mart_cluster_baseline.parquet"
    tools = Path(sys.executable).parent
    return (
        f"shell   {tools}/duckdb -c \"FROM '{path}'\"",
        f'DuckDB  {tools}/python -c "import duckdb; duckdb.sql(\\"FROM \'{path}\'\\").show()"',
        f"pandas  {tools}/python -c \"import pandas; print(pandas.read_parquet('{path}'))\"",
    )


def failure(console: Console, current: Round, problem: str | None, logs: Path) -> None:
    """Which source, which period, why, what to do; and which release is still current."""
    pointer = publish.latest()
    if current.published and pointer:
        console.print(f"[bold red]Release {pointer['release']} was published; what follows it failed.[/]")
    else:
        console.print("[bold red]The run failed; nothing was published.[/]")
    if problem:
        console.print(problem, markup=False, highlight=False)
    runs = {state.run_id for state in current.states.values()} - {""}
    reported = [entry for entry in incidents.load() if entry.get("run_id") in runs]
    for entry, tasks in _grouped(reported):
        console.print(_incident(entry, tasks), soft_wrap=True, markup=False, highlight=False)
    named = {entry["dag_id"] for entry in reported}
    for state in current.failed:
        if state.dag_id not in named:
            console.print(f"- {state.dag_id} failed. Its log tells why: {logs}", markup=False, highlight=False)
    standing = f"Release {pointer['release']} is still current." if pointer else "No release has been published yet."
    console.print(f"{standing} Logs: {logs}", soft_wrap=True, markup=False, highlight=False)


def _grouped(entries: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], list[str]]]:
    """Incidents with the same Dag and problem once, oldest first, with the tasks that met it."""
    found: dict[tuple[str, str], tuple[dict[str, Any], list[str]]] = {}
    for entry in reversed(entries):
        _, tasks = found.setdefault((entry["dag_id"], entry["problem"]), (entry, []))
        if entry["task_id"] not in tasks:
            tasks.append(entry["task_id"])
    return list(found.values())


def _incident(entry: dict[str, Any], tasks: list[str]) -> str:
    where = [f"{key} {entry[key]}" for key in ("source", "dataset", "period") if entry.get(key)]
    lines = [f"- {', '.join(where) or entry['dag_id']} (in {entry['dag_id']}: {', '.join(tasks)})"]
    lines.append(f"  Why: {entry['problem']}")
    if entry.get("remedy"):
        lines.append(f"  What to do: {entry['remedy']}")
    return "\n".join(lines)


def _marts(found: dict[str, Any]) -> Table:
    table = Table("mart", "rows", "warnings", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for mart in found["marts"]:
        table.add_row(mart["name"], f"{mart['rows']:,}", ", ".join(mart["warnings"]))
    return table


def _chains() -> Table | str:
    with reading.connect() as con:
        rows: Sequence[tuple[Any, ...]] = con.execute(TOP_CHAINS).fetchall()
    if not rows:
        return (
            "No chain can be ranked from these data: see the reasons in mart_cluster_baseline, and bring the "
            "datasets that are missing (mart_provenance lists those that are there)."
        )
    title = f"Preliminary baseline {rows[0][5]}-{rows[0][6]}, top three chains of each country"
    table = Table("country", "chain", "score", "grade", "coverage", box=None, pad_edge=False, title=title)
    table.title_justify = "left"
    for iso3, chain, score, coverage, grade, *_ in rows:
        table.add_row(iso3, chain, f"{score:.1f}", grade, f"{coverage:.0%}")
    return table
