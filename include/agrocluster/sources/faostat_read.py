"""Readers of FAOSTAT files: zip or text in, staged batches out, as fast as the machine inflates and parses.

One thread inflates and cuts the text into blocks of whole records, a few parse and map them, batches come out
in the file's order. Memory is a handful of blocks, however long the table. What a dataset takes from its files
(domain, areas, elements, months) stands in its YAML.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from agrocluster.errors import SourceContractError
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import ROOT, catalog
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources.faostat_layout import Layout, read_header
from agrocluster.sources.faostat_parse import (
    Labels,
    Source,
    area_names,
    leading_codes,
    only_lines,
    parse_block,
)
from agrocluster.sources.faostat_rows import (
    OUTSIDE,
    Choice,
    Staged,
    UnknownArea,
    known_areas,
    stage_cells,
)
from agrocluster.sources.parallel import ordered_map
from agrocluster.sources.textblocks import BLOCK, Block, TextBlocks, is_utf8
from agrocluster.sources.textfile import text_pieces
from agrocluster.sources.zipsafe import SafeZip
from agrocluster.transform.countries import faostat_areas
from agrocluster.transform.units import UnitTable

if TYPE_CHECKING:
    from agrocluster.sources.base import Reader

MAPPINGS = ROOT / "mappings"
DATA_MEMBER = "*_All_Data*.csv"
FLAGS_MEMBER = "*_Flags.csv"
LISTS = {"item": "*_ItemCodes.csv", "element": "*_Elements.csv"}
"""Role -> member with its codes and labels, in archives that have one."""


def read_bulk(path: Path, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    """Batches of a bulk zip, long or wide, old or new columns.

    Notes in ``log``: ``flags`` (the archive's own flag list), ``encoding``, ``layout``, ``items_without_fao_code``.
    """
    archive = SafeZip(path, source=spec.source, dataset=spec.dataset)
    member = archive.one(str(spec.params.get("member", DATA_MEMBER)))
    for name in archive.find(FLAGS_MEMBER):
        log.notes["flags"] = {flag.replace("<blank>", ""): text for flag, text in _rows(archive, name)}
    labels = {role: code_list(archive, pattern) for role, pattern in LISTS.items()}
    labels = {role: known for role, known in labels.items() if known}
    yield from read_text(archive.stream(member), member, spec, log, labels=labels)


def read_csv(path: Path, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    """Batches of a table as the FAOSTAT website gives it, plain or gzipped, re-saved by a spreadsheet or not."""
    yield from read_text(text_pieces(path, spec), path.name, spec, log)


def read_text(
    pieces: Iterator[bytes],
    name: str,
    spec: DatasetSpec,
    log: StageLog,
    *,
    labels: Labels | None = None,
    block: int = BLOCK,
) -> Iterator[pa.RecordBatch]:
    """Batches of a FAOSTAT table given as bytes cut anywhere.

    Args:
        name: names the table in errors.
        labels: code lists that came with the table, for ``item`` and ``element``; their labels are not parsed again.
        block: target size of the blocks that are parsed in parallel, in bytes.
    """
    texts = TextBlocks(pieces, name, block)
    blocks = iter(texts)
    first = next(blocks, None)
    layout, rest = _split_header(first, name, spec)
    choice = choice_of(spec)
    source = Source(name, spec.dataset, layout, str(spec.params.get("year_span", "refuse")), labels or {})

    def stage(part: Block) -> Staged:
        try:
            return _stage(part, source, choice)
        except UnknownArea as unknown:
            code = str(unknown)
            names = ", ".join(sorted(area_names(part, source, code))) or "no name"
            raise SourceContractError(
                f"The area {code!r} ({names}) of {name} is in no list of countries or groups.",
                source=spec.source,
                dataset=spec.dataset,
                remedy="Find out whether it is a country or a group and add it to catalog/mappings/faostat_areas.csv.",
            ) from None

    unmapped: set[str] = set()
    parts = (part for part in chain([rest], blocks) if part.data.strip())
    for staged in ordered_map(stage, parts):
        for reason, rows in staged.excluded.items():
            log.exclude(reason, rows)
        for rule, reason, table in staged.rejected:
            log.reject(rule, reason, table)
        unmapped |= staged.unmapped_items
        if staged.batch is not None and staged.batch.num_rows:
            yield staged.batch
    log.notes["encoding"] = texts.encoding
    log.notes["layout"] = "wide" if layout.wide else "long"
    log.notes["items_without_fao_code"] = sorted(unmapped)


def _stage(part: Block, source: Source, choice: Choice) -> Staged:
    outside = 0
    if choice.areas is not None and source.first_is_area and (found := leading_codes(part)):
        codes, starts = found
        areas = known_areas(codes, source.layout, choice)
        wanted = np.array([area.iso3 in choice.areas for area in areas])[codes.index]
        outside = int(np.count_nonzero(~wanted))
        part = only_lines(part, starts, wanted)
    if not part.data:
        return Staged(None, Counter({OUTSIDE: outside}))
    cells, rejected = parse_block(part, source)
    staged = stage_cells(cells, source.layout, choice)
    staged.excluded[OUTSIDE] += outside
    staged.rejected.extend(rejected)
    return staged


@cache
def _mappings() -> tuple[dict[str, str], UnitTable]:
    with (MAPPINGS / "faostat_items.csv").open(encoding="utf-8", newline="") as handle:
        items = {row["cpc"]: row["item_code"] for row in csv.DictReader(handle)}
    return items, UnitTable.load(MAPPINGS / "faostat_units.csv")


def choice_of(spec: DatasetSpec) -> Choice:
    """What the dataset's YAML takes from its files.

    Parameters: ``areas`` (``all`` or ``focus``), ``elements`` and ``items`` (lists of codes, default all),
    ``annual_months`` (codes of the month column that stand for a year).
    """

    def codes(name: str) -> frozenset[str] | None:
        return frozenset(map(str, spec.params[name])) if name in spec.params else None

    focus = spec.params.get("areas", "all") == "focus"
    cpc, units = _mappings()
    return Choice(
        dataset=spec.dataset,
        first_year=spec.first_year,
        last_year=spec.last_year or 9999,
        areas=frozenset(catalog().focus()) if focus else None,
        elements=codes("elements"),
        items=codes("items"),
        annual_months=codes("annual_months") or frozenset(),
        schemes=faostat_areas(MAPPINGS / "faostat_areas.csv"),
        cpc=cpc,
        units=units,
    )


def code_list(archive: SafeZip, pattern: str) -> dict[str, str]:
    """Code -> label from the archive's list of items or elements; empty if it has none or labels a code twice."""
    known: dict[str, str] = {}
    for name in archive.find(pattern):
        for code, label in _rows(archive, name):
            if known.setdefault(code, label) != label:
                return {}
    return known


def _rows(archive: SafeZip, name: str) -> Iterator[tuple[str, str]]:
    """First and last column of a small list inside the archive, header left out."""
    data = archive.read(name)
    text = data.decode("utf-8-sig") if is_utf8(data) else data.decode("cp1252", errors="replace")
    rows = csv.reader(io.StringIO(text))
    next(rows, None)
    yield from ((row[0].strip(), row[-1].strip()) for row in rows if len(row) > 1)


def _split_header(first: Block | None, name: str, spec: DatasetSpec) -> tuple[Layout, Block]:
    if first is None or not first.data.strip():
        raise SourceContractError(
            f"{name} is empty.",
            source=spec.source,
            dataset=spec.dataset,
            remedy="Download it again.",
        )
    line, _, body = first.data.partition(b"\n")
    header = line.decode("utf-8", errors="replace")
    layout = read_header(header, name, spec.dataset)
    return layout, Block(body, first.encoding, first.offset + len(line) + 1)


def _bulk(path: Path, _: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    return read_bulk(path, spec, log)


def _website(path: Path, _: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    return read_csv(path, spec, log)


READERS: dict[str, Reader] = {
    "faostat_bulk_zip": _bulk,
    "faostat_bulk_wide_zip": _bulk,
    "faostat_csv": _website,
}
