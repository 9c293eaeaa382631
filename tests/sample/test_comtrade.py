"""UN Comtrade's wire: records, caps, keys, quotas, errors, availability and lists, as a client meets them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import uuid

import pytest
import requests

from agrocluster.sample import addresses
from agrocluster.sample.server import SampleServer

FIELDS = [
    "typeCode",
    "freqCode",
    "refPeriodId",
    "refYear",
    "refMonth",
    "period",
    "reporterCode",
    "reporterISO",
    "reporterDesc",
    "flowCode",
    "flowDesc",
    "partnerCode",
    "partnerISO",
    "partnerDesc",
    "partner2Code",
    "partner2ISO",
    "partner2Desc",
    "classificationCode",
    "classificationSearchCode",
    "isOriginalClassification",
    "cmdCode",
    "cmdDesc",
    "aggrLevel",
    "isLeaf",
    "customsCode",
    "customsDesc",
    "mosCode",
    "motCode",
    "motDesc",
    "qtyUnitCode",
    "qtyUnitAbbr",
    "qty",
    "isQtyEstimated",
    "altQtyUnitCode",
    "altQtyUnitAbbr",
    "altQty",
    "isAltQtyEstimated",
    "netWgt",
    "isNetWgtEstimated",
    "grossWgt",
    "isGrossWgtEstimated",
    "cifvalue",
    "fobvalue",
    "primaryValue",
    "legacyEstimationFlag",
    "isReported",
    "isAggregate",
]
PINS = {"partner2Code": "0", "customsCode": "C00", "motCode": "0"}
KEY = {"Ocp-Apim-Subscription-Key": "sample-key"}
PREMIUM = {"Ocp-Apim-Subscription-Key": "sample-premium-key"}


@pytest.fixture
def ask(get):
    """GET below /comtrade with the free key; parameters as keywords."""

    def call(path, headers=KEY, **params):
        return get(f"/comtrade/{path}", headers=headers or {}, params=params)

    return call


@pytest.fixture
def limits(server):
    """Set limits for one test; what was changed goes back afterwards, and counted calls are forgotten."""
    url = f"{server.url}/_sample/comtrade"
    before = {k: v for k, v in requests.get(url, timeout=10).json().items() if k not in ("day", "used")}

    def change(**wanted):
        answer = requests.post(url, json={"reset": True, **wanted}, timeout=10)
        answer.raise_for_status()
        return answer.json()

    yield change
    requests.post(url, json={"reset": True, **before}, timeout=10).raise_for_status()


@pytest.fixture
def clock(server):
    """Move the server's clock; it goes back afterwards."""
    url = f"{server.url}/_sample/clock"
    before = server.state.now

    def move(**wanted):
        return requests.post(url, json=wanted, timeout=10)

    yield move
    server.state.now = before


def rows(answer):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["elapsedTime", "count", "data", "error"]
    assert body["count"] == len(body["data"])
    return body["data"]


def test_a_record_has_its_47_fields_in_order_and_no_descriptions_unless_asked(ask):
    question = {"reporterCode": "398", "period": "2021", "cmdCode": "110100,TOTAL", **PINS}
    plain = rows(ask("data/v1/get/C/A/HS", **question))
    assert list(plain[0]) == FIELDS
    described = [name for name in FIELDS if name.endswith(("Desc", "ISO", "Abbr"))]
    assert all(record[name] is None for record in plain for name in described)
    full = rows(ask("data/v1/get/C/A/HS", **question, includeDesc="true"))
    assert all(isinstance(record[name], str) for record in full for name in described)
    assert [{**r, **dict.fromkeys(described)} for r in full] == plain
    total = next(r for r in full if r["cmdCode"] == "TOTAL" and r["partnerCode"] == 0 and r["flowCode"] == "X")
    expected = {"refPeriodId": 20210101, "refMonth": 52, "period": "2021", "aggrLevel": 0, "partnerISO": "W00"}
    expected |= {"partnerDesc": "World", "cmdDesc": "All Commodities", "isReported": False, "isAggregate": True}
    expected |= {"classificationCode": "H5", "motDesc": "TOTAL MOT", "qtyUnitCode": -1, "qtyUnitAbbr": "N/A"}
    assert {name: total[name] for name in expected} == expected
    assert total["primaryValue"] == total["fobvalue"]
    assert total["cifvalue"] is None


