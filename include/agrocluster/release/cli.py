"""The commands ``agrocluster release``: publish, list, compare, go back, keep and remove releases."""

from __future__ import annotations

from typing import Any

import click

from agrocluster import completion
from agrocluster.errors import UsageError
from agrocluster.output import json_option, show_table
from agrocluster.release import limits

SHOWN_CELLS = 20
note_option = click.option("--note", default="", help="Why; kept in the record of releases.")
release_argument = click.argument("release_id", metavar="ID", shell_complete=completion.releases)
any_release = click.argument("release_id", metavar="[ID]", required=False, shell_complete=completion.releases)


@click.group("release", invoke_without_command=True)
@json_option
@click.pass_context
def release_command(ctx: click.Context, as_json: bool) -> None:
    """Build whatever the staged data make new, publish it, and say which release is current.

    The commands below list and compare releases, go back to one, and remove old ones.
    """
    if ctx.invoked_subcommand is not None:
        return
    from agrocluster import pipeline

    plan = pipeline.release()
    lines = [[plan["release_id"], plan["data_mode"], plan["changed"], plan["held"]]]
    show_table(plan, ["release", "mode", "new", "on hold"], lines, as_json)
    if plan["held"] and not as_json:
        click.echo(
            f"Nothing was published; `agrocluster release resume {plan['release_id']}` lifts the hold.", err=True
        )


