"""Real UN Comtrade files: what is staged equals what the plain modules of Python read in the same file.

Each file is read here a second time, row by row and in decimals; nothing of the readers is used.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.real_import import Imported

pytestmark = [pytest.mark.real, pytest.mark.slow]

ANNUAL, MIRROR = "comtrade__annual", "comtrade__mirror"
MONTHLY, MIRROR_MONTHLY = "comtrade__monthly", "comtrade__mirror_monthly"
YEARS = (2010, 2011, 2013, 2014, 2015, 2017, 2018, 2020, 2022)
DATA = {
    **{f"legacy_csv/HS27_{year}_all_reporters.csv.gz": {ANNUAL, MIRROR} for year in (2014, 2016)},
    **{f"legacy_csv/HS44_{year}_all_reporters.csv.gz": {ANNUAL, MIRROR} for year in (2013, 2015, 2017)},
    "legacy_csv/TOTAL_2017_all_reporters_world.csv": {ANNUAL},
    "v1_portal_csv/TradeData_CHN_DEU_USA_TOTAL_2022.csv.gz": {MIRROR},
    "v1_monthly_fish/world_exports_2022.csv.gz": {MONTHLY, MIRROR_MONTHLY},
    **{f"v1_monthly_fish/reporters_{year}.json.gz": {MONTHLY} for year in YEARS},
    **{f"v1_monthly_fish/mirror_{year}.json.gz": {MIRROR_MONTHLY} for year in YEARS},
}
"""Files in which one of the four countries takes part, and the datasets their records belong to."""
NO_RECORD_OF_OURS = {
    "legacy_json/BEEF_BRA_world_2015.json",
    "v1_data/BRA_CHN_soya_2024.json",
    "v1_data/CHN_TOTAL_2010_minified.json",
    "v1_data/CHN_TOTAL_2010_pretty.json",
    "v1_data/bulk_empty_result.json",
}
LISTS = {
    "legacy_reference/classificationH0.json.gz": "products (HS1992)",
    "legacy_reference/classificationH3.json.gz": "products (HS2007)",
    "legacy_reference/classificationH5.json.gz": "products (HS2017)",
    "legacy_reference/classificationHS_AG2.json": "products (HS (as reported))",
    "legacy_reference/partnerAreas.json": "codes",
    "legacy_reference/reporterAreas.json": "codes",
    "v1_data/bulk_file_listing_ARG_1962.json": "bulk files",
    "v1_reference/HS.json.gz": "products (Combined HS)",
    "v1_reference/ModeOfTransportCodes.json": "codes",
    "v1_reference/Reporters.json": "reporters",
    "v1_reference/TradeDataItems.json": "fields of a record",
}

FOUR = {398: "KAZ", 417: "KGZ", 762: "TJK", 860: "UZB"}
OLD_FLOWS = {"1": "M", "2": "X", "3": "RX", "4": "RM"}
EDITIONS = {"H2": "HS02", "H3": "HS07", "H4": "HS12", "H5": "HS17", "H6": "HS22"}
ITALY = {381: 380}
"""Italy's code in old files and its code today."""


@dataclass(frozen=True)
class Row:
    """One record of a file; ``value`` and ``kg`` as decimals, ``kg`` None where it is unknown or 0.

    ``estimation`` is the publisher's old code for what it estimated.
    """

    reporter: int
    partner: int
    flow: str
    period: str
    edition: str
    code: str
    value: Decimal
    kg: Decimal | None
    estimation: int

    @property
    def year(self) -> int:
        return int(self.period[:4])

    @property
    def dataset(self) -> str:
        """The dataset it belongs to, empty if none of the four takes part."""
        monthly = len(self.period) == 6
        if self.reporter in FOUR:
            return MONTHLY if monthly else ANNUAL
        if self.partner in FOUR:
            return MIRROR_MONTHLY if monthly else MIRROR
        return ""

    @property
    def flow_key(self) -> tuple[int, int, str, str, str, str]:
        return (self.reporter, self.partner, self.flow, self.period, EDITIONS[self.edition], self.code)


def decimal(text: object) -> Decimal | None:
    return Decimal(str(text)) if text not in (None, "") else None


def number(text: object) -> Decimal:
    found = decimal(text)
    assert found is not None
    return found


def area(text: object) -> int:
    code = int(str(text))
    return ITALY.get(code, code)


