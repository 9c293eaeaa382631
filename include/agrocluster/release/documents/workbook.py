"""``agrocluster.xlsx``: the small marts as sheets, behind a cover that says what they are and how to cite them."""

from __future__ import annotations

from typing import Any

from agrocluster.release.documents import xlsx
from agrocluster.release.documents.extracts import ORIGIN, chosen, origin
from agrocluster.release.documents.folder import Folder
from agrocluster.release.documents.origin import sources

NAME = "agrocluster.xlsx"
WIDTHS = {"string": 18.0}
"""Width of a column by its type; of all others OTHER."""
OTHER = 13.0


def write(folder: Folder) -> None:
    """Write the workbook."""
    manifest = folder.manifest
    marts = [mart for extract, mart in chosen(folder) if extract.sheet]
    sheets = [_cover(manifest, marts), _columns(marts), *(_mart(folder, mart) for mart in marts)]
    title = f"agrocluster {manifest['release']} {manifest['label']}".rstrip()
    folder.add(
        NAME, xlsx.workbook(sheets, title), "Small marts as one workbook, with cover and meaning of the columns",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )  # fmt: skip


def _cover(manifest: dict[str, Any], marts: list[dict[str, Any]]) -> xlsx.Sheet:
    release = manifest["release"]
    told: list[tuple[str, ...]] = [
        ("Release / Выпуск", release),
        ("Data mode / Режим данных", manifest["data_mode"]),
        (
            "Cite as / Цитировать как",
            f"agrocluster {manifest['version']}, release {release}. Cluster-potential baselines for Central Asia.",
        ),
        ("Missing / Пропуски", "An empty cell is unknown, never zero. / Пустая ячейка - неизвестно, а не ноль."),
        *(("Source / Источник", source.attribution) for source in sources(manifest)),
    ]
    listed = [
        (m["name"], m["title_en"], m["title_ru"], f"{m['licence']}, {m['redistribution']}", m["rows"]) for m in marts
    ]
    rows = [xlsx.row([manifest["label"]], xlsx.WARNED)] if manifest["label"] else []
    rows += [xlsx.row(line) for line in told]
    rows += [xlsx.row([""]), xlsx.row(["Sheet", "Title", "Название", "Licence, redistribution", "Rows"], xlsx.BOLD)]
    rows += [xlsx.row(line) for line in listed]
    return xlsx.Sheet("about", b"".join(rows), header=False, widths=(30, 50, 50, 26, 10))


def _columns(marts: list[dict[str, Any]]) -> xlsx.Sheet:
    rows = [xlsx.row(["sheet", "column", "type", "unit", "key", "meaning", "смысл"], xlsx.BOLD)]
    for mart in marts:
        for c in mart["columns"]:
            key = "key" if c["name"] in mart["key"] else ""
            told = (c["unit"] or "", key, c["description_en"], c["description_ru"])
            rows.append(xlsx.row([mart["name"], c["name"], c["type"], *told]))
    return xlsx.Sheet("columns", b"".join(rows), widths=(30, 24, 10, 12, 6, 80, 80))


def _mart(folder: Folder, mart: dict[str, Any]) -> xlsx.Sheet:
    columns = [(c["name"], c["type"]) for c in mart["columns"]] + [(name, "string") for name in ORIGIN]
    query = f'SELECT *, {", ".join(origin(folder.manifest))} FROM "{mart["name"]}"'
    rows = folder.con.sql(f"SELECT {xlsx.row_sql(columns)} FROM ({query})").fetchall() if mart["rows"] else []
    head = xlsx.row([name for name, _ in columns], xlsx.BOLD)
    return xlsx.Sheet(
        mart["name"],
        head + "".join(xml for (xml,) in rows).encode(),
        comments=[_comment(column) for column in mart["columns"]],
        print_head=folder.manifest["label"],
        widths=[WIDTHS.get(kind, OTHER) for _, kind in columns],
    )


def _comment(column: dict[str, Any]) -> str:
    unit = f" [{column['unit']}]" if column["unit"] else ""
    return f"{column['description_en']}{unit}\n{column['description_ru']}"
