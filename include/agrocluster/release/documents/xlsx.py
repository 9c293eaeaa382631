"""A workbook in Office Open XML with the same bytes for the same cells.

It writes what an extract needs and nothing more: text, numbers, dates, a bold frozen header with comments. Texts are
inline strings, which no spreadsheet takes for formulas. The rows of a sheet are XML already, made by DuckDB
(``row_sql``), because spelling out a million cells in Python takes ten times as long.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from xml.sax.saxutils import quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARTS = "http://schemas.openxmlformats.org/package/2006/relationships"
KINDS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
PLAIN, BOLD, WARNED, DATE = range(4)
"""Styles of cells."""
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="3"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="14"/><color rgb="FFB3261E"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4">'
    '<xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/><xf xfId="0" fontId="2" applyFont="1"/>'
    '<xf xfId="0" numFmtId="164" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
NUMBER = ("<c><v>", "</v></c>")
CELLS = {
    "string": ('<c t="inlineStr"><is><t>', "</t></is></c>"),
    "bool": ('<c t="b"><v>', "</v></c>"),
    "date32": (f'<c s="{DATE}"><v>', "</v></c>"),
}
"""What stands around a value of a type; of all others NUMBER."""
EMPTY = [f"{begin}{end}".encode() for begin, end in (*CELLS.values(), NUMBER)]
"""Cells without a value."""
_CONTROLS = bytes(0x20 if n < 0x20 and n not in b"\t\n\r" else n for n in range(256))
"""Characters that XML cannot hold become blanks."""
_FIXED = (1980, 1, 1, 0, 0, 0)
"""Time of every part: the earliest a ZIP archive can name."""


@dataclass(frozen=True)
class Sheet:
    """A sheet.

    Attributes:
        rows: XML of its rows (UTF-8), the first of them the header, if there is one.
        comments: of the cells of the first row, by column.
        header: whether the first row stays in sight.
        print_head: what stands above every printed page.
        widths: of the columns, in characters.
    """

    name: str
    rows: bytes
    comments: Sequence[str] = field(default=())
    header: bool = True
    print_head: str = ""
    widths: Sequence[float] = field(default=())


def row(cells: Sequence[str | float], style: int = PLAIN) -> bytes:
    """XML of one row of texts and numbers."""
    return f"<row>{''.join(_cell(cell, style) for cell in cells)}</row>".encode()


def row_sql(columns: Sequence[tuple[str, str]]) -> str:
    """SQL expression of the XML of a row; ``columns`` are name and type as contracts name it.

    A missing value leaves its cell without content; ``_sheet`` makes an empty cell of it.
    """
    cells = (part for name, kind in columns for part in _cell_sql(f'"{name}"', kind))
    return f"concat('<row>', {', '.join(cells)}, '</row>')"


def workbook(sheets: Sequence[Sheet], title: str) -> bytes:
    """The file with ``sheets`` in their order."""
    numbered = list(enumerate(sheets, 1))
    noted = [n for n, sheet in numbered if sheet.comments]
    parts = {
        "[Content_Types].xml": _content_types(len(sheets), noted),
        "_rels/.rels": _relations(
            [(f"{LINKS}/officeDocument", "xl/workbook.xml"), (f"{PARTS}/metadata/core-properties", "docProps/core.xml")]
        ),
        "docProps/core.xml": (
            '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title></cp:coreProperties>'
        ),
        "xl/workbook.xml": _book(numbered),
        "xl/_rels/workbook.xml.rels": _relations(
            [(f"{LINKS}/worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbered]
            + [(f"{LINKS}/styles", "styles.xml")]
        ),
        "xl/styles.xml": STYLES,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            _put(archive, name, (HEAD + text).encode())
        for n, sheet in numbered:
            _put(archive, f"xl/worksheets/sheet{n}.xml", _sheet(sheet))
            if sheet.comments:
                links = [
                    (f"{LINKS}/comments", f"../comments{n}.xml"),
                    (f"{LINKS}/vmlDrawing", f"../drawings/note{n}.vml"),
                ]
                _put(archive, f"xl/worksheets/_rels/sheet{n}.xml.rels", (HEAD + _relations(links)).encode())
                _put(archive, f"xl/comments{n}.xml", (HEAD + _comments(sheet.comments)).encode())
                _put(archive, f"xl/drawings/note{n}.vml", _notes(len(sheet.comments)).encode())
    return out.getvalue()


def _cell(value: str | float, style: int) -> str:
    mark = f' s="{style}"' if style else ""
    if isinstance(value, str):
        return f'<c{mark} t="inlineStr"><is><t>{escape(value, quote=False)}</t></is></c>'
    return f"<c{mark}><v>{value}</v></c>"


def _cell_sql(column: str, kind: str) -> tuple[str, str, str]:
    begin, end = CELLS.get(kind, NUMBER)
    text = {
        "string": f"replace(replace(replace({column}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')",
        "bool": f"{column}::TINYINT",
        "date32": f"{column} - DATE '1899-12-30'",
        "float64": f"CASE WHEN isfinite({column}) THEN {column} END",
    }.get(kind, column)
    return f"'{begin}'", text, f"'{end}'"


def _sheet(sheet: Sheet) -> bytes:
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' if sheet.header else ""
    view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    columns = "".join(
        f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>' for n, width in enumerate(sheet.widths, 1)
    )
    columns = f"<cols>{columns}</cols>" if columns else ""
    head = (
        f"<headerFooter><oddHeader>&amp;C{escape(sheet.print_head)}</oddHeader></headerFooter>"
        if sheet.print_head
        else ""
    )
    drawing = '<legacyDrawing r:id="rId2"/>' if sheet.comments else ""
    start = f'{HEAD}<worksheet xmlns="{MAIN}" xmlns:r="{LINKS}">{view}{columns}<sheetData>'
    rows = sheet.rows.translate(_CONTROLS).replace(b"\xef\xbf\xbe", b" ").replace(b"\xef\xbf\xbf", b" ")
    for cell in EMPTY:
        rows = rows.replace(cell, b"<c/>")
    return start.encode() + rows + f"</sheetData>{head}{drawing}</worksheet>".encode()


def _book(sheets: Sequence[tuple[int, Sheet]]) -> str:
    listed = "".join(f'<sheet name={quoteattr(s.name)} sheetId="{n}" r:id="rId{n}"/>' for n, s in sheets)
    return f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>{listed}</sheets></workbook>'


def _relations(links: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{kind}" Target="{target}"/>' for n, (kind, target) in enumerate(links, 1)
    )
    return f'<Relationships xmlns="{PARTS}">{listed}</Relationships>'


def _content_types(count: int, noted: Sequence[int]) -> str:
    parts = {"/xl/workbook.xml": f"{KINDS}.sheet.main+xml", "/xl/styles.xml": f"{KINDS}.styles+xml"}
    parts |= {"/docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml"}
    parts |= {f"/xl/worksheets/sheet{n}.xml": f"{KINDS}.worksheet+xml" for n in range(1, count + 1)}
    parts |= {f"/xl/comments{n}.xml": f"{KINDS}.comments+xml" for n in noted}
    listed = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in parts.items())
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="vml" ContentType="application/vnd.openxmlformats-officedocument.vmlDrawing"/>'
        f"{listed}</Types>"
    )


def _letters(column: int) -> str:
    """A, B ... AA: the name of the column with this number, counted from 0."""
    name, left = "", column + 1
    while left:
        left, digit = divmod(left - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def _comments(texts: Sequence[str]) -> str:
    listed = "".join(
        f'<comment ref="{_letters(n)}1" authorId="0"><text><t xml:space="preserve">{escape(text, quote=False)}'
        "</t></text></comment>"
        for n, text in enumerate(texts)
    )
    return (
        f'<comments xmlns="{MAIN}"><authors><author>agrocluster</author></authors>'
        f"<commentList>{listed}</commentList></comments>"
    )


def _notes(count: int) -> str:
    """The boxes that comments appear in; Excel shows no comment without its box."""
    shapes = "".join(
        f'<v:shape id="_x0000_s{1025 + n}" type="#_x0000_t202" style="position:absolute;visibility:hidden;width:240pt;'
        'height:90pt" fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/><x:ClientData ObjectType="Note">'
        f"<x:MoveWithCells/><x:SizeWithCells/><x:AutoFill>False</x:AutoFill><x:Row>0</x:Row><x:Column>{n}</x:Column>"
        "</x:ClientData></v:shape>"
        for n in range(count)
    )
    return (
        '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
        'xmlns:x="urn:schemas-microsoft-com:office:excel"><v:shapetype id="_x0000_t202" coordsize="21600,21600" '
        f'o:spt="202" path="m,l,21600r21600,l21600,xe"/>{shapes}</xml>'
    )


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _FIXED)
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
    archive.writestr(entry, content, compresslevel=1)
