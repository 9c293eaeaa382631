"""The FAOSTAT emulator list, item by item."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

LABEL = "SAMPLE DATA - NOT REAL STATISTICS"
COLUMNS = {
    "QCL": "Area Code,Area Code (M49),Area,Item Code,Item Code (CPC),Item,Element Code,Element,Year Code,Year,"
    "Unit,Value,Flag,Note",
    "QV": "Area Code,Area Code (M49),Area,Item Code,Item Code (CPC),Item,Element Code,Element,Year Code,Year,"
    "Unit,Value,Flag",
    "PP": "Area Code,Area Code (M49),Area,Item Code,Item Code (CPC),Item,Element Code,Element,Year Code,Year,"
    "Months Code,Months,Unit,Value,Flag",
    "FBS": "Area Code,Area Code (M49),Area,Item Code,Item Code (FBS),Item,Element Code,Element,Year Code,Year,"
    "Unit,Value,Flag,Note",
    "RL": "Area Code,Area Code (M49),Area,Item Code,Item,Element Code,Element,Year Code,Year,Unit,Value,Flag,Note",
}
COLUMNS["TCL"], COLUMNS["EK"] = COLUMNS["QCL"], COLUMNS["RL"]


@pytest.fixture(scope="module")
def entries(sample_server):
    import requests

    body = requests.get(f"{sample_server.url}/faostat/production/datasets_E.json", timeout=60).content
    assert body.startswith(b"\xef\xbb\xbf")
    document = json.loads(body.decode("utf-8-sig"))
    assert "-xmlns:xsi" in document["Datasets"]
    return {entry["DatasetCode"]: entry for entry in document["Datasets"]["Dataset"]}


@pytest.fixture(scope="module")
def archives(sample_server, entries):
    import requests

    found = {}
    for code in COLUMNS:
        body = requests.get(entries[code]["FileLocation"], timeout=60).content
        found[code] = zipfile.ZipFile(io.BytesIO(body))
    return found


def test_catalogue_points_at_this_server_and_states_sizes(sample_server, entries, archives):
    for code, archive in archives.items():
        entry = entries[code]
        assert entry["FileLocation"].startswith(sample_server.url)
        assert "(Normalized)" in entry["FileLocation"]
        assert entry["FileSize"].endswith("KB")
        assert LABEL in entry["DatasetName"]
        name = next(name for name in archive.namelist() if "All_Data" in name)
        assert archive.read(name).count(b"\n") == entry["FileRows"] + 1
    assert entries["QCL"]["DateUpdate"] == "2025-12-31T00:00:00"
    assert set(entries) > set(COLUMNS)


def test_five_members_and_the_columns_of_each_domain(archives):
    for code, archive in archives.items():
        assert len(archive.namelist()) == 5
        name = next(name for name in archive.namelist() if "All_Data" in name)
        with archive.open(name) as handle:
            assert handle.readline().decode().strip() == COLUMNS[code]
            row = handle.readline().decode("latin-1").strip()
        assert row.startswith('"')
        assert row.endswith('"')
        assert '"\'051"' in row


def test_one_domain_is_not_utf8(archives):
    broken = []
    for code, archive in archives.items():
        try:
            archive.read(next(name for name in archive.namelist() if "All_Data" in name)).decode()
        except UnicodeDecodeError:
            broken.append(code)
    assert broken == ["QV"]
    names = archives["QV"].read("Value_of_Production_E_AreaCodes.csv").decode("latin-1")
    assert "Côte d'Ivoire" in names
    assert "Türkiye" in names


def test_codes_values_units_and_label(archives):
    body = archives["QCL"].read("Production_Crops_Livestock_E_All_Data_(Normalized).csv").decode()
    line = '"108","\'398","Kazakhstan","15","\'0111","Wheat","5510","Production","2015","2015","t","13746967.000000",'
    assert line in body
    assert f'"{LABEL}"' in body
    for unit in ("ha", "kg/ha", "t", "An", "1000 An", "kg/An", "100 g/An", "0.1 g/An", "100 mg/An", "No"):
        assert f',"{unit}",' in body
    assert '"5301","\'143","Central Asia"' in body
    assert '"351","\'159","China"' in body
    flags = archives["QCL"].read("Production_Crops_Livestock_E_Flags.csv").decode()
    assert LABEL in flags


def test_fbs_codes_and_monthly_prices(archives):
    assert b'"\'S2514"' in archives["FBS"].read("FoodBalanceSheets_E_ItemCodes.csv")
    prices = archives["PP"].read("Prices_E_All_Data_(Normalized).csv")
    assert b'"7021","Annual value"' in prices
    assert b'"7001","January"' in prices


def test_ranges_and_conditional_requests(get, entries, server):
    url = entries["RL"]["FileLocation"].removeprefix(server.url)
    whole = get(url)
    assert whole.headers["Accept-Ranges"] == "bytes"
    part = get(url, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == whole.content[10:20]
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.content)}"
    assert get(url, headers={"Range": "bytes=-5"}).content == whole.content[-5:]
    assert get(url, headers={"Range": f"bytes={len(whole.content)}-"}).status_code == 416
    assert get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert get(url, headers={"If-Modified-Since": whole.headers["Last-Modified"]}).status_code == 304
    changed = {"Range": "bytes=10-19", "If-Range": '"another"'}
    assert get(url, headers=changed).status_code == 200


def test_catalogue_answers_conditional_requests(get):
    first = get("/faostat/production/datasets_E.json")
    again = get("/faostat/production/datasets_E.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_capitalised_catalogue_is_forbidden(get):
    assert get("/faostat/production/Datasets_E.json").status_code == 403


def test_query_interface_wants_a_token(get):
    path = "/faostat/api/v1/en/data/QCL"
    answer = get(path)
    assert (answer.status_code, answer.text) == (401, "Missing Authorization Header")
    assert get(path, headers={"Authorization": "Bearer junk"}).status_code == 403
