"""The World Bank emulator list, item by item."""

from __future__ import annotations

import pytest

LABEL = "SAMPLE DATA - NOT REAL STATISTICS"
DATA = "/worldbank/v2/country/{}/indicator/{}?format=json"


def test_envelope_and_row_have_the_documented_keys(get):
    head, rows = get(DATA.format("KAZ", "SP.POP.TOTL") + "&date=2020:2024").json()
    assert head == {
        "page": 1, "pages": 1, "per_page": 50, "total": 5, "sourceid": "2", "lastupdated": "2026-07-13",
    }  # fmt: skip
    assert [row["date"] for row in rows] == ["2024", "2023", "2022", "2021", "2020"]
    first = rows[0]
    assert list(first) == [
        "indicator", "country", "countryiso3code", "date", "value", "unit", "obs_status", "decimal",
    ]  # fmt: skip
    assert first["country"] == {"id": "KZ", "value": "Kazakhstan"}
    assert first["countryiso3code"] == "KAZ"
    assert isinstance(first["value"], int)
    assert LABEL in first["indicator"]["value"]


def test_every_answer_is_marked_and_dated(get):
    answer = get("/worldbank/v2/sources?format=json")
    assert answer.headers["X-Sample-Data"] == "true"
    assert answer.headers["Date"] == "Tue, 01 Sep 2026 06:00:00 GMT"


def test_xml_is_the_default_and_starts_with_a_bom(get):
    answer = get("/worldbank/v2/country/KAZ/indicator/SP.POP.TOTL")
    assert answer.headers["content-type"].startswith("text/xml")
    assert answer.content.startswith(b"\xef\xbb\xbf<?xml")


@pytest.mark.parametrize("codes", ["KAZ;XYZ", "TWN", "KAZ;TWN"])
def test_one_bad_economy_fails_the_whole_list(get, codes):
    answer = get(DATA.format(codes, "SP.POP.TOTL"))
    assert answer.status_code == 200
    assert answer.json() == [
        {"message": [{"id": "120", "key": "Invalid value", "value": "The provided parameter value is not valid"}]}
    ]


@pytest.mark.parametrize("code", ["IC.BUS.EASE.XQ", "CC.EST", "IC.SME.TOTL", "AG.LND.TRAC.ZS"])
def test_archived_series_answer_175_while_their_metadata_resolve(get, code):
    answer = get(DATA.format("KAZ", code))
    assert answer.status_code == 200
    message = answer.json()[0]["message"][0]
    assert (message["id"], message["key"]) == ("175", "Invalid format")
    meta = get(f"/worldbank/v2/indicator/{code}?format=json").json()[1][0]
    assert meta["id"] == code
    assert meta["sourceNote"].startswith(LABEL)


def test_one_archived_series_fails_the_whole_list(get):
    answer = get(DATA.format("KAZ", "SP.POP.TOTL;IC.BUS.EASE.XQ") + "&source=2").json()
    assert answer[0]["message"][0]["id"] == "175"


@pytest.mark.parametrize("code", ["IC.BUS.NREG.FE.ZS", "IC.CRED.INFO.XQ", "fin17a.t.a", "NO.SUCH"])
def test_unknown_series_answer_120(get, code):
    assert get(DATA.format("KAZ", code)).json()[0]["message"][0]["id"] == "120"


def test_several_indicators_need_a_source_and_come_in_one_list(get):
    both = DATA.format("KAZ;KGZ", "SP.POP.TOTL;NY.GDP.MKTP.CD") + "&date=2022:2023"
    assert get(both).json()[0]["message"][0]["id"] == "120"
    head, rows = get(both + "&source=2").json()
    assert head["total"] == 8
    assert head["per_page"] == "50"
    assert {row["indicator"]["id"] for row in rows} == {"SP.POP.TOTL", "NY.GDP.MKTP.CD"}


