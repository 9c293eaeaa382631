"""UN Comtrade's own lists against the catalogue: nothing unknown, the same history, differences told in sentences."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from agrocluster.errors import SourceContractError
from agrocluster.model.loader import catalog, read_csv
from agrocluster.sources.comtrade_areas import areas
from agrocluster.sources.comtrade_reference import codes_of, compare


def entry(code: int, iso3: str = "", ended: str = "") -> dict[str, Any]:
    found = {"id": code, "text": f"Area {code}", "entryEffectiveDate": "1900-01-01T00:00:00"}
    found |= {"reporterCodeIsoAlpha3": iso3} if iso3 else {}
    return found | ({"entryExpiredDate": f"{ended}T00:00:00"} if ended else {})


def test_an_area_that_the_catalogue_does_not_know_is_named_with_a_remedy():
    with pytest.raises(SourceContractError, match=r"Reporters.json lists 2 area.*555 \(Area 555\), 556") as caught:
        compare([entry(398), entry(556), entry(555)], "Reporters.json")
    assert "comtrade_areas.csv" in str(caught.value)


def test_differences_of_history_and_code_are_told():
    told = compare([entry(398, "KAZ"), entry(842, "USB"), entry(891, "SCG", "2007-01-01"), entry(58, "BEL")], "x")
    assert told == [
        "842 (Area 842) is USB, in the catalogue USA.",
        "891 (Area 891) ends on 2007-01-01, in the catalogue on 2006-05-31.",
        "58 (Area 58) ends on no date, in the catalogue on 1998-12-31.",
    ]


def test_lists_without_dates_say_nothing_about_history():
    assert (
        compare([{"id": "all", "text": "All"}, {"id": "58", "text": "Belgium-Luxembourg"}], "partnerAreas.json") == []
    )


def test_the_catalogue_has_every_area_once_and_dates_in_order():
    rows = read_csv(catalog().root / "mappings" / "comtrade_areas.csv").to_pylist()
    codes = [row["code"] for row in rows]
    assert len(codes) == len(set(codes))
    own = {str(c.comtrade_code) for c in catalog().countries.values()}
    assert not own & set(codes), "a country's own code stands in countries.csv"
    assert all(row["valid_to"] for row in rows if row["kind"] == "former")
    assert not [row for row in rows if row["valid_from"] and row["valid_to"] and row["valid_from"] > row["valid_to"]]
    known = dict(zip(areas().codes.tolist(), areas().names, strict=True))
    special = {0: "WLD", 842: "USA", 251: "FRA", 699: "IND", 757: "CHE", 579: "NOR", 490: "TWN", 380: "ITA"}
    assert {code: known[code] for code in special} == special
    assert (known[58], known[711], known[899]) == ("X58", "X711", "X899")


@pytest.mark.real
def test_the_published_lists_hold_nothing_unknown_and_the_same_history(real_data):
    folder = real_data / "comtrade"
    for name in (
        "v1_reference/Reporters.json",
        "legacy_reference/partnerAreas.json",
        "legacy_reference/reporterAreas.json",
    ):
        listed = json.loads((folder / name).read_text(encoding="utf-8-sig"))["results"]
        assert compare(listed, name) == []


@pytest.mark.real
def test_a_published_list_of_products_gives_every_code_of_a_level(real_data):
    packed = gzip.decompress((real_data / "comtrade" / "v1_reference" / "HS.json.gz").read_bytes())
    listed = json.loads(packed.decode("utf-8-sig"))["results"]
    counted = {level: len(codes_of(listed, level)) for level in ("AG2", "AG4", "AG6")}
    assert counted == {
        level: sum(e["aggrLevel"] == digits for e in listed) for level, digits in (("AG2", 2), ("AG4", 4), ("AG6", 6))
    }
