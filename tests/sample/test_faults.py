"""Each fault does what its name says, as often as it was told, and no longer."""

from __future__ import annotations

import io
import json
import time
import zipfile
import zlib

import pytest
import requests

POPULATION = "/worldbank/v2/country/KAZ;KGZ/indicator/SP.POP.TOTL?format=json&date=2020:2024"
LAND = "/faostat/production/Inputs_LandUse_E_All_Data_(Normalized).zip"
LIVESTOCK = "/faostat/production/Environment_LivestockPatterns_E_All_Data_(Normalized).zip"


def archive(get, path=LAND):
    return zipfile.ZipFile(io.BytesIO(get(path).content))


def data_of(content):
    return content.read(next(name for name in content.namelist() if "All_Data" in name))


def test_status_strikes_as_often_as_told(get, fault):
    fault("SP.POP.TOTL", "status", times=2, status=503)
    assert [get(POPULATION).status_code for _ in range(3)] == [503, 503, 200]


def test_rate_limit_says_when_to_come_back(get, fault):
    fault("worldbank", "rate_limit", times=1, retry_after=7)
    answer = get(POPULATION)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.headers["X-Sample-Data"] == "true"


def test_timeout_and_dropped_connection(get, fault):
    fault("worldbank", "timeout", times=1, seconds=2)
    with pytest.raises(requests.exceptions.ReadTimeout):
        get(POPULATION, timeout=0.3)
    fault("worldbank", "drop_connection", times=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        get(POPULATION)
    assert get(POPULATION).status_code == 200


def test_slow(get, fault):
    fault("worldbank", "slow", times=1, bytes=400, delay=0.05)
    start = time.monotonic()
    assert get(POPULATION).json()[0]["total"] == 10
    assert time.monotonic() - start > 0.2


@pytest.mark.parametrize("name", ["truncate", "oversize"])
def test_bodies_shorter_than_announced(get, fault, name):
    fault("LandUse", name, times=1)
    with pytest.raises(requests.exceptions.RequestException):
        _ = get(LAND).content


def test_html_bad_json_and_the_transient_400(get, fault):
    fault("worldbank", "html", times=1)
    assert get(POPULATION).headers["content-type"].startswith("text/html")
    fault("worldbank", "bad_json", times=1)
    with pytest.raises(json.JSONDecodeError):
        json.loads(get(POPULATION).content)
    fault("worldbank", "wb_400_html", times=1)
    answer = get(POPULATION)
    assert answer.status_code == 400
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert b"Request Error" in answer.content


def test_world_bank_pages_and_rows(get, fault):
    fault("worldbank", "wb_wrong_pages", times=1)
    assert get(POPULATION).json()[0]["pages"] == 4
    fault("worldbank", "wb_null", times=1)
    assert get(POPULATION).json()[1] is None
    fault("worldbank", "unknown_country", times=1)
    assert get(POPULATION).json()[1][-1]["country"]["value"] == "Atlantis"
    fault("worldbank", "rename_column", times=1)
    assert "value" not in get(POPULATION).json()[1][0]


def test_renamed_column_and_unknown_area(get, fault):
    fault("LandUse", "rename_column", times=1, column="Value", to="Figure")
    assert b"Unit,Figure,Flag" in data_of(archive(get))
    fault("LandUse", "unknown_country", times=1)
    assert b"Atlantis" in data_of(archive(get))
    assert b"Atlantis" not in data_of(archive(get))


def test_negative_and_duplicate_rows(get, fault):
    balances = "/faostat/production/FoodBalanceSheets_E_All_Data_(Normalized).zip"
    fault("FoodBalance", "negative_tonnage", times=1)
    assert b'"Production"' in data_of(archive(get, balances))
    fault("LivestockPatterns", "duplicate_keys", times=1, rows=3)
    lines = data_of(archive(get, LIVESTOCK)).splitlines()
    assert len(lines) - len(set(lines)) == 3


def test_negative_tonnage_in_production(get, fault):
    path = "/faostat/production/Production_Crops_Livestock_E_All_Data_(Normalized).zip"
    fault("Production_Crops", "negative_tonnage", times=1)
    bad = [line for line in data_of(archive(get, path)).splitlines() if b'"-' in line]
    assert len(bad) == 1
    assert b'"5510"' in bad[0]


def test_wrong_encoding(get, fault):
    fault("LandUse", "wrong_encoding", times=1)
    body = data_of(archive(get))
    for encoding in ("utf-8", "cp1252"):
        with pytest.raises(UnicodeDecodeError):
            body.decode(encoding)
    fault("LandUse", "wrong_encoding", times=1, mode="utf16")
    assert data_of(archive(get))[:4] == b"A\0r\0"


def test_members_missing_and_escaping(get, fault):
    fault("LandUse", "missing_member", times=1, member="_Flags")
    assert not [name for name in archive(get).namelist() if "_Flags" in name]
    fault("LandUse", "path_escape", times=1)
    assert "../../evil.csv" in archive(get).namelist()


def test_zip_bomb_is_small_on_the_wire_and_huge_inside(get, fault):
    fault("LandUse", "zip_bomb", times=1, gib=0.25, lying=True)
    body = get(LAND).content
    assert len(body) < 1 << 20
    info = zipfile.ZipFile(io.BytesIO(body)).infolist()[0]
    assert info.file_size == 1000
    raw = body[30 + len(info.filename.encode()) :][: info.compress_size]
    size, unpacker = 0, zlib.decompressobj(-15)
    while raw:
        size += len(unpacker.decompress(raw, 1 << 24))
        raw = unpacker.unconsumed_tail
    assert size == 1 << 28


def test_unknown_fault_is_refused(server):
    answer = requests.post(f"{server.url}/_sample/faults", json={"match": ".", "fault": "nonsense"}, timeout=10)
    assert answer.status_code == 400
    assert "nonsense" in answer.json()["error"]


def test_log_tells_what_was_asked(get, server):
    requests.delete(f"{server.url}/_sample/log", timeout=10)
    get(LAND, headers={"Range": "bytes=0-9"})
    get("/_sample/health")
    (entry,) = get("/_sample/log").json()
    assert entry == {"method": "GET", "path": LAND, "query": "", "status": 206, "bytes": 10}
