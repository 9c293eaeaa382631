"""Fetching UN Comtrade from a small service on loopback: caps, keys, quota, messages, what is taken over."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from comtrade_service import KEY, Service, envelope, record, serving

from agrocluster import pipeline
from agrocluster.errors import QuotaExhausted, SourceContractError, UsageError
from agrocluster.http import connect
from agrocluster.model.fetching import Years
from agrocluster.model.loader import catalog
from agrocluster.sources import comtrade
from agrocluster.sources.comtrade_outlook import outlook
from agrocluster.storage import landing, vintages
from agrocluster.storage.vintages import known

ANNUAL, MIRROR, MONTHLY = "comtrade__annual", "comtrade__mirror", "comtrade__monthly"
FIRST_DAY = datetime(2026, 7, 13, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = FIRST_DAY

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(comtrade.ADAPTER, "now", made)
    return made


@pytest.fixture(autouse=True)
def environment(monkeypatch, data_root):
    monkeypatch.setenv("AGROCLUSTER_HTTP_BACKOFF", "0.001")
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_KEY", KEY)


@contextmanager
def asked(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with serving(service) as url:
        monkeypatch.setenv("AGROCLUSTER_COMTRADE_URL", url)
        yield service


def reports(years: range = range(2019, 2022), codes: int = 6) -> list[dict[str, Any]]:
    """Records of two of the four, and of two others about them."""
    found = []
    for year in map(str, years):
        for n in range(codes):
            code = f"{10 + n % 3:02d}{n:04d}"
            found += [record(398, year, code, partner) for partner in (0, 156, 643)]
            found += [record(860, year, code, 398, flow="M"), record(860, year, code, 398, flow="RX")]
            found += [record(156, year, code, 398), record(643, year, code, 860), record(643, year, code, 842)]
        found.append(record(398, year, "TOTAL", 0))
    return found


def staged(dataset_id: str, done: dict[str, Any]) -> list[tuple[Any, ...]]:
    import duckdb

    path = known(done["vintages"][-1]["vintage_id"]).path / "data.parquet"
    query = "SELECT reporter, partner, flow, period, hs_code, value_usd, dataset FROM read_parquet(?) ORDER BY ALL"
    with duckdb.connect() as con:
        return con.execute(query, [str(path)]).fetchall()


def expected(service: Service, dataset_id: str) -> int:
    four = {398, 417, 762, 860}
    params = catalog().dataset(dataset_id).params
    own = params["view"] == "reporter"
    return sum(
        r["freqCode"] == params["freq"]
        and (r["reporterCode"] in four) == own
        and (own or r["partnerCode"] in four)
        and (r["cmdCode"] != "TOTAL" or "TOTAL" in params["products"])
        for r in service.records
    )


@pytest.mark.parametrize("dataset_id", [ANNUAL, MIRROR])
@pytest.mark.parametrize("cap", [100_000, 9, 4])
def test_a_low_cap_costs_calls_and_no_records(monkeypatch, clock, dataset_id, cap):
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_RECORDS_PER_CALL", str(cap))
    with asked(Service(reports()), monkeypatch) as service:
        done = pipeline.ingest(dataset_id)
        assert len(staged(dataset_id, done)) == expected(service, dataset_id)
        assert done["vintages"][0]["excluded"] == {}
        assert done["vintages"][0]["quarantined"] == {}
        assert all(call["partner2Code"] == "0" and call["customsCode"] == "C00" for call in service.calls)
        assert service.longest <= 4000
        assert pipeline.ingest(dataset_id)["changed"] is False


def test_a_service_that_ends_earlier_than_the_catalogue_says_is_noticed(monkeypatch, clock):
    # 500 records are what the service gives without a key; with one, an answer of that length is suspicious.
    many = [record(398, "2020", f"10{n:04d}", 156) for n in range(700)]
    with asked(Service(many, cap=500), monkeypatch) as service:
        done = pipeline.ingest(ANNUAL)
        assert len(staged(ANNUAL, done)) == 700
        assert len(service.calls) > 1


def test_without_a_key_the_preview_is_asked_with_one_period_at_a_time(monkeypatch, clock):
    monkeypatch.delenv("AGROCLUSTER_COMTRADE_KEY")
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_PREVIEW", "1")
    months = [record(398, f"2020{m:02d}", f"10{n:04d}", 156) for m in range(1, 13) for n in range(5)]
    with asked(Service(months, preview_cap=3), monkeypatch) as service:
        monkeypatch.setattr(comtrade.api, "CAPS", frozenset({3}))
        done = pipeline.ingest(MONTHLY)
        assert len(staged(MONTHLY, done)) == 60
        assert {call["period"] for call in service.calls} == {f"2020{m:02d}" for m in range(1, 13)}
        assert all("/preview/" in target for target in service.asked if "maxRecords" in target)
        assert comtrade.budget_of("comtrade", clock).account == "sample-keyless"
        assert comtrade.budget_of("comtrade", clock).left() == 500 - len(service.calls)


def test_the_key_travels_in_the_header_only(monkeypatch, clock, data_root, caplog):
    caplog.set_level(logging.DEBUG)
    with asked(Service(reports()), monkeypatch) as service:
        pipeline.ingest(ANNUAL)
        assert not any(KEY in target for target in service.asked)
    assert KEY not in caplog.text
    for path in data_root.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_only_what_changed_is_asked_again(monkeypatch, clock):
    with asked(Service(reports()), monkeypatch) as service:
        first = pipeline.ingest(ANNUAL)
        assert len(service.calls) == 6
        changed = [
            r for r in service.records if (r["reporterCode"], r["period"], r["partnerCode"]) == (860, "2020", 398)
        ]
        for r in changed:
            r["primaryValue"] = r["cifvalue"] = 77.0
        service.releases[860, "2020"] = "2026-06-01T00:00:00"
        service.calls.clear()
        plan = outlook([ANNUAL])
        assert (plan["calls"], service.calls) == (1, [])
        assert [s["id"] for s in plan["datasets"][0]["slices"] if s["calls"]] == ["860-2020"]
        second = pipeline.ingest(ANNUAL)
        assert [(call["reporterCode"], call["period"]) for call in service.calls] == [("860", "2020")]
    before, after = staged(ANNUAL, first), staged(ANNUAL, second)
    assert {row[:5] for row in before} == {row[:5] for row in after}
    assert {row[5] for row in set(after) - set(before)} == {77.0}


def test_in_a_mirror_year_only_changed_reporters_are_asked_again(monkeypatch, clock):
    with asked(Service(reports(range(2020, 2021))), monkeypatch) as service:
        pipeline.ingest(MIRROR)
        service.records.append(record(643, "2020", "520100", 762, value=5.0))
        service.releases[643, "2020"] = "2026-06-01T00:00:00"
        service.calls.clear()
        second = pipeline.ingest(MIRROR)
        assert [call["reporterCode"] for call in service.calls] == ["643"]
        assert len(staged(MIRROR, second)) == expected(service, MIRROR)
        assert second["vintages"][0]["excluded"] == {"replaced by a newer file": 6}
        snapshot = landing.load(MIRROR, second["vintages"][0]["vintage_id"].partition("@")[2])
        assert [f.details["without_reporters"] for f in snapshot.files if "without_reporters" in f.details] == [[643]]
        # A report that is withdrawn leaves, too; and nothing has to be asked for that.
        service.records = [r for r in service.records if r["reporterCode"] != 156]
        service.calls.clear()
        third = pipeline.ingest(MIRROR)
        assert service.calls == []
        assert {row[0] for row in staged(MIRROR, third)} == {"RUS"}


def test_a_new_month_does_not_ask_for_the_others_again(monkeypatch, clock):
    months = [record(398, f"2020{m:02d}", "100199", 156) for m in range(1, 4)]
    with asked(Service(months), monkeypatch) as service:
        pipeline.ingest(MONTHLY)
        assert [call["period"] for call in service.calls] == ["202001,202002,202003"]
        service.records.append(record(398, "202004", "100199", 156))
        service.records[1]["primaryValue"] = 5.0
        service.releases = {(398, "202004"): "2026-07-01T00:00:00", (398, "202002"): "2026-07-02T00:00:00"}
        service.calls.clear()
        done = pipeline.ingest(MONTHLY)
        assert [call["period"] for call in service.calls] == ["202002,202004"]
        assert [(row[3], row[5]) for row in staged(MONTHLY, done)] == [
            ("202001", 1000.0),
            ("202002", 5.0),
            ("202003", 1000.0),
            ("202004", 1000.0),
        ]


def test_a_damaged_file_in_landing_is_asked_for_again(monkeypatch, clock):
    with asked(Service(reports(range(2020, 2021))), monkeypatch) as service:
        first = pipeline.ingest(ANNUAL)
        snapshot = landing.load(ANNUAL, first["vintages"][0]["vintage_id"].partition("@")[2])
        path = next(snapshot.path.glob("398-2020-*.json"))
        path.write_bytes(path.read_bytes()[:-40])
        service.releases[860, "2020"] = "2026-06-01T00:00:00"
        service.calls.clear()
        second = pipeline.ingest(ANNUAL)
        assert sorted(call["reporterCode"] for call in service.calls) == ["398", "860"]
        assert staged(ANNUAL, second) == staged(ANNUAL, first)


def test_a_fetch_that_a_release_overtakes_keeps_what_it_has(monkeypatch, clock):
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_CALLS_PER_DAY", "4")
    with asked(Service(reports()), monkeypatch) as service:
        with pytest.raises(QuotaExhausted):
            pipeline.ingest(ANNUAL)
        service.releases[860, "2021"] = "2026-07-13T23:00:00"
        clock.time += timedelta(days=1)
        service.calls.clear()
        done = pipeline.ingest(ANNUAL)
        assert [(c["reporterCode"], c["period"]) for c in service.calls] == [("860", "2020"), ("860", "2021")]
        assert len(staged(ANNUAL, done)) == expected(service, ANNUAL)


def test_the_allowance_ends_a_day_and_the_next_day_goes_on(monkeypatch, clock):
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_CALLS_PER_DAY", "2")
    with asked(Service(reports()), monkeypatch) as service:
        for day in (14, 15):
            with pytest.raises(QuotaExhausted) as spent:
                pipeline.ingest(ANNUAL)
            assert spent.value.resume_at == datetime(2026, 7, day, tzinfo=UTC)
            assert (spent.value.source, spent.value.dataset) == ("comtrade", "annual")
            assert f"2026-07-{day}" in str(spent.value)
            calls = len(service.calls)
            with pytest.raises(QuotaExhausted):
                pipeline.ingest(ANNUAL)
            assert len(service.calls) == calls, "the spent allowance was overdrawn"
            clock.time = spent.value.resume_at
        done = pipeline.ingest(ANNUAL)
        assert len(service.calls) == 6
        assert len({json.dumps(call) for call in service.calls}) == 6, "a question was asked twice"
        assert len(staged(ANNUAL, done)) == expected(service, ANNUAL)


def test_when_the_service_says_the_quota_is_spent_nobody_asks_before_it_said(monkeypatch, clock):
    with asked(Service(reports(), quota=3), monkeypatch) as service:
        with pytest.raises(QuotaExhausted) as caught:
            pipeline.ingest(ANNUAL)
        assert caught.value.resume_at == FIRST_DAY + timedelta(hours=5, minutes=30)
        assert "The service says" in str(caught.value)
        clock.time += timedelta(hours=5)
        with pytest.raises(QuotaExhausted):
            pipeline.ingest(ANNUAL)
        assert len(service.calls) == 4
        service.quota = None
        clock.time += timedelta(hours=1)
        assert len(staged(ANNUAL, pipeline.ingest(ANNUAL))) == expected(service, ANNUAL)


@pytest.mark.parametrize(
    ("headers", "text", "hours"),
    [
        ({}, "Out of call volume quota. Quota will be replenished in 02:00:00.", 2.0),
        ({}, "Out of call volume quota.", 15.0),
        ({"Retry-After": "3600"}, "Out of call volume quota. Quota will be replenished in 02:00:00.", 1.0),
        ({"Retry-After": "99999999"}, "Out of call volume quota.", 25.0),
        ({"Retry-After": "soon"}, "Out of call volume quota. Quota will be replenished in 02:00:00.", 2.0),
    ],
)
def test_the_time_to_resume_is_what_the_service_says_within_reason(monkeypatch, clock, headers, text, hours):
    def script(path: str, _: dict[str, str]) -> tuple[int, bytes, dict[str, str]] | None:
        body = json.dumps({"statusCode": 403, "message": text}).encode()
        return (403, body, headers) if "/get/" in path else None

    with asked(Service(reports(), script=script), monkeypatch), pytest.raises(QuotaExhausted) as caught:
        pipeline.ingest(ANNUAL)
    assert caught.value.resume_at == FIRST_DAY + timedelta(hours=hours)


def test_a_rate_limit_is_waited_out_and_every_attempt_counts(monkeypatch, clock):
    turned_away: list[str] = []

    def script(path: str, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]] | None:
        if "/get/" in path and query["period"] not in turned_away:
            turned_away.append(query["period"])
            return 429, b'{ "statusCode": 429, "message": "Rate limit is exceeded." }', {"Retry-After": "0"}
        return None

    with asked(Service(reports(range(2020, 2021)), script=script), monkeypatch) as service:
        pipeline.ingest(ANNUAL)
        assert comtrade.budget_of("comtrade", clock).left() == 500 - len(service.calls) - 1


def refusing(status: int, body: bytes):
    return lambda path, _: (status, body, {}) if "/get/" in path else None


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b'{ "statusCode": 401, "message": "Access denied due to missing subscription key." }', "COMTRADE_KEY"),
        (403, b'{ "statusCode": 403, "message": "Forbidden" }', "suspended"),
        (404, b'{ "statusCode": 404, "message": "Resource not found" }', "Resource not found"),
        (414, b"<html><body>Request URL Too Long</body></html>", "Request URL Too Long"),
        (
            400,
            b'{"count":-1,"data":[],"error":"Invalid parameter value",'
            b'"errorObject":[{"MemberNames":["cmdCode"],"ErrorMessage":"The field cmdCode is invalid"}]}',
            "The field cmdCode is invalid",
        ),
        (400, b'{"errorObject":[{"errorMessage":"lower case"}]}', "lower case"),
        (200, envelope([], count=-1, error="Invalid parameter value"), "Invalid parameter value"),
        (200, envelope([record()], count=3), "holds 1"),
        (200, b'{"elapsedTime":"","data":[],"error":""}', "does not say how many"),
        (200, b'{"unexpected":1}', "no list of records"),
        (200, envelope([record(partnerCode=555)]), "555"),
    ],
)
def test_a_refusal_ends_the_fetch_at_once_and_says_what_to_do(monkeypatch, clock, status, body, message):
    with asked(Service(reports(), script=refusing(status, body)), monkeypatch) as service:
        with pytest.raises(SourceContractError, match=message) as caught:
            pipeline.ingest(ANNUAL)
        assert caught.value.remedy
        assert sum("/get/" in target for target in service.asked) == 1
        assert (caught.value.source, caught.value.dataset) == ("comtrade", "annual")


def test_a_reporter_that_the_catalogue_does_not_know_is_named_before_anything_is_spent(monkeypatch, clock):
    with asked(Service([*reports(), record(555, "2020", partner=398)]), monkeypatch) as service:
        with pytest.raises(SourceContractError, match=r"555") as caught:
            pipeline.ingest(MIRROR)
        assert "comtrade_areas.csv" in str(caught.value)
        assert service.calls == []


def test_an_area_in_the_lists_that_the_catalogue_does_not_know_is_named_before_anything_is_spent(monkeypatch, clock):
    def script(path: str, _: dict[str, str]) -> tuple[int, bytes, dict[str, str]] | None:
        if not path.endswith("partnerAreas.json"):
            return None
        entries = [{"id": 398, "text": "Kazakhstan"}, {"id": 556, "text": "Atlantis"}]
        return 200, json.dumps({"results": entries}).encode(), {}

    with asked(Service(reports(), script=script), monkeypatch) as service:
        with pytest.raises(SourceContractError, match=r"556 \(Atlantis\)"):
            pipeline.ingest(ANNUAL)
        assert service.calls == []


def test_groups_are_not_asked_and_their_members_are(monkeypatch, clock):
    with asked(Service([*reports(), record(97, "2020", partner=398)]), monkeypatch) as service:
        pipeline.ingest(MIRROR)
        assert not any("97" in call["reporterCode"].split(",") for call in service.calls)


def test_nothing_on_file_is_said_and_not_staged(monkeypatch, clock):
    with asked(Service([record(156, "2020", partner=398)]), monkeypatch):
        with pytest.raises(SourceContractError, match="on file"):
            pipeline.ingest(ANNUAL)
        assert outlook([ANNUAL])["datasets"] == [], "the plan of the others does not suffer"


def test_years_in_the_wrong_order_are_no_plan(monkeypatch, clock):
    with asked(Service(reports()), monkeypatch), pytest.raises(UsageError, match="no range of years"):
        outlook([ANNUAL], (2020, 2010))


def test_without_a_key_nothing_is_asked_unless_the_preview_is_wanted(monkeypatch, clock):
    monkeypatch.delenv("AGROCLUSTER_COMTRADE_KEY")
    with asked(Service(reports()), monkeypatch) as service:
        done = pipeline.ingest(ANNUAL)
        assert "no key" in done["absent"]
        assert (done["changed"], service.calls) == (False, [])


def test_what_comes_from_downloads_is_never_asked_for(monkeypatch, clock):
    with asked(Service(reports()), monkeypatch) as service:
        assert "downloads" in pipeline.ingest("comtrade__mirror_monthly")["absent"]
        assert service.calls == []


def test_a_period_on_request_does_not_stand_for_everything_though_nothing_else_is_on_file(monkeypatch, clock):
    with asked(Service(reports()), monkeypatch) as service:
        pipeline.ingest(ANNUAL, years=(2012, 2030))
        service.calls.clear()
        assert pipeline.ingest(ANNUAL)["changed"] is True
        assert service.calls == [], "what landing holds is not asked for again"
        assert [v.scope for v in vintages.accepted([ANNUAL])] == ["full", "partial"]
        assert pipeline.ingest(ANNUAL)["changed"] is False


def test_years_can_be_chosen(monkeypatch, clock):
    with asked(Service(reports()), monkeypatch) as service:
        pipeline.ingest(ANNUAL, years=(2020, 2020))
        assert {call["period"] for call in service.calls} == {"2020"}
        service.calls.clear()
        pipeline.ingest(ANNUAL)
        assert {call["period"] for call in service.calls} == {"2019", "2021"}, "2020 was in landing"


def test_a_code_that_no_list_of_products_has_is_named(monkeypatch, clock):
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_RECORDS_PER_CALL", "4")

    def script(path: str, _: dict[str, str]) -> tuple[int, bytes, dict[str, str]] | None:
        entries = [{"id": "100001", "text": "x"}]
        return (200, json.dumps({"results": entries}).encode(), {}) if path.endswith("H5.json") else None

    with (
        asked(Service(reports(), script=script), monkeypatch),
        pytest.raises(SourceContractError, match=r"lack code\(s\).*100000"),
    ):
        pipeline.ingest(ANNUAL)


def test_the_fingerprint_changes_with_the_data_and_not_with_the_day(monkeypatch, clock):
    spec = catalog().dataset(ANNUAL)

    def fingerprint(last: int = 2030) -> str:
        with connect("comtrade") as client:
            return comtrade.ADAPTER.probe(spec, client, Years(2012, last)).fingerprint

    with asked(Service(reports()), monkeypatch) as service:
        first = fingerprint()
        assert fingerprint(2031) == first
        service.releases[860, "2020"] = "2026-06-01T00:00:00"
        assert fingerprint() != first
        service.releases.clear()
        service.records.append(record(398, "2020", "990001", 156))
        assert fingerprint() != first
        assert service.calls == []


def test_the_plan_says_what_it_costs_and_how_long_it_takes(monkeypatch, clock, data_root: Path):
    monkeypatch.setenv("AGROCLUSTER_COMTRADE_CALLS_PER_DAY", "2")
    with asked(Service(reports()), monkeypatch) as service:
        plan = outlook([ANNUAL, MIRROR])
        assert service.calls == []
        assert [(d["dataset_id"], d["calls"], d["at_least"]) for d in plan["datasets"]] == [
            (ANNUAL, 6, False),
            (MIRROR, 3, True),
        ]
        assert (plan["calls"], plan["days"]) == (9, 5)
        assert plan["budget"] == {"keyed": True, "calls_per_day": 2, "left_today": 2, "resume_at": None}
        with pytest.raises(QuotaExhausted):
            pipeline.ingest(ANNUAL)
        plan = outlook([ANNUAL])
        assert (plan["calls"], plan["days"], plan["budget"]["left_today"]) == (4, 2, 0)
        assert plan["budget"]["resume_at"] == "2026-07-14T00:00:00+00:00"
    assert not list((data_root / "landing").rglob("snapshot.json"))