@release_command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List all releases, newest first: the current one, those on hold after a rollback, and those that are pinned."""
    from agrocluster.release import history

    found = history.releases()
    header = ["release", "published", "mode", "state", "rows", "marts", "label"]
    lines = [
        [r["release"], (r["published_at"] or "")[:16], r["data_mode"], _state(r), r["rows"], r["marts"], r["label"]]
        for r in found
    ]
    show_table(found, header, lines, as_json)


@release_command.command("diff")
@click.argument("old", required=False, shell_complete=completion.releases)
@click.argument("new", required=False, shell_complete=completion.releases)
@click.option("--all", "everything", is_flag=True, help=f"Show every changed cell, not the first {SHOWN_CELLS}.")
@json_option
def diff_command(old: str | None, new: str | None, everything: bool, as_json: bool) -> None:
    """Say what release NEW says differently from OLD.

    NEW is the current one by default, OLD the one of the same data mode before it. First come changed potentials,
    grades, ranks and quadrants of the focus countries, then marts, contracts, columns and vintages.
    """
    from agrocluster.release import diff, history, reading

    after = new or str(reading.current()["release"])
    before = old or history.previous(after)
    if before is None:
        raise UsageError(f"There is no release of the same data mode before {after}.", remedy="Name two releases.")
    found = diff.diff(before, after)
    if as_json:
        show_table(found, [], [], as_json)
        return
    _print_cells(found, None if everything else SHOWN_CELLS)
    _print_marts(found)
    for sign, key in (("+", "added"), ("-", "removed")):
        for name in found["vintages"][key]:
            click.echo(f"vintage {sign} {name}")


@release_command.command("rollback")
@any_release
@note_option
@json_option
def rollback_command(release_id: str | None, note: str, as_json: bool) -> None:
    """Go back to release ID (default: the one before the current one of the same data mode).

    Every file of it is checked first. The release that is left is put on hold: runs with the same inputs do not publish
    it again. New data or new code make another release, which is published as usual; `resume` lifts the hold.
    """
    from agrocluster import shelf
    from agrocluster.release import rollback

    found = rollback.rollback(release_id, note=note)
    shelf.lead(found["release"])
    if as_json:
        show_table(found, [], [], as_json)
    elif found["changed"]:
        click.echo(f"Release {found['release']} is current; {found['left']} is on hold.")
    else:
        click.echo(f"Release {found['release']} is current already; nothing was changed.")


@release_command.command("resume")
@any_release
@note_option
@json_option
def resume_command(release_id: str | None, note: str, as_json: bool) -> None:
    """Lift the hold of release ID (default: the newest one on hold) and make it current again, unless something newer
    was published since."""
    from agrocluster import shelf
    from agrocluster.release import rollback

    found = rollback.resume(release_id, note=note)
    shelf.lead(found["current"])
    text = f"Release {found['release']} is no longer on hold; {found['current']} is current."
    click.echo(text) if not as_json else show_table(found, [], [], as_json)


@release_command.command("pin")
@release_argument
@click.option("--remove", is_flag=True, help="Let retention have it again.")
@note_option
def pin_command(release_id: str, remove: bool, note: str) -> None:
    """Keep release ID for good: `prune` and the upkeep Dag leave it alone."""
    from agrocluster.release import rollback

    changed = rollback.pin(release_id, keep=not remove, note=note)
    state = "no longer pinned" if remove else "pinned"
    click.echo(f"Release {release_id} is {state}{'' if changed else '; it was so already'}.")


@release_command.command("prune")
@click.option("--keep", default=limits.KEEP, show_default=True, help="Newest releases of each data mode that stay.")
@click.option("--days", default=limits.DAYS, show_default=True, help="A release stays this long after it was current.")
@click.option("--dry-run", is_flag=True, help="Only say what would go, and why the others stay.")
@json_option
def prune_command(keep: int, days: int, dry_run: bool, as_json: bool) -> None:
    """Remove old releases.

    The current one, the one before it, those on hold, pinned or frozen from, and damaged ones stay in any case.
    """
    from agrocluster.release import retention

    found = retention.plan(keep, days)
    removed = [] if dry_run else retention.prune(keep, days)
    for entry in found:
        entry["removed"] = entry["release"] in removed
    fate = {True: "would go" if dry_run else "removed", False: "stays"}
    lines = [[e["release"], fate[e["remove"]], e["reason"], e["label"]] for e in found]
    show_table(found, ["release", "", "why", "label"], lines, as_json)


def _state(entry: dict[str, Any]) -> str:
    states = [name for name, key in (("current", "current"), ("on hold", "held"), ("pinned", "pinned")) if entry[key]]
    return ", ".join([*states, *(["damaged"] if entry["problem"] else [])])


def _print_cells(found: dict[str, Any], most: int | None) -> None:
    from agrocluster.release import diff

    shown = [cell for cell in found["cells"] if diff.visible(cell)]
    title = f"{found['old']['release']} to {found['new']['release']} {found['new']['label']}".rstrip()
    lines = [
        [c["baseline_id"], c["iso3"], c["chain"], *(diff.moved(c, name) for name in diff.SHOWN)] for c in shown[:most]
    ]
    header = ["baseline", "country", "chain", *(name.removesuffix("_country") for name in diff.SHOWN)]
    if lines:
        show_table(None, header, lines, as_json=False, title=title)
    else:
        click.echo(title)
    click.echo(
        f"{len(shown)} of {found['cells_compared']} cells of the focus countries look different"
        f"{f', {len(shown) - most} are not shown (--all)' if most and len(shown) > most else ''}; "
        f"{found['panel_cells_changed']} of the panel differ."
    )


def _print_marts(found: dict[str, Any]) -> None:
    marts = found["marts"]
    lines = []
    for mart in marts["changed"]:
        contract = " -> ".join(dict.fromkeys((mart["contract_before"], mart["contract_after"])))
        columns = [f"+{name}" for name in mart["columns_added"]] + [f"-{name}" for name in mart["columns_removed"]]
        columns += [f"{c['name']}: {c['what']} {c['before']} -> {c['after']}" for c in mart["columns_changed"]]
        lines.append([mart["name"], mart["rows_before"], mart["rows_after"], contract, ", ".join(columns)])
    lines += [
        [name, None, None, state, ""] for state, key in (("new", "added"), ("gone", "removed")) for name in marts[key]
    ]
    if lines:
        show_table(None, ["mart", "rows before", "rows now", "contract", "columns"], lines, as_json=False)
    click.echo(f"{marts['unchanged']} marts hold the same rows.")
