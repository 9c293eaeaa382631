"""What the FAOSTAT reader promises beyond the golden cases: loud errors, one result for any chunking, YAML only."""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import ROOT, catalog
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources.faostat import read_bulk, read_csv, read_text
from agrocluster.sources.faostat_read import MAPPINGS
from agrocluster.sources.registry import reader

HEADER = "Area Code,Area,Item Code,Item,Element Code,Element,Year Code,Year,Unit,Value,Flag\n"
QCL = "faostat__qcl"


def row(area="108", name="Kazakhstan", element="5510", year="2020", unit="t", value="1", flag="A", item="Wheat") -> str:
    return f'"{area}","{name}","15","{item}","{element}","Production","{year}","{year}","{unit}","{value}","{flag}"\n'


def spec(**params: Any) -> DatasetSpec:
    base = catalog().dataset(QCL)
    return base.model_copy(update={"params": {**base.params, **params}})


def read(
    text: str | bytes, log: StageLog | None = None, chosen: DatasetSpec | None = None, **options: Any
) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    piece = options.pop("piece", len(data) or 1)
    pieces = (data[start : start + piece] for start in range(0, len(data), piece))
    batches = read_text(pieces, "t.csv", chosen or spec(), log or StageLog(), **options)
    return [r for batch in batches for r in batch.to_pylist()]


def test_an_unknown_area_is_named_with_the_file_to_change():
    with pytest.raises(SourceContractError, match=r"'777' \(Atlantis\).*faostat_areas\.csv"):
        read(HEADER + row() + row(area="777", name="Atlantis"))


def test_an_unknown_unit_is_named_with_its_element():
    with pytest.raises(SourceContractError, match=r"unit 'bushels' of element 5510 \(Production\).*faostat_units\.csv"):
        read(HEADER + row(unit="bushels"))


def test_a_renamed_column_is_named_with_the_header():
    with pytest.raises(SourceContractError, match=r"lacks the column\(s\) Element Code; its header is: Area Code,"):
        read((HEADER + row()).replace("Element Code", "Indicator Code"))


def test_a_span_of_years_is_refused_unless_the_dataset_says_how_to_read_it():
    text = HEADER + row(year="20002002")
    with pytest.raises(SourceContractError, match="span of years 20002002"):
        read(text)
    assert [r["year"] for r in read(text, chosen=spec(year_span="last"))] == [2002]


def test_an_empty_file_is_an_error():
    with pytest.raises(SourceContractError, match="is empty"):
        read("")


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(SourceContractError, match=r"Windows-1252, but its bytes at position \d+ \(8d"):
        read((HEADER + row(item="Caf\xe9")).encode("cp1252") + row(item="x").encode().replace(b"x", b"\x8d"))


def test_a_damaged_gzip_file_may_heal(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress((HEADER + row() * 5000).encode())[:-20])
    with pytest.raises(SourceUnavailable, match=r"a\.csv\.gz is not complete"):
        list(read_csv(path, spec(), StageLog()))


def test_an_archive_without_data_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("X_E_Flags.csv", "Flag,Description\n")
    with pytest.raises(SourceContractError, match=r"holds 0 members like .*All_Data"):
        list(read_bulk(tmp_path / "a.zip", spec(), StageLog()))


def test_what_a_dataset_takes_is_counted_when_left_out():
    log = StageLog()
    text = HEADER + row() + row(area="21", name="Brazil") + row(element="5312", unit="ha") + row(year="1950")
    rows = read(text, log, spec(areas="focus", elements=["5510"]))
    assert [(r["iso3"], r["year"]) for r in rows] == [("KAZ", 2020)]
    assert log.excluded == {
        "country not asked for": 1,
        "element not asked for": 1,
        "year outside the dataset": 1,
    }


def test_areas_can_be_chosen_without_reading_the_rest_of_their_rows():
    log = StageLog()
    text = HEADER + row(area="21", name="Brazil") * 300 + row() + row(area="21", name="Brazil") * 300
    assert len(read(text, log, spec(areas="focus"), block=2000, piece=500)) == 1
    assert log.excluded == {"country not asked for": 600}
    with pytest.raises(SourceContractError, match="Atlantis"):
        read(HEADER + row(area="777", name="Atlantis"), chosen=spec(areas="focus"))


@pytest.mark.parametrize("quoted", [True, False])
def test_choosing_countries_gives_the_rows_that_reading_all_gives(quoted):
    areas = [("108", "Kazakhstan"), ("21", "Brazil"), ("5000", "World"), ("113", "Kyrgyzstan"), ("1", "Armenia")]
    odd = 'two ""quoted"",\n""108"",\nlines' if quoted else "Wheat"
    lines = [row(*areas[n * n % 5], value=str(n), item=odd if n % 7 == 0 else "Wheat") for n in range(200)]
    text = HEADER + "".join(lines if quoted else [line.replace('"', "") for line in lines])
    log = StageLog()
    chosen = read(text, log, spec(areas="focus"), block=700, piece=90)
    assert chosen == [r for r in read(text) if r["iso3"] in catalog().focus()]
    assert len(chosen) + sum(log.excluded.values()) == 200