def test_path_and_parameter_names_are_read_without_regard_to_case(ask):
    one = ask("data/v1/get/C/A/HS", reporterCode="417", period="2020", cmdCode="AG2", **PINS).json()
    other = ask("DATA/V1/Get/c/a/hs", REPORTERCODE="417", PERIOD="2020", cmdcode="ag2", **PINS).json()
    assert one == other
    assert one["count"] > 50
    assert (
        ask("public/v1/getDA/C/A/HS", None, period="2020").json() == ask("data/v1/getda/C/A/HS", period="2020").json()
    )


def test_answers_are_packed_on_request_and_the_same_either_way(ask):
    question = {"reporterCode": "398", "period": "2021", "cmdCode": "AG6", **PINS}
    packed = ask("data/v1/get/C/A/HS", {**KEY, "Accept-Encoding": "gzip"}, **question)
    plain = ask("data/v1/get/C/A/HS", {**KEY, "Accept-Encoding": "identity"}, **question)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert not {"ETag", "Last-Modified"} & set(plain.headers)


def test_the_cap_cuts_silently_in_the_order_of_reporters(ask, limits):
    limits(cap=700)
    question = {"period": "2021", "partnerCode": "398,417,762,860", "cmdCode": "AG6", **PINS}
    cut = rows(ask("data/v1/get/C/A/HS", **question))
    assert len(cut) == 700
    reporters = [record["reporterCode"] for record in cut]
    assert reporters == sorted(reporters)
    limits(cap=100_000)
    years = rows(ask("data/v1/get/C/A/HS", **{**question, "period": "2020,2021"}))
    places = [(r["reporterCode"], r["period"], r["flowCode"], r["partnerCode"], r["cmdCode"]) for r in years]
    assert places == sorted(places)
    whole = rows(ask("data/v1/get/C/A/HS", **question))
    assert len(whole) > 5000
    assert whole[:700] == cut
    assert len(rows(ask("data/v1/get/C/A/HS", **question, maxRecords="10"))) == 10
    preview = rows(ask("public/v1/preview/C/A/HS", None, **question))
    assert preview == whole[:500]
    counted = ask("public/v1/preview/C/A/HS", None, **question, countOnly="true").json()
    assert (counted["count"], counted["data"]) == (500, [])


def test_breakdowns_stand_beside_the_totals_unless_pinned(ask):
    question = {"reporterCode": "398", "period": "2021", "cmdCode": "1001*", "flowCode": "X"}
    every = rows(ask("data/v1/get/C/A/HS", **question))
    totals = rows(ask("data/v1/get/C/A/HS", **question, **PINS))
    is_total = [r["partner2Code"] == 0 and r["customsCode"] == "C00" and r["motCode"] == 0 for r in every]
    assert [r for r, total in zip(every, is_total, strict=True) if total] == totals
    assert len(every) > 2 * len(totals)
    assert {r["mosCode"] for r in every} == {"0"}
    of_total = {}
    for record in every:
        if record["motCode"] and record["customsCode"] == "C00" and record["partner2Code"] == 0:
            cell = (record["partnerCode"], record["cmdCode"])
            of_total[cell] = of_total.get(cell, 0) + record["primaryValue"]
    assert of_total
    values = {(r["partnerCode"], r["cmdCode"]): r["primaryValue"] for r in totals}
    assert all(values[cell] == pytest.approx(value, rel=1e-9) for cell, value in of_total.items())
    road = rows(ask("data/v1/get/C/A/HS", **question, motCode="3200"))
    assert {r["motCode"] for r in road} == {3200}


def test_products_by_level_list_and_wildcard(ask):
    def codes(**more):
        question = {"reporterCode": "860", "period": "2022", "partnerCode": "398", "flowCode": "X", **PINS, **more}
        return {(r["cmdCode"], r["aggrLevel"]): r["primaryValue"] for r in rows(ask("data/v1/get/C/A/HS", **question))}

    six, four, two = codes(cmdCode="AG6"), codes(cmdCode="AG4"), codes(cmdCode="AG2")
    for level, table in ((4, four), (2, two)):
        sums = {}
        for (code, _), value in six.items():
            sums[code[:level], level] = sums.get((code[:level], level), 0) + value
        assert table == pytest.approx(sums)
    assert codes(cmdCode="TOTAL") == pytest.approx({("TOTAL", 0): sum(six.values())})
    assert codes() == six | four | two | codes(cmdCode="TOTAL")
    assert set(codes(cmdCode="07*")) == {key for key in codes() if key[0].startswith("07")}
    some = sorted(code for code, _ in six)[:2]
    assert set(codes(cmdCode=f"{some[0]},{some[1]},07")) == {(some[0], 6), (some[1], 6), ("07", 2)}


