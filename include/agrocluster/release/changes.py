"""``CHANGES.md`` and ``CHANGES.ru.md`` of a release: what it says differently from the release before it, for people.

Written from ``diff`` when a release is published, because later the earlier one may be gone. They are the only files
of a release that depend on another one, which they name; they hold neither time nor place.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from agrocluster.errors import AgroclusterError
from agrocluster.release import diff, history, reading
from agrocluster.storage.places import Place

log = logging.getLogger(__name__)
FILES = {"CHANGES.md": "en", "CHANGES.ru.md": "ru"}

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Changes in release {release}",
        "mode": "Data mode: {mode}. {label}",
        "first": "First release of this data mode: there is none to compare it with.",
        "unreadable": "The release before it, `{previous}`, cannot be read, so nothing was compared.",
        "against": "Compared with release `{previous}`, the one before it of the same data mode.",
        "cells": "Cells of the baseline",
        "no_cells": "No potential, grade, rank or quadrant of the focus countries differs ({compared} cells compared).",
        "some_cells": "{changed} cells of the focus countries differ, {compared} are in both releases; of the panel "
        "{panel} differ. Points of 0 to 100, largest change first; ? stands for unknown. Not listed are {small} cells "
        "that differ by less than 0.005 points. Whether a change is real or a revision of old data says "
        "`mart_cluster_progress`.",
        "cell_header": "baseline | country | chain | potential | change | grade | rank | quadrant",
        "new": "new",
        "gone": "gone",
        "marts": "Marts",
        "no_marts": "All {unchanged} marts hold the same rows.",
        "some_marts": "{unchanged} marts hold the same rows.",
        "mart_header": "mart | rows before | rows now | contract | columns",
        "column_added": "+ {column}",
        "column_removed": "- {column}",
        "column_changed": "{column}: {what} {before} -> {after}",
        "none": "none",
        "vintages": "Inputs",
        "no_vintages": "The vintages of all sources are the same.",
        "versions": "Version of the code: {old} -> {new}.",
    },
    "ru": {
        "title": "Изменения в выпуске {release}",
        "mode": "Вид данных: {mode}. {label}",
        "first": "Первый выпуск с этим видом данных: сравнивать не с чем.",
        "unreadable": "Предыдущий выпуск `{previous}` не читается, сравнение не проведено.",
        "against": "Сравнение с выпуском `{previous}`, предыдущим с тем же видом данных.",
        "cells": "Ячейки базы",
        "no_cells": "Потенциал, оценки, места и квадранты стран фокуса не изменились (сравнено ячеек: {compared}).",
        "some_cells": "Изменилось ячеек стран фокуса: {changed}, в обоих выпусках есть {compared}; ячеек панели "
        "изменилось {panel}. Баллы от 0 до 100, сначала наибольшие изменения; ? - неизвестно. Ячейки ({small}), что "
        "отличаются менее чем на 0,005 балла, не показаны. Настоящее ли это изменение или пересмотр старых данных, "
        "говорит `mart_cluster_progress`.",
        "cell_header": "база | страна | цепочка | потенциал | изменение | оценка | место | квадрант",
        "new": "новая",
        "gone": "исчезла",
        "marts": "Витрины",
        "no_marts": "Во всех витринах ({unchanged}) строки те же.",
        "some_marts": "Витрин с теми же строками: {unchanged}.",
        "mart_header": "витрина | строк было | строк стало | контракт | столбцы",
        "column_added": "+ {column}",
        "column_removed": "- {column}",
        "column_changed": "{column}: {what} {before} -> {after}",
        "none": "нет",
        "vintages": "Исходные данные",
        "no_vintages": "Версии данных всех источников те же.",
        "versions": "Версия кода: {old} -> {new}.",
    },
}
"""Texts by language; those with braces take figures and names."""


def files(manifest: dict[str, Any], place: Place) -> dict[str, bytes]:
    """File name -> content for the release of ``manifest``, which lies in ``place`` and is about to be published."""
    previous = _previous(manifest)
    found: dict[str, Any] | None = None
    if previous is not None:
        try:
            found = diff.between(*reading.locate(previous), manifest, place)
        except AgroclusterError as error:
            log.warning("Release %s cannot be compared with: %s", previous, error)
    return {name: text(manifest, previous, found, lang).encode() for name, lang in FILES.items()}


def text(manifest: Mapping[str, Any], previous: str | None, found: Mapping[str, Any] | None, lang: str) -> str:
    """Markdown of the changes; ``previous`` is the release they are against, ``found`` what ``diff`` says about the
    two, None where it could not be read."""
    words = WORDS[lang]
    mode = words["mode"].format(mode=manifest["data_mode"], label=manifest["label"]).strip()
    head = [f"# {words['title'].format(release=manifest['release'])}", mode]
    if previous is None:
        return _joined([*head, words["first"]])
    if found is None:
        return _joined([*head, words["unreadable"].format(previous=previous)])
    old, new = found["old"]["version"], found["new"]["version"]
    version = [words["versions"].format(old=old, new=new)] if old != new else []
    against = words["against"].format(previous=previous)
    return _joined([*head, against, *version, *_cells(found, words), *_marts(found, words), *_vintages(found, words)])


def _previous(manifest: Mapping[str, Any]) -> str | None:
    """The release readers had before this one: the current one, or else the newest of the same data mode."""
    listed = [r for r in history.releases() if r["release"] != manifest["release"] and not r["held"]]
    mine = [r for r in listed if r["data_mode"] == manifest["data_mode"]]
    current = [r["release"] for r in mine if r["current"]]
    return next(iter([*current, *(r["release"] for r in mine)]), None)


def _cells(found: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    cells, head = found["cells"], f"## {words['cells']}"
    if not cells:
        return [head, words["no_cells"].format(compared=found["cells_compared"])]
    shown = [cell for cell in cells if diff.visible(cell)]
    figures = {"compared": found["cells_compared"], "panel": found["panel_cells_changed"]}
    said = words["some_cells"].format(changed=len(cells), small=len(cells) - len(shown), **figures)
    return [head, said, _table(words["cell_header"], [_cell(cell, words) for cell in shown])]


def _cell(cell: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    change = "" if cell["change"] is None else f"{cell['change']:+.2f}"
    if cell["added"] or cell["removed"]:
        change = words["new" if cell["added"] else "gone"]
    moved = [diff.moved(cell, name) for name in ("grade", "rank_country", "quadrant")]
    return [cell["baseline_id"], cell["iso3"], cell["chain"], diff.moved(cell, "potential"), change, *moved]


def _marts(found: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    marts = found["marts"]
    head, same = f"## {words['marts']}", {"unchanged": marts["unchanged"]}
    lines = [_mart(mart, words) for mart in marts["changed"]]
    lines += [[f"`{name}`", words[kind], "", "", ""] for kind, key in _SETS for name in marts[key]]
    if not lines:
        return [head, words["no_marts"].format(**same)]
    return [head, words["some_marts"].format(**same), _table(words["mart_header"], lines)]


_SETS = (("new", "added"), ("gone", "removed"))


def _mart(mart: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    contract = mart["contract_after"]
    if mart["contract_before"] != contract:
        contract = f"{mart['contract_before']} -> {contract}"
    columns = [words["column_added"].format(column=name) for name in mart["columns_added"]]
    columns += [words["column_removed"].format(column=name) for name in mart["columns_removed"]]
    for change in mart["columns_changed"]:
        facts = {side: words["none"] if change[side] is None else change[side] for side in ("before", "after")}
        columns.append(words["column_changed"].format(column=change["name"], what=change["what"], **facts))
    rows = [f"{mart[side]:,}" for side in ("rows_before", "rows_after")]
    return [f"`{mart['name']}`", *rows, contract, "; ".join(columns)]


def _vintages(found: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    vintages, head = found["vintages"], f"## {words['vintages']}"
    lines = [f"* {sign} `{name}`" for sign, key in (("+", "added"), ("-", "removed")) for name in vintages[key]]
    return [head, "\n".join(lines) or words["no_vintages"]]


def _table(header: str, lines: list[list[str]]) -> str:
    names = header.split(" | ")
    ruled = [names, ["---"] * len(names), *lines]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in ruled)


def _joined(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"