def test_limits_of_sixty_indicators_and_fifteen_hundred_characters(get):
    many = ";".join(f"GOV_WGI_CC.{n}" for n in range(61))
    assert get(DATA.format("KAZ", many) + "&source=3").json()[0]["message"][0]["id"] == "120"
    assert get(DATA.format("KAZ", "A" * 1501)).status_code == 400


def test_pages_and_the_page_past_the_end(get):
    path = DATA.format("all", "SP.POP.TOTL") + "&date=2024&per_page=20"
    head, rows = get(path + "&page=5").json()
    assert (head["total"], head["pages"], len(rows)) == (100, 5, 20)
    head, rows = get(path + "&page=9").json()
    assert rows == []
    assert head["pages"] == 2  # counted again with the default page size: wrong, as in the original


def test_no_match_has_a_null_second_element(get):
    head, rows = get(DATA.format("KAZ", "SP.POP.TOTL") + "&date=1901").json()
    assert rows is None
    assert head["total"] == 0


def test_years_without_values_are_rows_with_null(get):
    _, rows = get(DATA.format("KAZ", "IC.FRM.BNKS.ZS") + "&date=2012:2024").json()
    assert len(rows) == 13
    assert {row["date"] for row in rows if row["value"] is not None} == {"2013", "2019", "2024"}
    _, rows = get(DATA.format("UZB", "LP.LPI.OVRL.XQ") + "&date=2012:2024").json()
    assert {row["date"] for row in rows if row["value"] is not None} == {"2012", "2014", "2016", "2018", "2023"}
    _, rows = get(DATA.format("TJK", "fin42.t.d") + "&date=2012:2024&source=28").json()
    assert {row["date"] for row in rows if row["value"] is not None} == {"2014", "2017", "2021", "2024"}


def test_iso2_codes_aggregates_and_empty_iso3(get):
    _, rows = get(DATA.format("KZ;1W;ECS", "SP.POP.TOTL") + "&date=2024").json()
    assert [row["country"]["id"] for row in rows] == ["KZ", "1W", "Z7"]
    _, rows = get(DATA.format("all", "SP.POP.TOTL") + "&date=2024&per_page=200").json()
    empty = {row["country"]["id"] for row in rows if not row["countryiso3code"]}
    assert empty == {"XM", "XN", "XT", "XD"}
    _, rows = get(DATA.format("KAZ", "LP.LPI.OVRL.RK") + "&date=2018&source=66").json()
    assert rows[0]["countryiso3code"] == ""


def test_lastupdated_belongs_to_the_source(get):
    dates = {
        get(DATA.format("KAZ", code) + f"&source={source}&date=2018").json()[0]["lastupdated"]
        for code, source in (("SP.POP.TOTL", 2), ("GOV_WGI_GE.EST", 3), ("LP.LPI.OVRL.RK", 66))
    }
    assert len(dates) == 3


def test_listings(get):
    head, rows = get("/worldbank/v2/country?format=json&per_page=400").json()
    assert head["per_page"] == "400"
    assert "sourceid" not in head
    names = [row["name"] for row in rows]
    assert names == sorted(names)
    four = {row["id"]: row for row in rows if row["id"] in ("KAZ", "KGZ", "TJK", "UZB")}
    assert {row["region"]["value"] for row in four.values()} == {"Europe & Central Asia"}
    assert four["UZB"]["lendingType"]["value"] == "Blend"
    assert four["KGZ"]["name"] == "Kyrgyz Republic"
    assert get("/worldbank/v2/sources?format=json").json()[0]["total"] == 6
    series = get("/worldbank/v2/sources/3/indicators?format=json&per_page=100").json()[1]
    assert len(series) == 36


def test_recent_values(get):
    _, rows = get(DATA.format("KAZ", "LP.LPI.OVRL.XQ") + "&mrnev=2").json()
    assert [row["date"] for row in rows] == ["2023", "2018"]


def test_unknown_resource_is_404(get):
    assert get("/worldbank/v2/nothing/here?format=json").status_code == 404
