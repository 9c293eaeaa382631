"""The command line ``agrocluster``: the same steps as the Dags, for people and scripts.

Commands are loaded on first use, because some of them import libraries that take seconds.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from agrocluster import __version__, completion, logs
from agrocluster.commands_data import data_for
from agrocluster.errors import AgroclusterError, UsageError
from agrocluster.output import json_option, show_table

LAZY = {
    "alerts": "agrocluster.orchestration.alerts_cli:alerts_command",
    "atlas": "agrocluster.atlas.cli:atlas_command",
    "baseline": "agrocluster.baseline.cli:baseline_command",
    "brief": "agrocluster.brief.cli:brief_command",
    "completion": "agrocluster.completion:completion_command",
    "comtrade": "agrocluster.sources.comtrade_cli:comtrade_command",
    "explain": "agrocluster.release.explain_cli:explain_command",
    "import": "agrocluster.importing.cli:import_command",
    "overlay": "agrocluster.overlay.cli:overlay_command",
    "profile": "agrocluster.release.profile_cli:profile_command",
    "release": "agrocluster.release.cli:release_command",
    "run": "agrocluster.orchestration.local:run_command",
    "stop": "agrocluster.orchestration.local:stop_command",
}
"""Commands that live beside what they do."""


class Commands(click.Group):
    """A group that imports ``LAZY`` commands when they are named and shows errors without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *LAZY})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LAZY:
            return super().get_command(ctx, cmd_name)
        module, _, name = LAZY[cmd_name].partition(":")
        try:
            command: click.Command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            return _needs_more(cmd_name, _not_installed(error))
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands and options; no command is imported to be named."""
        names = [CompletionItem(name) for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except AgroclusterError as error:
            problem = error
        except ModuleNotFoundError as error:
            problem = _not_installed(error)
        click.secho(f"error: {problem}", fg="red", err=True)
        sys.exit(1)


def _not_installed(error: ModuleNotFoundError) -> UsageError:
    """What to do about a package that only the pipeline needs; an error in the package's own names stays one."""
    package = (error.name or "").partition(".")[0]
    if package in {"", "agrocluster"}:
        raise error
    remedy = "pip install 'agrocluster[airflow]', which brings all that the pipeline needs."
    return UsageError(f"This command needs {package}, which is not installed.", remedy=remedy)


def _needs_more(name: str, problem: UsageError) -> click.Command:
    """Stands for a command that cannot be loaded, so that all others and the help still can."""

    def refuse() -> None:
        raise problem

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, help=str(problem), add_help_option=False, context_settings=anything)


release_option = click.option(
    "--release",
    "name",
    metavar="ID",
    shell_complete=completion.releases,
    help="Release to read (default: the current one).",
)


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="agrocluster")
@click.option("-v", "--verbose", is_flag=True, help="Show what happens step by step.")
@click.pass_context
def main(ctx: click.Context, verbose: bool) -> None:
    """Cluster-potential baselines for agricultural value chains in Central Asia."""
    logs.configure(logging.INFO if verbose else logging.WARNING)
    ctx.with_resource(data_for(ctx.invoked_subcommand, sys.argv[1:]))


@main.command()
@click.argument("datasets", nargs=-1, shell_complete=completion.datasets)
@click.option("--years", nargs=2, type=int, default=None, metavar="FIRST LAST", help="Fetch only these years.")
@click.option("--force", is_flag=True, help="Fetch even if the source did not change.")
@json_option
def fetch(datasets: Sequence[str], years: tuple[int, int] | None, force: bool, as_json: bool) -> None:
    """Fetch, stage and check DATASETS (default: all of the catalogue)."""
    from rich.progress import track

    from agrocluster import pipeline
    from agrocluster.model.loader import catalog

    names = datasets or sorted(catalog().datasets)
    done = [
        pipeline.ingest(name, years=years, force=force)
        for name in track(names, description="Fetching", disable=as_json or not sys.stderr.isatty())
    ]
    lines = [[d["dataset_id"], _outcome(d), sum(v["rows"] for v in d["vintages"])] for d in done]
    show_table(done, ["dataset", "outcome", "rows"], lines, as_json)


@main.command()
@click.argument("marts", nargs=-1, shell_complete=completion.marts)
@json_option
def build(marts: Sequence[str], as_json: bool) -> None:
    """Build and check MARTS (default: all) from what is staged, without publishing."""
    from rich.progress import track

    from agrocluster import pipeline
    from agrocluster.model.loader import catalog

    release_id = pipeline.plan_release()["release_id"]
    names = marts or catalog().mart_order()
    done = [
        pipeline.build_mart(release_id, name)
        for name in track(names, description="Building", disable=as_json or not sys.stderr.isatty())
    ]
    show_table(
        {"release_id": release_id, "marts": done},
        ["mart", "rows", "warnings"],
        [[d["mart"], d["rows"], ", ".join(d["warnings"])] for d in done],
        as_json,
    )