@pytest.mark.parametrize(
    ("params", "member"),
    [
        ({"reporterCode": "all", "period": "2021"}, "reporterCode"),
        ({"partnerCode": "China", "period": "2021"}, "partnerCode"),
        ({"reporterCode": "398"}, "period"),
        ({"reporterCode": "398", "period": ",".join(map(str, range(2012, 2025)))}, "period"),
        ({"reporterCode": "398", "period": "2021", "cmdCode": "AG5"}, "cmdCode"),
        ({"reporterCode": "398", "period": "2021", "flowCode": "Q"}, "flowCode"),
        ({"reporterCode": "398", "period": "2021", "maxRecords": "0"}, "maxRecords"),
        ({"reporterCode": "398", "period": "2021", "customsCode": "all"}, "customsCode"),
    ],
)
def test_wrong_values_are_told_by_name(ask, params, member):
    answer = ask("data/v1/get/C/A/HS", **params)
    assert answer.status_code == 400
    assert answer.json() == {
        "elapsedTime": "0 secs",
        "count": -1,
        "data": [],
        "error": "Invalid parameter value",
        "errorObject": [{"MemberNames": [member], "ErrorMessage": f"The field {member} is invalid"}],
    }


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("data/v1/get/C/A/HS", {"reporterCode": "398", "period": "202101"}),
        ("data/v1/get/C/M/HS", {"reporterCode": "398", "period": "2023"}),
        ("data/v1/get/C/A/HS", {"reporterCode": "111", "period": "2021"}),
        ("data/v1/get/C/A/HS", {"reporterCode": "795", "period": "2021"}),
        ("data/v1/get/C/A/HS", {"reporterCode": "398", "period": "2021", "partnerCode": "280"}),
        ("data/v1/get/S/A/EB", {"reporterCode": "398", "period": "2021"}),
        ("data/v1/get/C/A/S4", {"reporterCode": "398", "period": "2021"}),
    ],
)
def test_nothing_there_is_an_empty_answer_and_no_error(ask, path, params):
    assert ask(path, **params).content == b'{"elapsedTime":"0.21 secs","count":0,"data":[],"error":""}'


def test_the_gateway_wants_a_key_it_knows(ask, get):
    question = {"reporterCode": "398", "period": "2021", "cmdCode": "TOTAL"}
    missing = ask("data/v1/get/C/A/HS", None, **question)
    assert missing.status_code == 401
    assert missing.json()["message"].startswith("Access denied due to missing subscription key.")
    wrong = ask("data/v1/get/C/A/HS", {"Ocp-Apim-Subscription-Key": uuid.uuid4().hex}, **question)
    assert wrong.status_code == 401
    assert wrong.json()["message"].startswith("Access denied due to invalid subscription key.")
    in_query = ask("data/v1/get/C/A/HS", None, **question, **{"subscription-key": "sample-key"})
    assert len(rows(in_query)) > 10
    for path in ("data/v1/getDa", "data/v1/getTradeMatrix/C/A/TM", "data/v2/get/C/A/HS", "data/v1/get/C/A/HS9", "x"):
        assert ask(path, **question).status_code == 404, path
    assert ask("nothing").json() == {"statusCode": 404, "message": "Resource not found"}


def test_a_day_has_as_many_keyed_calls_as_the_quota_and_the_next_day_again(ask, limits, clock):
    clock(now="2026-09-01T21:30:00+00:00")
    limits(quota=3)
    question = {"reporterCode": "398", "period": "2021", "cmdCode": "TOTAL", **PINS}
    assert [ask("data/v1/get/C/A/HS", **question).status_code for _ in range(4)] == [200, 200, 200, 403]
    refused = ask("data/v1/getDa/C/A/HS", period="2021")
    assert refused.headers["Retry-After"] == str(150 * 60)
    told = "Out of call volume quota. Quota will be replenished in 02:30:00."
    assert refused.json() == {"statusCode": 403, "message": told}
    assert ask("public/v1/getDA/C/A/HS", None, period="2021").status_code == 200  # keyless calls do not count
    assert ask("data/v1/get/C/A/HS", PREMIUM, **question).status_code == 200  # another key has its own day
    assert clock(advance_hours=2.5).json() == {"now": "Wed, 02 Sep 2026 00:00:00 GMT"}
    again = ask("data/v1/get/C/A/HS", **question)
    assert again.status_code == 200
    assert again.headers["Date"] == "Wed, 02 Sep 2026 00:00:00 GMT"
    shown = limits(quota=3)
    assert (shown["quota"], shown["day"], shown["used"]) == (3, "2026-09-02", {})


