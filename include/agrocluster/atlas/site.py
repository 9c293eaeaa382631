"""The folder of the atlas: every page in every language, the downloads, written whole or not at all.

Equal releases give equal bytes: nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from agrocluster.atlas import maps, quality, shown, views
from agrocluster.atlas.content import READ, Content
from agrocluster.atlas.downloads import columns, csv_file
from agrocluster.atlas.quadrants import shape
from agrocluster.atlas.view import View, page_of, slug
from agrocluster.atlas.words import words
from agrocluster.errors import UsageError
from agrocluster.explain.language import LANGUAGES, Lang
from agrocluster.storage import atomic

FRONT = 3
"""Chains named at the head of a country's page."""

_templates = Environment(
    loader=PackageLoader("agrocluster.atlas"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """What was written: the release, number of pages, downloads and briefs, and marts that may not be handed on."""

    release: str
    pages: int
    downloads: int
    briefs: int
    left_out: list[str]


def write(
    folder: Path, content: Content, languages: Sequence[Lang] = LANGUAGES, briefs: Mapping[str, bytes] | None = None
) -> Written:
    """Write the atlas of a release into the new ``folder``.

    Args:
        briefs: name and content of the countries' briefs, to which their pages lead.

    Raises UsageError when ``folder`` exists.
    """
    must_be_new(folder)
    printed = {f"briefs/{name}": data for name, data in (briefs or {}).items()}
    files = {**dict(_files(content, languages, printed)), **printed}
    with atomic.folder(folder) as temporary:
        for name, data in files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    pages = sum(name.endswith(".html") for name in files)
    downloads = len(files) - pages - len(printed)
    return Written(content.manifest["release"], pages, downloads, len(printed), content.left_out)


def must_be_new(folder: Path) -> None:
    """UsageError when ``folder`` exists."""
    if folder.exists():
        raise UsageError(f"{folder} exists already.", remedy="Name a folder that does not exist; nothing was changed.")


def lead_to(release: str) -> bytes:
    """A page that leads to the folder of a release beside it."""
    return _render("lead.html", release=release, languages=[words(lang) for lang in LANGUAGES])


def _files(content: Content, languages: Sequence[Lang], printed: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Path inside the folder and content of every file."""
    yield "index.html", _render("root.html", content=content, languages=[words(lang) for lang in languages])
    for lang in languages:
        view = View(content, words(lang))
        other = next((code for code in languages if code != lang), None)
        for page, template, more in _pages(view, printed):
            yield f"{lang}/{page}", _render(template, **_common(view, page, other), **more)
        for name, data in _downloads(view):
            yield f"{lang}/data/{name}", data


def _pages(view: View, printed: Mapping[str, bytes]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File name, template and what the template needs beside what all pages share."""
    content = view.content
    yield "index.html", "start.html", {"files": {"all": "baseline.csv"}}
    for country in content.countries:
        ranked = [cell for cell in view.of_country(country["iso3"]) if cell["rank_country"] is not None]
        front = [view.chain(cell["chain"]) for cell in ranked[:FRONT]]
        kinds = ("country", "partners", "firms")
        files = {kind: f"{kind}-{slug(country['iso3'])}.csv" for kind in kinds}
        about = {"country": country, "front": front, "files": files}
        yield page_of("country", country["iso3"]), "country.html", {**about, "brief": _brief(view, country, printed)}
    for chain in content.chains:
        yield page_of("chain", chain["chain"]), "chain.html", _of_chain(view, chain)
    yield "methods.html", "methods.html", {}
    yield "quality.html", "quality.html", {"q": quality, "files": {"all": "baseline.csv"}}
    yield "sources.html", "sources.html", {"read": READ, "files": {"sources": "sources.csv"}}
    yield "glossary.html", "glossary.html", {"terms": _terms(view)}


def _common(view: View, page: str, other: str | None) -> dict[str, Any]:
    return {
        "view": view, "content": view.content, "w": view.words, "v": views, "maps": maps, "page": page, "other": other,
        "help": shown.HELP, "page_of": page_of, "slug": slug, "shape": shape,
    }  # fmt: skip


def _brief(view: View, country: dict[str, Any], printed: Mapping[str, bytes]) -> str:
    """The brief of a country inside the folder; empty where there is none."""
    name = f"briefs/brief-{slug(country['iso3'])}-{view.words.lang}.pdf"
    return name if name in printed else ""


def _of_chain(view: View, chain: dict[str, Any]) -> dict[str, Any]:
    parts = ("trade", "markets", "indicators", "limits")
    name = slug(chain["chain"])
    scales = {i["goalpost_id"] for (_, c), rows in view.content.indicators.items() if c == chain["chain"] for i in rows}
    return {
        "chain": chain,
        "files": {"chain": f"chain-{name}.csv", **{part: f"{part}-{name}.csv" for part in parts}},
        "goalposts": ", ".join(sorted(scales - {None})),
        "pillars": shown.PILLARS,
        "stages": shown.STAGES,
        "traded": shown.TRADED,
        "earlier": shown.EARLIER,
    }


def _terms(view: View) -> list[dict[str, Any]]:
    """Marts with the columns that are shown, as the release describes them."""
    held = {mart["name"]: mart for mart in view.content.manifest["marts"]}
    found = []
    for name in shown.SHOWN:
        wanted = columns(name, view.words.lang)
        listed = [column for column in held[name]["columns"] if column["name"] in wanted]
        found.append({**held[name], "columns": listed})
    return found


def _downloads(view: View) -> Iterator[tuple[str, bytes]]:
    content, lang = view.content, view.words.lang
    cells = list(content.cells.values())
    yield "baseline.csv", csv_file(content, "mart_cluster_baseline", cells, lang)
    yield "sources.csv", csv_file(content, "mart_provenance", content.provenance, lang)
    for country in content.countries:
        rows = view.of_country(country["iso3"])
        name = slug(country["iso3"])
        yield f"country-{name}.csv", csv_file(content, "mart_cluster_baseline", rows, lang)
        if content.partners is not None:
            rows = content.partners.get(country["iso3"], [])
            yield f"partners-{name}.csv", csv_file(content, "mart_market_ease", rows, lang)
        firms = content.firms.get(country["iso3"], [])
        yield f"firms-{name}.csv", csv_file(content, "mart_lifecycle_mobilisation", firms, lang)
    for chain in content.chains:
        code, name = chain["chain"], slug(chain["chain"])
        rows = [cell for cell in cells if cell["chain"] == code]
        yield f"chain-{name}.csv", csv_file(content, "mart_cluster_baseline", rows, lang)
        parts = {"indicators": ("mart_baseline_indicators", content.indicators)}
        if content.trade is not None:
            parts["trade"] = ("mart_chain_trade", content.trade)
        if content.markets is not None:
            parts["markets"] = ("mart_export_potential_chain", content.markets)
        if content.support is not None:
            parts["limits"] = ("mart_lifecycle_support", content.support)
        for part, (mart, held) in parts.items():
            rows = [line for c in content.countries for line in held.get((c["iso3"], code), [])]
            yield f"{part}-{name}.csv", csv_file(content, mart, rows, lang)


def _render(template: str, **context: Any) -> bytes:
    return _templates.get_template(template).render(**context).encode()
