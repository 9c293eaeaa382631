"""Completion of names in the shell: ``agrocluster completion bash`` prints what the shell has to load.

A shell asks at every press of the key, so names are read from the catalogue's files and the data root directly;
neither the catalogue itself nor any library of data is loaded here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from agrocluster.errors import AgroclusterError

CATALOG = Path(__file__).resolve().parent / "catalog"
SHELLS = ("bash", "zsh", "fish")
_CHAIN = re.compile(r"^- \{chain: (\w+),.*? en: ([^,}]+)", re.MULTILINE)

Completing = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completing(names: Callable[[], Iterable[tuple[str, str]]]) -> Completing:
    """A callback for click: those of ``names`` (value, help) that begin as what was typed, in whichever case. What
    cannot be read is not offered; the command itself will say why."""

    def complete(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
        try:
            known = list(names())
        except (AgroclusterError, OSError):
            return []
        return [CompletionItem(name, help=said) for name, said in known if name.casefold().startswith(typed.casefold())]

    return complete


def _mart_names() -> list[tuple[str, str]]:
    return [(path.stem, "mart") for path in sorted((CATALOG / "marts").glob("*.yaml"))]


def _dataset_names() -> list[tuple[str, str]]:
    return [(path.stem, "dataset") for path in sorted((CATALOG / "datasets").glob("*.yaml"))]


def _release_names() -> list[tuple[str, str]]:
    from agrocluster.release import reading

    pointer = reading.latest()
    current = pointer["release"] if pointer else None
    return [(name, "current" if name == current else "release") for name in reversed(reading.names())]


def _country_names() -> list[tuple[str, str]]:
    with (CATALOG / "countries.csv").open(encoding="utf-8", newline="") as file:
        known = [row for row in csv.DictReader(file) if "true" in (row["focus"], row["panel"])]
    return [(row["iso3"], row["name_en"]) for row in sorted(known, key=lambda row: row["focus"] != "true")]


def _chain_names() -> list[tuple[str, str]]:
    text = (CATALOG / "value_chains" / "chains.yaml").read_text(encoding="utf-8")
    return [(name, said) for name, said in _CHAIN.findall(text)]


marts, datasets, releases = _completing(_mart_names), _completing(_dataset_names), _completing(_release_names)
countries, chains = _completing(_country_names), _completing(_chain_names)
subjects = _completing(lambda: [*_dataset_names(), *_mart_names()])
"""What ``agrocluster check`` has results of."""


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    bash: eval "$(agrocluster completion bash)" in ~/.bashrc; zsh: the same with zsh in ~/.zshrc; fish: agrocluster
    completion fish > ~/.config/fish/completions/agrocluster.fish
    """
    kind = get_completion_class(shell)
    root = ctx.find_root()
    if kind is not None:
        click.echo(kind(root.command, {}, "agrocluster", "_AGROCLUSTER_COMPLETE").source())
