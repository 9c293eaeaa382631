"""The command ``agrocluster profile``: a country's chain on one screen."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from agrocluster import completion
from agrocluster.explain import LANGUAGES

if TYPE_CHECKING:
    from agrocluster.explain.language import Language

BAR = 25
"""Signs of a bar of 100 points."""
WIDEST = 110
"""Columns of the text, however wide the terminal."""
ASIDE = 24
"""Columns that the labels at the side may take."""


@click.command("profile")
@click.argument("country", shell_complete=completion.countries)
@click.argument("chain", shell_complete=completion.chains)
@click.option("--baseline", metavar="ID", help="Baseline to show (default: the reference baseline).")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the answer.")
@click.option(
    "--release", metavar="ID", shell_complete=completion.releases, help="Release to read (default: the current one)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def profile_command(
    country: str, chain: str, baseline: str | None, lang: Any, release: str | None, as_json: bool
) -> None:
    """Show score, rank, bottleneck, trade and markets of COUNTRY and CHAIN on one screen.

    Both may be codes (KGZ dairy) or names in English or Russian (Kyrgyzstan, молоко).
    """
    from agrocluster.explain.language import language
    from agrocluster.release.profile import profile

    found = profile(country, chain, baseline=baseline, release=release)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, default=str))
    else:
        click.echo("\n".join(screen(found, language(lang))))


def screen(found: dict[str, Any], lang: Language) -> list[str]:
    """The lines of the screen for what ``profile`` returns."""
    words, code = lang.report, lang.plural
    years = lang.range(found["first_year"], found["last_year"]).replace(lang.numbers.group, "")
    return [
        found["headline"],
        f"{found[f'country_{code}']} ({found['iso3']}), {found[f'chain_{code}']}; {found['baseline_id']} ({years})",
        "",
        *_score(found, lang),
        "",
        words["stages"],
        *_stages(found, lang),
        "",
        f"{words['trade']} ({_window(found['trade'], lang)})",
        *_trade(found["trade"], lang),
        "",
        words["markets"] if found["markets"] else words["no_markets"],
        *_markets(found["markets"], lang),
        *_sentence(found[f"explain_{code}"]),
    ]


def _score(found: dict[str, Any], lang: Language) -> list[str]:
    words, score, rank, trust = lang.report, found["score"], found["rank"], found["confidence"]
    lines = [
        (words[part], _points(score[part], lang), _bar(score[part])) for part in ("potential", "position", "headroom")
    ]
    low, high = score["potential_p05"], score["potential_p95"]
    if low != high:  # countries outside the focus are not drawn: both ends are empty
        lines[0] = (*lines[0][:2], f"{lines[0][2]} {_interval(low, high, lang, 1)}".rstrip())
    if rank["rank"] is None:
        placed = words["unknown"]
    else:
        placed = words["of_ranked"].format(rank=rank["rank"], of=rank["of"])
        placed = f"{placed} {_interval(rank['low'], rank['high'], lang)}".rstrip()
    quadrant = textwrap.wrap(lang.word("quadrant", score["quadrant"] or "none"), WIDEST - ASIDE)
    rest = [(words["rank"], placed), *(("", part) for part in quadrant)]
    coverage = "" if trust["coverage"] is None else f", {words['coverage']} {lang.percent(trust['coverage'])}"
    rest.append((words["grade"], f"{trust['grade'] or words['unknown']}{coverage}"))
    return [*_aligned(lines), *_aligned(rest)]


def _stages(found: dict[str, Any], lang: Language) -> list[str]:
    lines = []
    for stage, value in found["stages"].items():
        mark = f" <- {lang.report['tightest']}" if stage == found["bottleneck"] else ""
        lines.append((lang.word("stage", stage), _points(value, lang), f"{_bar(value)}{mark}"))
    return _aligned(lines)


def _trade(trade: dict[str, Any], lang: Language) -> list[str]:
    words = lang.report
    told = {
        "exports": _said(trade["exports_usd"], lang.money, lang),
        "imports": _said(trade["imports_usd"], lang.money, lang),
        "untapped": _said(trade["untapped_usd"], lang.money, lang),
        "realised": _said(trade["realised_share"], lang.percent, lang),
        "rca_agri": _said(trade["rca_agri"], lang.significant, lang),
        "share_world": _said(trade["share_world"], lambda share: _finely(share, lang), lang),
        "n_markets": _said(trade["n_markets"], lang.number, lang),
        "ssr": _said(trade["ssr"], lang.percent, lang),
    }
    return _aligned([(words[name], text) for name, text in told.items()])


def _markets(markets: list[dict[str, Any]], lang: Language) -> list[str]:
    lines = [
        (
            market[f"name_{lang.plural}"] or market["market"],
            _said(market["actual_usd"], lang.money, lang),
            _said(market["untapped_usd"], lang.money, lang),
        )
        for market in markets
    ]
    return _aligned(lines)


def _sentence(text: str | None) -> list[str]:
    if not text:
        return []
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    return ["", *textwrap.wrap(text, width)]


def _window(trade: dict[str, Any], lang: Language) -> str:
    return lang.report["unknown"] if trade["year"] is None else lang.report["window"].format(year=trade["year"])


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines whose columns begin at the same place."""
    widths = [max(len(part) for part in column) for column in zip(*lines, strict=True)]
    return ["  " + "  ".join(part.ljust(w) for part, w in zip(line, widths, strict=True)).rstrip() for line in lines]


def _bar(points: float | None) -> str:
    filled = 0 if points is None else round(BAR * min(100.0, max(0.0, points)) / 100)
    return "" if points is None else "█" * filled + "·" * (BAR - filled)


def _points(points: float | None, lang: Language) -> str:
    return lang.report["unknown"] if points is None else lang.number(points, 1)


def _interval(low: float | None, high: float | None, lang: Language, decimals: int = 0) -> str:
    return "" if low is None or high is None else f"({lang.report['interval']} {lang.range(low, high, decimals)})"


def _finely(share: float, lang: Language) -> str:
    """A share in percent with four significant digits, because shares in world trade are small."""
    return lang.numbers.percent.format(number=lang.significant(100 * share))


def _said(value: Any, say: Any, lang: Language) -> str:
    return lang.report["unknown"] if value is None else say(value)
