"""The data dictionary as a page: printable, without external resources, in English and Russian.

``dictionary.<language>.html#<mart>`` and ``#<mart>.<column>`` lead to a table and a column. All texts are escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from agrocluster.explain.language import LANGUAGES, Lang
from agrocluster.release.documents.dictionary import TITLES, codes, facts, failed
from agrocluster.release.documents.folder import Folder
from agrocluster.release.documents.origin import sources
from agrocluster.release.documents.plan import words

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def write(folder: Folder) -> None:
    """Write ``dictionary.<language>.html``."""
    for lang in LANGUAGES:
        page = "\n".join(_page(folder.manifest, lang)) + "\n"
        folder.add(f"dictionary.{lang}.html", page.encode(), f"{TITLES[lang]}, page", "text/html")


def _page(manifest: dict[str, Any], lang: Lang) -> Iterator[str]:
    w = _escaped(lang)
    other = next(code for code in LANGUAGES if code != lang)
    sample = f'<p class="sample">{escape(manifest["label"])}</p>' if manifest["label"] else ""
    yield f'<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield f'<title>{w["title"]} - agrocluster</title>\n<link rel="icon" href="data:,">\n<style>\n{_style()}</style>'
    yield f'</head>\n<body>\n<a class="skip" href="#tables">{w["skip"]}</a>\n{sample}'
    yield f"<header>\n<h1>{w['title']}</h1>\n<p>{w['lead']}</p>"
    yield f"<p>{escape(words(lang)['release'].format(**manifest))}</p>"
    yield f'<p><a href="dictionary.{other}.html" lang="{other}" hreflang="{other}">{w["other"]}</a></p>\n</header>'
    yield f'<main>\n<section id="tables">\n<h2>{w["tables"]}</h2>'
    yield from _table(w["tables"], (w["name"], w["what"], w["rows"]), (_entry(m, lang) for m in manifest["marts"]))
    yield "</section>"
    for mart in manifest["marts"]:
        yield from _mart(manifest, mart, lang)
    yield f"<section>\n<h2>{w['sources']}</h2>\n<ul>"
    for source in sources(manifest):
        yield f"<li>{escape(getattr(source.title, lang))}: {escape(source.attribution)} {escape(source.homepage)}</li>"
    yield f"</ul>\n</section>\n</main>\n<footer>{sample}</footer>\n</body>\n</html>"


def _mart(manifest: dict[str, Any], mart: dict[str, Any], lang: Lang) -> Iterator[str]:
    w, name = _escaped(lang), mart["name"]
    yield f'<section id="{name}">\n<h2>{name} <small>{escape(mart[f"title_{lang}"])}</small></h2>'
    yield f"<p>{escape(mart[f'description_{lang}'])}</p>\n<dl>"
    yield from (f"<dt>{escape(what)}</dt><dd>{escape(text)}</dd>" for what, text in facts(mart, manifest, lang))
    yield "</dl>"
    heads = tuple(w[head] for head in ("column", "type", "unit", "empty", "meaning"))
    yield from _table(f"{name}: {w['columns']}", heads, (_column(mart, column, lang) for column in mart["columns"]))
    if mart["rules"]:
        yield f"<h3>{w['checks']}</h3>\n<ul>"
        for rule in mart["rules"]:
            severity = escape(words(lang)["severities"][rule["severity"]])
            yield f'<li><code>{rule["id"]}</code> ({severity}): <span lang="en">{escape(rule["reason"])}</span></li>'
        yield "</ul>"
    if said := failed(mart, lang):
        yield f"<p><strong>{escape(said)}</strong></p>"
    yield f'<p class="top"><a href="#tables">{w["to_top"]}</a></p>\n</section>'


def _table(name: str, heads: tuple[str, ...], rows: Iterator[str]) -> Iterator[str]:
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">\n<table>\n<thead><tr>'
    yield "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield "</tr></thead>\n<tbody>"
    yield from rows
    yield "</tbody>\n</table>\n</div>"


def _entry(mart: dict[str, Any], lang: Lang) -> str:
    head = f'<th scope="row"><a href="#{mart["name"]}">{mart["name"]}</a></th>'
    return f"<tr>{head}<td>{escape(mart[f'title_{lang}'])}</td><td>{mart['rows']:,}</td></tr>"


def _column(mart: dict[str, Any], column: dict[str, Any], lang: Lang) -> str:
    w = _escaped(lang)
    anchor = f"{mart['name']}.{column['name']}"
    mark = ' class="key"' if column["name"] in mart["key"] else ""
    listed = escape(codes(column, lang))
    meaning = escape(column[f"description_{lang}"]) + (f" <small>{listed}</small>" if listed else "")
    cells = (column["type"], escape(column["unit"] or ""), w["yes" if column["nullable"] else "no"], meaning)
    head = f'<th scope="row"{mark}><a href="#{anchor}">{column["name"]}</a></th>'
    return f'<tr id="{anchor}">{head}{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


@cache
def _escaped(lang: Lang) -> dict[str, str]:
    return {key: escape(text) for key, text in words(lang).items() if isinstance(text, str)}


@cache
def _style() -> str:
    return files("agrocluster.release.documents").joinpath("dictionary.css").read_text(encoding="utf-8")
