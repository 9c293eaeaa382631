"""The command ``agrocluster explain``: one score from its sentence down to vintages and licences."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from agrocluster import completion
from agrocluster.explain import LANGUAGES

if TYPE_CHECKING:
    from agrocluster.explain.language import Language

PIPE_WIDTH = 150
"""Columns of a table that goes into a file or a pipe."""


@click.command("explain")
@click.argument("country", shell_complete=completion.countries)
@click.argument("chain", shell_complete=completion.chains)
@click.option("--baseline", metavar="ID", help="Baseline to explain (default: the reference baseline).")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the answer.")
@click.option(
    "--release", metavar="ID", shell_complete=completion.releases, help="Release to read (default: the current one)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def explain_command(
    country: str, chain: str, baseline: str | None, lang: Any, release: str | None, as_json: bool
) -> None:
    """Take the score of COUNTRY and CHAIN apart, from potential to raw figures and their sources.

    Both may be codes (KGZ dairy) or names in English or Russian (Kyrgyzstan, молоко).
    """
    from agrocluster.explain.language import language
    from agrocluster.release.decomposition import decompose

    found = decompose(country, chain, baseline=baseline, release=release)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, default=str))
    else:
        _print(found, language(lang))


def _print(found: dict[str, Any], lang: Language) -> None:
    words, cell = lang.report, found["cell"]
    click.echo(f"{found['headline']}\n{cell['baseline_id']}, {cell['iso3']}, {cell['chain']}\n")
    if sentence := cell.get(f"explain_{lang.plural}"):
        click.echo(f"{sentence}\n")
    if not found["same_catalogue"]:
        click.echo(f"{words['newer_catalogue']}\n")
    header = [words[name] for name in ("part", "score", "weight", "share")]
    _table(header, _score_lines(found, lang), words["pillars"])
    header = [words[name] for name in ("indicator", "score", "weight", "contribution", "raw")]
    _table(header, _indicator_lines(found, lang), words["indicators"])
    _table([words["indicator"], words["origin_columns"]], _origin_lines(found, lang), words["origin"])
    click.echo(f"{words['sources']}\n" + "\n".join(_source_lines(found, lang)))


def _table(header: list[str], lines: list[list[str]], title: str) -> None:
    """A table whose words fold where the terminal is narrow and that is as wide as it needs to be in a pipe."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if 0 < number < 4 and len(header) > 3 else "left", overflow="fold")
    for line in lines:
        table.add_row(*line)
    width = None if Console().is_terminal else PIPE_WIDTH
    Console(width=width, markup=False, highlight=False).print(table)


def _score_lines(found: dict[str, Any], lang: Language) -> list[list[str]]:
    """Potential, then each sub-index followed by its pillars."""
    cell, words = found["cell"], lang.report
    lines = [[words["potential"], _points(cell["potential"], lang), "", _ln(_total(found["pillars"]), lang)]]
    for sub in ("position", "headroom"):
        own = [p for p in found["pillars"] if p["sub_index"] == sub]
        lines.append([words[sub], _points(cell[sub], lang), lang.number(0.5, 3), _ln(_total(own), lang)])
        for p in own:
            figures = [_points(p["score"], lang), lang.number(p["share"] / 2, 3), _ln(p["ln_contribution"], lang)]
            lines.append([f"  {_pillar(p, lang)}", *figures])
    return lines


def _indicator_lines(found: dict[str, Any], lang: Language) -> list[list[str]]:
    """Each pillar followed by its indicators."""
    lines = []
    for p in found["pillars"]:
        lines.append([_pillar(p, lang), _points(p["score"], lang), "", "", ""])
        lines += [_indicator_line(line, lang) for line in found["indicators"] if line["pillar"] == p["pillar"]]
    return lines


def _indicator_line(line: dict[str, Any], lang: Language) -> list[str]:
    raw = lang.word("reason", line["reason"]) if line["reason"] else ""
    if line["raw_value"] is not None:
        raw = "; ".join(
            filter(
                None, [f"{_raw(line['raw_value'], lang)} {lang.unit(line['unit'])}".strip(), _scale(line, lang), raw]
            )
        )
    weight = lang.number(line["weight_in_pillar"], 3)
    return [
        f"  {line[f'name_{lang.plural}']}",
        _points(line["score"], lang),
        weight,
        _points(line["contribution"], lang),
        raw,
    ]


def _scale(line: dict[str, Any], lang: Language) -> str:
    """Goalposts of the transformed value; empty where there are none."""
    if line["goalpost_low"] is None:
        return ""
    low, high = (lang.significant(line[f"goalpost_{end}"]) for end in ("low", "high"))
    scale = lang.numbers.scale.format(low=low, high=high)
    transform = "" if line["transform"] == "identity" else f"{line['transform']} "
    return f"{lang.report['scale']} {transform}{scale}"


def _origin_lines(found: dict[str, Any], lang: Language) -> list[list[str]]:
    """Per measured indicator the mart, the rows taken, the columns with their values, and the datasets behind."""
    lines = []
    for line in found["indicators"]:
        if line["mart"]:
            inputs = ", ".join(f"{name} = {_raw(value, lang)}" for name, value in line["inputs"].items())
            where = "" if line["row_filter"] == "true" else f" [{line['row_filter']}]"
            text = f"{line['mart']}{where}: {inputs}"
            lines.append([line["indicator"], f"{text}\n<- {', '.join(line['measured_from'])}"])
    return lines


def _source_lines(found: dict[str, Any], lang: Language) -> list[str]:
    words = lang.report
    measured = {name for line in found["indicators"] for name in line["measured_from"]}
    lines = []
    for source in sorted(found["sources"], key=lambda s: s["dataset_id"] not in measured):
        role = words["measured" if source["dataset_id"] in measured else "also"]
        rows = "" if source["raw_rows"] is None else f", {lang.counted('row', source['raw_rows'])}"
        lines.append(f"  {source['vintage_id']} ({role}{rows}), {words['licence']} {source['licence']}")
        lines.append(f"    {source['citation']} {source['attribution']}")
    return lines


def _pillar(pillar: dict[str, Any], lang: Language) -> str:
    return f"{pillar['pillar'].upper()} {pillar[f'name_{lang.plural}']}"


def _total(pillars: list[dict[str, Any]]) -> float | None:
    known = [p["ln_contribution"] for p in pillars if p["ln_contribution"] is not None]
    return sum(known) if known else None


def _points(value: float | None, lang: Language) -> str:
    return "" if value is None else lang.number(value, 1)


def _ln(value: float | None, lang: Language) -> str:
    return "" if value is None else lang.number(value, 4)


def _raw(value: Any, lang: Language) -> str:
    if isinstance(value, float):
        return lang.significant(value)
    return "" if value is None else str(value)