def records(path: Path) -> Iterator[Row]:
    """The records of a file, by the plain modules."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".json" in path.name:
        rows: list[dict[str, Any]] = json.loads(data)["data"]
    else:
        lines = list(csv.reader(data.decode("latin-1").removeprefix("\u00ef\u00bb\u00bf").splitlines()))
        rows = [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]
    for row in rows:
        yield old(row) if "Trade Value (US$)" in row else current(row)


def old(row: dict[str, str]) -> Row:
    kg = decimal(row["Netweight (kg)"])
    return Row(
        area(row["Reporter Code"]),
        area(row["Partner Code"]),
        OLD_FLOWS[row["Trade Flow Code"]],
        row["Period"],
        row["Classification"],
        row["Commodity Code"],
        number(row["Trade Value (US$)"]),
        kg or None,
        int(row["Flag"]),
    )


def current(row: dict[str, Any]) -> Row:
    total = (int(row["partner2Code"]), row["customsCode"], int(row["motCode"]), row["mosCode"].strip())
    assert total == (0, "C00", 0, "0"), "these files hold no breakdown rows"
    return Row(
        area(row["reporterCode"]),
        area(row["partnerCode"]),
        row["flowCode"],
        row["period"],
        row["classificationCode"],
        row["cmdCode"],
        number(row["primaryValue"]),
        decimal(row["netWgt"]) or None,
        int(row["legacyEstimationFlag"]),
    )


@pytest.fixture(scope="module")
def read(real_data: Path) -> dict[str, list[Row]]:
    return {file: list(records(real_data / "comtrade" / file)) for file in DATA}


@pytest.fixture(scope="module")
def codes() -> dict[str, int]:
    """UN Comtrade's codes by the names of our tables, from the catalogue's two lists."""
    root = Path(__file__).resolve().parents[2] / "include" / "agrocluster" / "catalog"
    with (root / "countries.csv").open(encoding="utf-8", newline="") as handle:
        found = {row["iso3"]: int(row["comtrade_code"]) for row in csv.DictReader(handle) if row["comtrade_code"]}
    return {**found, "WLD": 0}


def staged(imported: Imported, file: str, dataset: str, query: str) -> list[tuple[Any, ...]]:
    path = imported.staged(imported.lines(f"comtrade/{file}")[dataset])
    with duckdb.connect() as con:
        return con.execute(query.format(f"read_parquet('{path}')")).fetchall()


def code_of(name: str, codes: dict[str, int]) -> int:
    return int(name[1:]) if re.fullmatch(r"X\d+", name) else codes[name]


PAIRS = [(file, dataset) for file, datasets in DATA.items() for dataset in sorted(datasets)]


def test_every_file_is_what_it_is_said_to_be(imported: Imported) -> None:
    lines: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for line in imported.report.lines:
        if line.file.startswith("comtrade/"):
            lines[line.file.removeprefix("comtrade/")].add((line.state, line.dataset))
    assert lines == {
        **{file: {("data", dataset) for dataset in datasets} for file, datasets in DATA.items()},
        **{file: {("other", "")} for file in NO_RECORD_OF_OURS},
        **{file: {("companion", "")} for file in LISTS},
    }
    named = {line.file.removeprefix("comtrade/"): line.recognised_as for line in imported.report.lines}
    assert {file: named[file] for file in LISTS} == {
        file: f"UN Comtrade list of {what}" for file, what in LISTS.items()
    }


@pytest.mark.parametrize(("file", "dataset"), PAIRS)
def test_every_record_is_staged_or_accounted_for(
    file: str, dataset: str, imported: Imported, read: dict[str, list[Row]]
) -> None:
    line = imported.lines(f"comtrade/{file}")[dataset]
    mine = [row for row in read[file] if row.dataset == dataset]
    assert line.problem == ""
    assert line.rows == len(mine)
    assert line.rows + sum(line.excluded.values()) + line.quarantined == len(read[file])
    left_out = Counter("other" if row.dataset else "none" for row in read[file] if row.dataset != dataset)
    assert line.excluded.get("none of the four countries takes part", 0) == left_out["none"]
    assert line.excluded.get("record of another dataset", 0) == left_out["other"]


@pytest.mark.parametrize(("file", "dataset"), PAIRS)
def test_totals_per_reporter_flow_and_year_are_those_of_the_file(
    file: str, dataset: str, imported: Imported, read: dict[str, list[Row]], codes: dict[str, int]
) -> None:
    totals: dict[tuple[int, str, int], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
    for row in read[file]:
        if row.dataset == dataset:
            entry = totals[row.reporter, row.flow, row.year]
            entry[0] += 1
            entry[1] += row.value
            entry[2] += row.kg or 0
    query = (
        "select reporter, flow, year, count(*), fsum(value_usd), coalesce(fsum(net_kg), 0) from {} "
        "group by reporter, flow, year"
    )
    found = {
        (code_of(r, codes), flow, year): figures for r, flow, year, *figures in staged(imported, file, dataset, query)
    }
    assert set(found) == set(totals)
    for key, figures in found.items():
        assert figures == pytest.approx([float(total) for total in totals[key]], rel=1e-12), key


@pytest.mark.parametrize(("file", "dataset"), PAIRS)
def test_every_value_stands_where_it_was_reported(
    file: str, dataset: str, imported: Imported, read: dict[str, list[Row]], codes: dict[str, int]
) -> None:
    wanted = {
        row.flow_key: (float(row.value), None if row.kg is None else float(row.kg), row.estimation)
        for row in read[file]
        if row.dataset == dataset
    }
    query = "select reporter, partner, flow, period, hs_edition, hs_code, value_usd, net_kg, estimation_flag from {}"
    found = {
        (code_of(reporter, codes), code_of(partner, codes), *rest): (value, kg, estimation)
        for reporter, partner, *rest, value, kg, estimation in staged(imported, file, dataset, query)
    }
    assert found == wanted


def test_the_number_of_records_is_the_one_their_finder_states(real_data: Path, imported: Imported) -> None:
    stated = {}
    for line in (real_data / "SOURCES.md").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\| (comtrade/v1_monthly_fish/\w+_\d{4}\.json\.gz) .*?year \d{4}: (\d+) records", line):
            stated[found[1]] = int(found[2])
    assert len(stated) == 2 * len(YEARS)
    assert {file: imported.line(file).rows for file in stated} == stated


def test_two_files_about_the_same_exports_agree(imported: Imported) -> None:
    for dataset, file in ((MONTHLY, "reporters"), (MIRROR_MONTHLY, "mirror")):
        columns = "select reporter, partner, period, hs_code, value_usd, net_kg, flag from {} where flow = 'X'"
        world = set(staged(imported, "v1_monthly_fish/world_exports_2022.csv.gz", dataset, columns))
        own = set(staged(imported, f"v1_monthly_fish/{file}_2022.json.gz", dataset, columns))
        assert len(own) > 50
        assert own == world
    assert [c for c in imported.report.conflicts if c["dataset"].startswith("comtrade")] == []
