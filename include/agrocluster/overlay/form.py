"""The form as the catalogue declares it (``catalog/lifecycle/overlay_form.csv``), and the empty sheet to fill in."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache

from agrocluster.model.loader import catalog, read_csv

COMMENT = "#"
"""First character of lines that explain the sheet; they are not read."""


@dataclass(frozen=True)
class Field:
    """One column of the sheet: what it holds, in both languages, and what the ends of a scale mean."""

    field: str
    kind: str
    required: bool
    en: str
    ru: str
    lowest_en: str
    lowest_ru: str
    highest_en: str
    highest_ru: str


@cache
def fields() -> tuple[Field, ...]:
    """The columns of the form in their order."""
    rows = read_csv(catalog().root / "lifecycle" / "overlay_form.csv").to_pylist()
    return tuple(Field(**{**row, "required": row["required"] == "true"}) for row in rows)


@cache
def codes(kind: str) -> tuple[str, ...]:
    """The codes that a field of this kind may hold; empty for kinds that are not code lists."""
    if kind == "country":
        return catalog().focus()
    if kind == "chain":
        return tuple(_listed("value_chains", "crosswalk.csv", "chain"))
    if kind == "member_types":
        return tuple(_listed("lifecycle", "member_type.csv", "member_type"))
    if kind == "author_role":
        return tuple(_listed("lifecycle", "author_role.csv", "author_role"))
    return ()


def template(separator: str = ",") -> str:
    """An empty sheet: explanations in both languages as comment lines, then the header."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    writer.writerow(
        [f"{COMMENT} Scales run from 0 to 3; leave empty what you do not know. Lines with {COMMENT} are not read."]
    )
    writer.writerow([f"{COMMENT} Шкалы от 0 до 3; неизвестное оставьте пустым. Строки с {COMMENT} не читаются."])
    for of in fields():
        ends = [f"0 = {of.lowest_en}, 3 = {of.highest_en}", f"0 = {of.lowest_ru}, 3 = {of.highest_ru}"]
        needed = ["required", "обязательно"] if of.required else ["", ""]
        writer.writerow([f"{COMMENT} {of.field}", of.en, of.ru, *(ends if of.kind == "scale" else needed)])
    writer.writerow([of.field for of in fields()])
    return out.getvalue()


def _listed(folder: str, file: str, column: str) -> list[str]:
    return list(dict.fromkeys(read_csv(catalog().root / folder / file)[column].to_pylist()))