VALUE = st.one_of(st.just(""), st.decimals(0, 10**9, places=3).map(str))
RECORD = st.tuples(
    st.sampled_from([("108", "Kazakhstan"), ("107", "Côte d'Ivoire"), ("5000", "World"), ("113", "Kyrgyzstan")]),
    st.sampled_from(["Wheat", 'a "b", c;', "two\nlines", "Maté"]),
    st.sampled_from([("5510", "t"), ("5111", "An"), ("5417", "hg/An")]),
    st.integers(1961, 2024),
    VALUE,
    st.sampled_from(["A", "", "M"]),
)


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(RECORD, min_size=1, max_size=60),
    piece=st.integers(7, 400),
    block=st.integers(100, 3000),
    windows=st.booleans(),
)
def test_any_chunking_and_encoding_gives_the_same_rows_in_the_same_order(records, piece, block, windows):
    lines = [
        row(area[0], area[1], element, str(year), unit, value, flag, item.replace('"', '""'))
        for area, item, (element, unit), year, value, flag in records
    ]
    text = HEADER + "".join(lines)
    whole, parts = StageLog(), StageLog()
    expected = read(text, whole)
    assert read(text.encode("cp1252" if windows else "utf-8"), parts, piece=piece, block=block) == expected
    assert parts.excluded == whole.excluded
    assert len(expected) + sum(whole.excluded.values()) == len(records)


def test_the_first_error_reaches_the_caller_and_no_thread_stays(tmp_path):
    import threading

    before = threading.active_count()
    text = HEADER + row() * 3000 + row(area="777", name="Atlantis") + row() * 3000
    with pytest.raises(SourceContractError, match="Atlantis"):
        read(text, piece=1000, block=4000)
    rows: Iterator[pa.RecordBatch] = read_text(
        iter([(HEADER + row() * 9000).encode()]), "t", spec(), StageLog(), block=999
    )
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def archive(path: Path, text: str, **lists: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("P_E_All_Data_(Normalized).csv", text)
        for name, content in lists.items():
            made.writestr(f"P_E_{name}.csv", content)
    return path


def bulk(path: Path, log: StageLog | None = None) -> list[dict[str, Any]]:
    return [r for batch in read_bulk(path, spec(), log or StageLog()) for r in batch.to_pylist()]


def test_the_flag_list_of_an_archive_is_kept_whatever_its_age(tmp_path):
    log = StageLog()
    bulk(
        archive(
            tmp_path / "a.zip", HEADER + row(), Flags="Flag,Description\r\n<blank>,Official data\r\nNR,Not reported\r\n"
        ),
        log,
    )
    assert log.notes["flags"] == {"": "Official data", "NR": "Not reported"}


@pytest.mark.parametrize(
    "items",
    [
        "Item Code,CPC Code,Item\n15,'0111,Wheat\n",
        "Item Code,CPC Code,Item\n16,'0112,Maize\n",
        "Item Code,CPC Code,Item\n15,'0111,Wheat\n15,'0111,Wheats\n",
        "Item Code,CPC Code,Item\n",
    ],
    ids=["complete", "lacks a code", "contradicts itself", "empty"],
)
def test_the_code_lists_of_an_archive_save_work_and_change_nothing(tmp_path, items):
    text = HEADER + row() + row(element="5312", unit="ha")
    elements = "Element Code,Element\n5510,Production\n5312,Production\n"
    with_lists = bulk(archive(tmp_path / "a.zip", text, ItemCodes=items, Elements=elements))
    assert with_lists == bulk(archive(tmp_path / "b.zip", text))


def test_a_new_domain_needs_a_dataset_file_and_nothing_else(tmp_path):
    new = DatasetSpec.model_validate(
        {
            **catalog().dataset(QCL).model_dump(),
            "id": "faostat__scl",
            "dataset": "scl",
            "params": {"domain": "SCL", "areas": "all"},
        }
    )
    path = tmp_path / "scl.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("SUA_Crops_Livestock_E_All_Data_(Normalized).csv", HEADER + row(element="5023", value="2.5"))
    file = RawFile("scl.zip", "faostat_bulk_zip", "file:scl.zip", "", 0, "2026-01-01T00:00:00Z")
    (batch,) = reader(file.format)(path, file, new, StageLog())
    assert batch.to_pylist()[0]["element_code"] == "5023"
    assert batch.to_pylist()[0]["value"] == 2.5


def rows_of(name: str) -> list[dict[str, str]]:
    with (MAPPINGS / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_country_of_the_catalogue_with_a_fao_code_is_mapped_and_no_code_twice():
    areas = rows_of("faostat_areas.csv")
    by_code = {r["fao_code"]: r for r in areas}
    for iso3, country in catalog().countries.items():
        if country.fao_code:
            assert by_code[str(country.fao_code)]["iso3"] == iso3
            assert by_code[str(country.fao_code)]["m49"] == f"{country.m49:03d}"
    for column in ("fao_code", "m49", "iso3"):
        filled = [r[column] for r in areas if r[column]]
        assert len(filled) == len(set(filled))
    assert {r["iso3"] for r in areas if r["kind"] == "country"} <= set(catalog().countries)
    assert all(bool(r["iso3"]) == (r["kind"] == "country") for r in areas)


def test_item_codes_agree_with_the_crosswalk_and_lost_zeros_are_unambiguous():
    items = {r["cpc"]: r["item_code"] for r in rows_of("faostat_items.csv")}
    with (ROOT / "value_chains" / "crosswalk.csv").open(encoding="utf-8", newline="") as handle:
        for line in csv.DictReader(handle):
            notes = dict(part.split("=", 1) for part in line["note"].split(";") if "=" in part)
            cpc = notes.get("cpc", "")
            if line["system"] == "FAO" and cpc and not cpc.startswith("F"):
                assert items[cpc] == line["code"]
    assert not [cpc for cpc in items if f"0{cpc}" in items]


def test_dataset_files_are_the_only_place_that_names_a_domain():
    sources = Path(read_bulk.__code__.co_filename).parent
    code = "".join(path.read_text(encoding="utf-8") for path in sources.glob("faostat*.py"))
    domains = [d.params["domain"] for d in catalog().datasets.values() if d.adapter == "faostat"]
    assert len(domains) >= 7
    assert not [domain for domain in domains if f'"{domain}"' in code]
