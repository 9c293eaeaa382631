"""The CEPII contract: item page, archive, codes, the two spellings of a missing quantity."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
import requests

PATH = "/cepii/DATA_DOWNLOAD/baci/data/BACI_HS12_{}.zip"


@pytest.fixture(scope="module")
def baci(sample_server):
    return zipfile.ZipFile(io.BytesIO(requests.get(sample_server.url + PATH.format("V202601"), timeout=60).content))


def test_item_page_names_the_current_version(get):
    page = get("/cepii/bdd_modele/bdd_modele_item.asp?id=37").text
    block = page[page.index("telechargement") :]
    assert re.findall(r"BACI_HS12_(V\d{6})\.zip", block) == ["V202601"]
    assert "SAMPLE DATA" in page


def test_members(baci):
    years = [f"BACI_HS12_Y{year}_V202601.csv" for year in range(2012, 2025)]
    others = ["country_codes_V202601.csv", "product_codes_HS12_V202601.csv", "Readme.txt"]
    assert baci.namelist() == years + others
    assert b"SAMPLE DATA - NOT REAL STATISTICS" in baci.read("Readme.txt")


def test_header_codes_and_leading_zeros(baci):
    body = baci.read("BACI_HS12_Y2019_V202601.csv").decode()
    assert body.startswith("t,i,j,k,v,q\n")
    codes = {line.split(",")[3] for line in body.splitlines()[1:]}
    assert all(len(code) == 6 for code in codes)
    assert any(code.startswith("0") for code in codes)
    countries = baci.read("country_codes_V202601.csv").decode()
    for row in ("842,USA,US,USA", "251,France,FR,FRA", "699,India,IN,IND", "757,", "579,", "490,"):
        assert f"\n{row}" in countries


def test_missing_quantities_are_empty_first_and_padded_later(baci):
    early = baci.read("BACI_HS12_Y2014_V202601.csv").decode()
    late = baci.read("BACI_HS12_Y2020_V202601.csv").decode()
    assert re.search(r",\d+\.\d{3},\n", early)
    assert "NA" not in early
    assert re.search(r",\d+\.\d{3}, +NA\n", late)
    assert re.search(r",\d+\.\d{3}, +\d+\.\d{3}\n", late)


def test_the_older_release_is_there_and_a_year_shorter(get):
    archive = zipfile.ZipFile(io.BytesIO(get(PATH.format("V202501")).content))
    assert "BACI_HS12_Y2023_V202501.csv" in archive.namelist()
    assert not [name for name in archive.namelist() if "Y2024" in name]
    assert get(PATH.format("V202401")).status_code == 404


def test_ranges(get):
    head = get(PATH.format("V202601"), headers={"Range": "bytes=0-3"})
    assert (head.status_code, head.content) == (206, b"PK\x03\x04")
    assert head.headers["Last-Modified"] == "Thu, 22 Jan 2026 10:15:00 GMT"
    assert head.headers["ETag"]