def test_wrong_settings_are_refused(server, clock):
    url = f"{server.url}/_sample/comtrade"
    for wrong in ({"caps": 1}, {"cap": 0}, {"cap": "many"}, {"quota": -1}):
        answer = requests.post(url, json=wrong, timeout=10)
        assert answer.status_code == 400, wrong
        assert next(iter(wrong)) in answer.json()["error"]
    assert clock(tomorrow=True).status_code == 400


def test_who_asks_too_fast_is_told_to_wait(ask, limits):
    limits(calls_per_second=0.5)
    question = {"reporterCode": "398", "period": "2021", "cmdCode": "TOTAL", **PINS}
    assert ask("data/v1/get/C/A/HS", **question).status_code == 200
    hasty = ask("data/v1/get/C/A/HS", **question)
    assert (hasty.status_code, hasty.headers["Retry-After"]) == (429, "2")
    assert hasty.json() == {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 2 seconds."}


def test_a_long_address_is_answered_in_html(ask):
    answer = ask("data/v1/get/C/A/HS", reporterCode="398", period="2021", cmdCode=",".join(["110100"] * 600))
    assert answer.status_code == 414
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"Request URL Too Long" in answer.content


def test_availability_names_every_reporter_period_with_its_signature(ask):
    found = rows(ask("public/v1/getDA/C/A/HS", None, reporterCode="398,417,762,795,860,643"))
    years = {}
    for row in found:
        years.setdefault(row["reporterCode"], []).append(row["period"])
    assert years[398] == years[417] == list(range(2012, 2025))
    assert years[762] == [2013, 2018, 2019]
    assert years[860] == list(range(2017, 2025))
    assert years[643] == list(range(2012, 2022))
    assert 795 not in years
    kazakhstan = next(row for row in found if (row["reporterCode"], row["period"]) == (398, 2021))
    assert list(kazakhstan) == [
        "datasetCode", "typeCode", "freqCode", "period", "reporterCode", "reporterISO", "reporterDesc",
        "classificationCode", "classificationSearchCode", "isOriginalClassification", "isExtendedFlowCode",
        "isExtendedPartnerCode", "isExtendedPartner2Code", "isExtendedCmdCode", "isExtendedCustomsCode",
        "isExtendedMotCode", "totalRecords", "datasetChecksum", "firstReleased", "lastReleased",
    ]  # fmt: skip
    pinned = rows(ask("data/v1/get/C/A/HS", reporterCode="398", period="2021", cmdCode="TOTAL,AG6", **PINS))
    assert kazakhstan["totalRecords"] == len(pinned)
    assert kazakhstan["classificationCode"] == {r["classificationCode"] for r in pinned}.pop() == "H5"
    assert "398" in str(kazakhstan["datasetCode"])
    recent = rows(ask("public/v1/getDA/C/A/HS", None, publishedDateFrom="2026-01-01"))
    assert recent
    assert all(row["lastReleased"] >= "2026-01-01" for row in recent)
    assert ask("public/v1/getDA/C/A/HS", None, publishedDateFrom="soon").status_code == 400
    only = rows(ask("public/v1/getDA/C/A/H6", None, reporterCode="398"))
    assert [row["period"] for row in only] == [2022, 2023, 2024]
    lines = rows(ask("public/v1/getDATariffline/C/A/HS", None, reporterCode="398"))
    assert {row["lengthCmdCode"] for row in lines} == {10}
    months = rows(ask("public/v1/getDA/C/M/HS", None, reporterCode="860"))
    assert [row["period"] for row in months] == [*range(202301, 202312), *range(202401, 202410)]


def test_metadata_and_live_updates(ask):
    (entry,) = rows(ask("public/v1/getMetadata/C/A/HS", None, reporterCode="36", period="2019"))
    assert entry["notes"][0]["importValuation"] == "FOB"
    assert list(entry["notes"][0]) == [
        "datasetCode",
        "typeCode",
        "freqCode",
        "period",
        "reporterCode",
        "currency",
        "importConvFactor",
        "exportConvFactor",
        "tradeSystem",
        "classificationCode",
        "importValuation",
        "exportValuation",
        "importPartnerCountry",
        "exportPartnerCountry",
        "importPartner2Country",
        "exportPartner2Country",
        "publicationNote",
        "publicationDate",
        "publicationDateShort",
    ]
    updates = rows(ask("data/v1/getLiveUpdate"))
    started = [row["startedAt"] for row in updates]
    assert started == sorted(started, reverse=True)
    assert isinstance(updates[0]["reporterCode"], str)
    assert ask("data/v1/getLiveUpdate", None).status_code == 401


def test_reference_files_are_blobs_with_a_byte_order_mark(ask):
    base = "files/v1/app/reference/"
    answer = ask(base + "Reporters.json", None)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Cache-Control"] == "max-age=604800"
    assert ask(base + "Reporters.json", {"If-None-Match": answer.headers["ETag"]}).status_code == 304
    reporters = {row["id"]: row for row in json.loads(answer.content.decode("utf-8-sig"))["results"]}
    assert {code: reporters[code]["reporterCodeIsoAlpha3"] for code in (398, 417, 762, 860, 842, 251, 699)} == {
        398: "KAZ", 417: "KGZ", 762: "TJK", 860: "UZB", 842: "USA", 251: "FRA", 699: "IND"
    }  # fmt: skip
    assert [reporters[code]["isGroup"] for code in (97, 490, 398)] == [True, True, False]
    assert reporters[398]["entryEffectiveDate"] == "1992-01-01T00:00:00"
    assert "entryExpiredDate" in reporters[280]
    listed = json.loads(ask(base + "ListofReferences.json", None).content.decode("utf-8-sig"))["results"]
    for entry in listed:
        name = entry["fileuri"].rsplit("/", 1)[1]
        assert json.loads(ask(base + name, None).content.decode("utf-8-sig"))["results"], name
    assert ask(base + "Nothing.json", None).status_code == 404


@pytest.mark.parametrize(("period", "edition"), [("2016", "H4"), ("2021", "H5"), ("2023", "H6")])
def test_every_code_served_is_in_the_list_of_its_edition(ask, period, edition):
    answer = ask(f"files/v1/app/reference/{edition}.json", None)
    known = json.loads(answer.content.decode("utf-8-sig"))
    assert known["classCode"] == edition
    items = {item["id"]: item for item in known["results"]}
    assert all(item["parent"] == "#" or item["parent"] in items for item in items.values())
    assert {items["TOTAL"]["isLeaf"], items["110100"]["isLeaf"]} == {"0", "1"}
    served = rows(ask("data/v1/get/C/A/HS", reporterCode="398", period=period, **PINS))
    assert {r["classificationCode"] for r in served} == {edition}
    assert {r["cmdCode"] for r in served} <= set(items)
    assert all(r["aggrLevel"] == items[r["cmdCode"]]["aggrLevel"] for r in served)


def test_changed_codes_are_those_of_the_edition_and_convert_back(ask):
    def codes(classification, period):
        question = {"reporterCode": "398", "period": period, "cmdCode": "AG6", "flowCode": "X", "partnerCode": "0"}
        return {r["cmdCode"]: r for r in rows(ask(f"data/v1/get/C/A/{classification}", **question, **PINS))}

    old, middle, new = codes("HS", "2016"), codes("HS", "2021"), codes("HS", "2023")
    assert {"040310", "220429", "620111"} <= set(old)
    assert "220422" not in old
    assert {"220422", "220429", "040310"} <= set(middle)
    assert {"040320", "620120", "300242"} <= set(new)
    assert not {"040310", "620111", "620191", "300230"} & set(new)
    converted = codes("H4", "2023")
    assert {r["classificationCode"] for r in converted.values()} == {"H4"}
    assert {r["isOriginalClassification"] for r in converted.values()} == {False}
    assert converted["040310"]["primaryValue"] == new["040320"]["primaryValue"]
    wine = new["220422"]["primaryValue"] + new["220429"]["primaryValue"]
    assert converted["220429"]["primaryValue"] == pytest.approx(wine)
    assert codes("H6", "2023") == new
    assert codes("H5", "2023") == {}


def test_bulk_files_are_for_the_premium_key(ask):
    assert ask("bulk/v1/get/C/A/HS", reporterCode="417", period="2020").status_code == 401
    (entry,) = rows(ask("bulk/v1/get/C/A/HS", PREMIUM, reporterCode="417", period="2020"))
    assert entry["fileSize"].endswith(" KB")
    answer = ask(f"bulk/v1/file/417/{entry['rowKey']}", PREMIUM)
    assert answer.headers["Content-Type"] == "application/TSV"
    assert "C_A_417_2020_H5_O.txt.gz" in answer.headers["Content-Disposition"]
    table = list(csv.DictReader(io.StringIO(gzip.decompress(answer.content).decode()), delimiter="\t"))
    assert {"CIFValue", "FOBValue", "primaryValue", "datasetCode"} <= set(table[0])
    assert not [name for name in table[0] if name.endswith(("Desc", "ISO"))]
    assert {row["mosCode"] for row in table} == {"-1"}
    totals = [r for r in table if (r["partner2Code"], r["customsCode"], r["motCode"]) == ("0", "C00", "0")]
    wire = rows(ask("data/v1/get/C/A/HS", reporterCode="417", period="2020", **PINS))
    spelled = {(r["flowCode"], r["partnerCode"], r["cmdCode"]): float(r["primaryValue"]) for r in totals}
    assert spelled == {(r["flowCode"], str(r["partnerCode"]), r["cmdCode"]): r["primaryValue"] for r in wire}
    assert not [row for row in table if "e+" in row["primaryValue"]]
    assert ask("bulk/v1/file/417/unknown", PREMIUM).status_code == 404


def test_asynchronous_requests_are_accepted(ask):
    answer = ask("async/v1/get/C/A/HS", PREMIUM, reporterCode="398", period="2021")
    assert answer.status_code == 202
    assert set(answer.json()) == {"requestId", "message"}
    jobs = rows(ask("async/v1/getDA", PREMIUM))
    assert answer.json()["requestId"] in [job["requestId"] for job in jobs]
    assert ask("async/v1/get/C/A/HS", reporterCode="398", period="2021").status_code == 401


def test_faults_strike_here_too(ask, fault, get):
    question = {"reporterCode": "398", "period": "2021", "cmdCode": "TOTAL", **PINS}

    def struck(name, **params):
        fault("comtrade/data", name, times=1, **params)
        return ask("data/v1/get/C/A/HS", **question)

    good = rows(ask("data/v1/get/C/A/HS", **question))
    limited = struck("rate_limit", retry_after=4)
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "4")
    assert limited.json()["message"] == "Rate limit is exceeded. Try again in 4 seconds."
    assert struck("status", status=500, body="Something went wrong.").text == "Something went wrong."
    assert struck("html").headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.exceptions.RequestException):
        _ = struck("truncate").content
    with pytest.raises(json.JSONDecodeError):
        json.loads(struck("bad_json").content)
    renamed = rows(struck("rename_column"))[0]
    assert "primaryValueRenamed" in renamed
    assert "primaryValue" not in renamed
    assert rows(struck("duplicate_keys", rows=2)) == [*good, *good[:2]]
    assert rows(struck("negative_tonnage"))[0]["primaryValue"] < 0
    assert rows(struck("unknown_country"))[-1]["partnerCode"] == 9999
    assert struck("comtrade_wrong_count", count=7).json()["count"] == 7
    assert rows(struck("comtrade_wrong_type", column="netWgt"))[0]["netWgt"] == "n/a"
    fault("comtrade/data", "timeout", times=1, seconds=2)
    with pytest.raises(requests.exceptions.ReadTimeout):
        get("/comtrade/data/v1/get/C/A/HS", headers=KEY, params=question, timeout=0.3)
    assert rows(ask("data/v1/get/C/A/HS", **question)) == good


def test_limits_can_be_set_when_the_server_starts(sample_cache):
    with SampleServer(sample_cache, comtrade={"quota": 1, "cap": 5}) as server:
        environment = addresses(server.url)
        key = {"Ocp-Apim-Subscription-Key": environment["AGROCLUSTER_COMTRADE_KEY"]}
        url = f"{environment['AGROCLUSTER_COMTRADE_URL']}/data/v1/get/C/A/HS?reporterCode=398&period=2021"
        answers = [requests.get(url, headers=key, timeout=30) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 403]
    assert answers[0].json()["count"] == 5
