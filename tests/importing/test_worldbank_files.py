"""The Bank's tables made by hand become the same rows as those of its API, whatever surrounds them."""

from __future__ import annotations

from pathlib import Path

import downloads as d
import pyarrow as pa
import pytest

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources.worldbank_files import READERS

EXPECTED = [("KAZ", 2019, 10.0), ("KAZ", 2021, 12.0), ("UZB", 2019, 20.0), ("UZB", 2020, 21.0), ("UZB", 2021, 22.5)]


def read(path: Path, reader: str, log: StageLog, dataset: str = "worldbank__wdi") -> list[tuple[str, int, float]]:
    file = RawFile(path.name, reader, "", "", 0, "")
    batches = list(READERS[reader](path, file, catalog().dataset(dataset), log))
    if not batches:
        return []
    table = pa.Table.from_batches(batches)
    assert set(table["indicator"].to_pylist()) <= {"SP.POP.TOTL"}
    return sorted(zip(*(table[name].to_pylist() for name in ("iso3", "year", "value")), strict=True))


@pytest.mark.parametrize(
    ("content", "reader"),
    [
        (d.wdi(), "wdi_csv"),
        (d.wdi().replace("\n", "\r\n"), "wdi_csv"),
        (d.wdi(preamble=False), "wdi_csv"),
        (d.wdi(preamble=False, quoted=False), "wdi_csv"),
        (d.gzipped(d.wdi()), "wdi_csv"),
        (d.wdi_zip(), "wdi_zip"),
    ],
    ids=["preamble", "windows line ends", "header first", "no quotes", "gzip", "zip"],
)
def test_every_container_gives_the_same_rows(content: bytes | str, reader: str, tmp_path: Path) -> None:
    log = StageLog()
    assert read(d.put(tmp_path / "x", content), reader, log) == EXPECTED
    assert dict(log.excluded) == {"aggregate": 3, "no_value": 1}


def test_a_workbook_keeps_every_digit(tmp_path: Path) -> None:
    log = StageLog()
    assert read(d.put(tmp_path / "x.xlsx", d.wdi_xlsx()), "wdi_xlsx", log) == [
        ("KAZ", 2019, 10.25),
        ("KAZ", 2021, 12.0),
    ]
    assert dict(log.excluded) == {"aggregate": 3, "no_value": 1}


def test_a_databank_table_is_read_with_its_own_names_and_footer(tmp_path: Path) -> None:
    text = (
        "Country Name,Country Code,Series Name,Series Code,2019 [YR2019],2020 [YR2020]\n"
        'Kazakhstan,KAZ,"Population, total",SP.POP.TOTL,10,..\n\n\n'
        "Data from database: World Development Indicators\nLast Updated: 06/28/2024\n"
    )
    log = StageLog()
    assert read(d.put(tmp_path / "x.csv", text), "wdi_csv", log) == [("KAZ", 2019, 10.0)]
    assert dict(log.excluded) == {"no_value": 1}


def test_series_of_others_are_counted_by_where_they_belong(tmp_path: Path) -> None:
    text = d.wdi() + "".join(d.wdi(code=code).split('2021",\n', 1)[1] for code in ("LP.LPI.OVRL.RK", "XX.NOT.OURS"))
    log = StageLog()
    assert read(d.put(tmp_path / "x.csv", text), "wdi_csv", log) == EXPECTED
    assert log.excluded["indicator_of_another_dataset"] == 8
    assert log.excluded["not_in_catalogue"] == 8


def test_an_unknown_economy_stops_the_reading_and_is_named(tmp_path: Path) -> None:
    path = d.put(tmp_path / "x.csv", d.wdi().replace('"Uzbekistan","UZB"', '"Atlantis","ATL"'))
    with pytest.raises(SourceContractError, match="ATL Atlantis"):
        read(path, "wdi_csv", StageLog())


def test_a_cut_off_download_is_said_to_be_one(tmp_path: Path) -> None:
    path = d.put(tmp_path / "x.csv.gz", d.gzipped(d.wdi() * 100)[:-30])
    with pytest.raises(SourceUnavailable, match="not complete"):
        read(path, "wdi_csv", StageLog())


def test_another_table_is_refused(tmp_path: Path) -> None:
    for reader, content in (("wdi_csv", "a,b\n1,2\n"), ("wdi_zip", d.archive({"a.csv": "a,b\n"}))):
        with pytest.raises(SourceContractError, match="Country Code"):
            read(d.put(tmp_path / "x", content), reader, StageLog())