@main.command()
@click.argument("subject", required=False, shell_complete=completion.subjects)
@click.option("--failed", is_flag=True, help="Show only rules that are broken.")
@json_option
def check(subject: str | None, failed: bool, as_json: bool) -> None:
    """Show the last validation results of every dataset and mart, or of one SUBJECT."""
    from agrocluster.quality import report

    rows = report.last(subject=subject, failed_only=failed)
    if subject and not rows and not report.last(subject=subject):
        raise UsageError(f"Nothing called {subject!r} has been checked.", remedy="Omit it to see everything.")
    shown = ("subject", "subject_id", "rule_id", "column", "severity", "success", "observed", "failing_rows", "reason")
    show_table(rows, list(shown), [[row[name] for name in shown] for row in rows], as_json)


@main.command()
@json_option
def refresh(as_json: bool) -> None:
    """Do everything in this process, without Airflow: check, fetch, stage, validate, build, publish."""
    from agrocluster import pipeline

    done = pipeline.refresh()
    show_table(done, ["release", "mode", "new"], [[done["release_id"], done["data_mode"], done["changed"]]], as_json)


@main.command()
@click.argument("sql")
@click.option("--as-of", metavar="DATE", help="Read the facts as they were known on this date instead.")
@release_option
@json_option
def query(sql: str, as_of: str | None, name: str | None, as_json: bool) -> None:
    """Run SQL over the marts of a release (DuckDB; every mart is a view).

    With --as-of the views are fact_indicator, fact_production and fact_trade, from the vintages of that time.
    """
    from agrocluster.release import reading

    rows = reading.query(sql, as_of, name)
    show_table(rows.to_pylist(), rows.column_names, [list(row.values()) for row in rows.to_pylist()], as_json)


@main.command()
@click.argument("mart", required=False, shell_complete=completion.marts)
@release_option
@json_option
def show(mart: str | None, name: str | None, as_json: bool) -> None:
    """Show a release, or the columns of one MART."""
    from agrocluster.release import reading

    found = reading.release(name)
    if mart is None:
        lines = [[m["name"], m["rows"], m["contract_version"], m["title_en"]] for m in found["marts"]]
        show_table(found, ["mart", "rows", "contract", "title"], lines, as_json, title=reading.headline(found))
    else:
        columns = reading.mart(found, mart)["columns"]
        lines = [[c["name"], c["type"], c["unit"] or "", c["description_en"]] for c in columns]
        show_table(columns, ["column", "type", "unit", "description"], lines, as_json, title=mart)


@main.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def export_command(folder: Path, as_json: bool) -> None:
    """Copy the current release into a new FOLDER without what its publishers do not allow to be redistributed."""
    from agrocluster.release.export import export

    found = export(folder)
    lines = [[m["name"], m["rows"], ""] for m in found["marts"]]
    lines += [[left["mart"], left["rows"], f"left out: {left['reason']}"] for left in found["left_out"]]
    show_table(found, ["mart", "rows", "note"], lines, as_json, title=str(folder))


@main.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check the installation, the catalogue and the data root, and say what to do about each problem."""
    from agrocluster import health

    found = health.examine()
    show_table(found, ["check", "state", "detail"], [[f["check"], f["state"], f["detail"]] for f in found], as_json)
    if any(f["state"] == "failed" for f in found):
        sys.exit(1)


@main.group()
def sample() -> None:
    """The sample source server: answers like the real services, with data that are none."""


@sample.command()
@click.option("--port", default=8793, show_default=True, help="Port on 127.0.0.1; 0 picks a free one.")
@click.option("--cache", type=click.Path(path_type=Path), default=None, help="Folder for generated files.")
@click.option("--vintage", type=click.Choice(["current", "previous"]), default="current", show_default=True)
@click.option("--faults", default=None, help="JSON list of faults to answer with.")
def serve(port: int, cache: Path | None, vintage: str, faults: str | None) -> None:
    """Serve the sample world on loopback until interrupted."""
    from agrocluster.sample import server
    from agrocluster.settings import settings

    server.serve(
        port=port, cache=cache or settings().data / "sample", vintage=vintage, faults=json.loads(faults or "[]")
    )


def _outcome(done: dict[str, Any]) -> str:
    return str(done["absent"] or ("fetched" if done["changed"] else "unchanged"))
