"""The data dictionary: every table and column as CSV, and for people as Markdown, in English and Russian.

What is said of a table is put together here for the page (``dictionary_page``) too. Texts come from contracts; none of
them becomes markup.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from html import escape
from typing import Any

from agrocluster.explain.language import LANGUAGES, Lang
from agrocluster.release.documents.folder import Folder
from agrocluster.release.documents.origin import licence_url, sources
from agrocluster.release.documents.plan import plan, words

TITLES = {"en": "Data dictionary in English", "ru": "Data dictionary in Russian"}


def write(folder: Folder) -> None:
    """Write ``dictionary.csv`` and ``dictionary.<language>.md``."""
    manifest = folder.manifest
    folder.add("dictionary.csv", _table(manifest).encode(), "Every column as a table, English and Russian", "text/csv")
    for lang in LANGUAGES:
        text = "\n".join(_markdown(manifest, lang)) + "\n"
        folder.add(f"dictionary.{lang}.md", text.encode(), f"{TITLES[lang]}, text", "text/markdown")


def facts(mart: dict[str, Any], manifest: dict[str, Any], lang: Lang) -> Iterator[tuple[str, str]]:
    """Heading and text of everything about a mart but its columns and checks."""
    w = words(lang)
    yield w["file"], mart["path"]
    yield w["rows"], f"{mart['rows']:,}"
    yield w["key"], ", ".join(mart["key"])
    yield w["version"], mart["contract_version"]
    yield w["licence"], f"{mart['licence']} ({licence_url(mart['licence'])})"
    yield w["redistribution"], w["handing"][mart["redistribution"]]
    if behind := sources(manifest, mart["name"]):
        yield w["made_from"], "; ".join(getattr(source.title, lang) for source in behind)
    if page := plan().page(mart["name"]):
        yield w["method"], w["method_page"].format(page=page)


def codes(column: dict[str, Any], lang: Lang) -> str:
    """The codes of a column in words; empty where it has no list."""
    listed = column["codelist"]
    if not listed:
        return ""
    if "." in listed:
        return str(words(lang)["codes_of"]).format(list=listed)
    return str(words(lang)["codes"]).format(codes=", ".join(listed.split("|")))


def failed(mart: dict[str, Any], lang: Lang) -> str:
    """What is said of warnings of this release; empty without any."""
    return str(words(lang)["failed"]).format(rules=", ".join(mart["warnings"])) if mart["warnings"] else ""


def _table(manifest: dict[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["mart", "column", "type", "unit", "key", "nullable", "description_en", "description_ru"])
    for mart in manifest["marts"]:
        for c in mart["columns"]:
            described = (c["type"], c["unit"] or "", c["name"] in mart["key"], c["nullable"])
            writer.writerow([mart["name"], c["name"], *described, c["description_en"], c["description_ru"]])
    return out.getvalue()


def _markdown(manifest: dict[str, Any], lang: Lang) -> Iterator[str]:
    w = words(lang)
    if manifest["label"]:
        yield f"**{manifest['label']}**\n"
    yield f"# {w['title']}\n\n{w['lead']}\n\n{w['release'].format(**manifest)}\n\n## {w['tables']}\n"
    yield f"| {w['name']} | {w['what']} | {w['rows']} |\n|---|---|--:|"
    for mart in manifest["marts"]:
        yield f"| [{mart['name']}](#{mart['name']}) | {_cell(mart[f'title_{lang}'])} | {mart['rows']:,} |"
    for mart in manifest["marts"]:
        yield from _markdown_mart(manifest, mart, lang)
    yield f"\n## {w['sources']}\n"
    for source in sources(manifest):
        yield f"- {_cell(getattr(source.title, lang))}: {_cell(source.attribution)} <{source.homepage}>"


def _markdown_mart(manifest: dict[str, Any], mart: dict[str, Any], lang: Lang) -> Iterator[str]:
    w, name = words(lang), mart["name"]
    yield f"\n## {name}\n\n{_cell(mart[f'title_{lang}'])}. {_cell(mart[f'description_{lang}'])}\n"
    yield from (f"- {what}: {_cell(text)}" for what, text in facts(mart, manifest, lang))
    yield f"\n| {w['column']} | {w['type']} | {w['unit']} | {w['empty']} | {w['meaning']} |\n|---|---|---|---|---|"
    for c in mart["columns"]:
        meaning = ". ".join(filter(None, (c[f"description_{lang}"], codes(c, lang))))
        empty = w["yes" if c["nullable"] else "no"]
        shown = f'<a id="{name}.{c["name"]}"></a>`{c["name"]}`'
        yield f"| {shown} | {c['type']} | {_cell(c['unit'] or '')} | {empty} | {_cell(meaning)} |"
    if mart["rules"]:
        yield f"\n{w['checks']}:\n"
        for rule in mart["rules"]:
            yield f"- `{rule['id']}` ({w['severities'][rule['severity']]}): {_cell(rule['reason'])}"
    if said := failed(mart, lang):
        yield f"\n**{_cell(said)}**"


def _cell(text: str) -> str:
    """A text inside Markdown: nothing in it is markup or ends a cell of a table."""
    escaped = escape(text, quote=False).replace("\n", " ").replace("\\", "\\\\")
    for sign in "|*_`[]":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped
