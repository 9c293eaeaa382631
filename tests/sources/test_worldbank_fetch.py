"""The adapter against a service that keeps its manners, good and bad, in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.http import Fetched
from agrocluster.model.fetching import Probe, StageLog, Years
from agrocluster.model.loader import catalog
from agrocluster.sources.registry import adapter, reader

SPEC = catalog().dataset("worldbank__lpi")
CODES = [i.code for i in catalog().indicators["worldbank__lpi"]]
STAMP = "2023-04-21"
WORLDBANK = adapter("worldbank")
PLACES = [("KZ", "KAZ"), ("KG", "KGZ"), ("TJ", "TJK"), ("UZ", "UZB"), ("1W", "WLD")]


class Service:
    """Answers like the service for a set of served indicators; ``alter`` changes an answer on its way out."""

    def __init__(self, served: list[str], *, cap: int = 7, unknown_economies: tuple[str, ...] = ()) -> None:
        self.served, self.cap, self.unknown = set(served), cap, set(unknown_economies)
        self.asked: list[str] = []
        self.alter: Callable[[int, Any], Any] = lambda _, answer: answer

    def get(self, path: str, *, params: dict[str, Any], **_: Any) -> Fetched:
        self.asked.append(path)
        answer = self.alter(len(self.asked), self._answer(path, params))
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        url = f"https://api.worldbank.org/v2/{path}?page={params.get('page')}"
        return Fetched(200, url, body, {}, "2026-07-13T08:15:00Z", hashlib.sha256(body).hexdigest())

    def _answer(self, path: str, params: dict[str, Any]) -> Any:
        _, place, *rest = path.split("/")
        economies = place.split(";")
        if self.unknown & set(economies):
            return [{"message": [{"id": "120", "key": "Invalid value", "value": "Not valid"}]}]
        if not rest:
            return [{"page": 1, "pages": 1, "per_page": "400", "total": 1}, [{"id": "KAZ"}]]
        codes = rest[1].split(";")
        if bad := [code for code in codes if code not in self.served]:
            return [{"message": [{"id": "175" if "OLD" in bad[0] else "120", "key": "Invalid", "value": "No"}]}]
        first, last = (int(year) for year in params["date"].split(":"))
        rows = [
            self._row(code, *place, year) for code in codes for place in PLACES for year in range(last, first - 1, -1)
        ]
        size, page = min(int(params["per_page"]), self.cap), int(params["page"])
        head = {"page": page, "pages": ceil(len(rows) / size), "per_page": str(size), "total": len(rows)}
        head |= {"sourceid": "66", "lastupdated": STAMP}
        return [head, rows[(page - 1) * size : page * size] or None]

    @staticmethod
    def _row(code: str, iso2: str, iso3: str, year: int) -> dict[str, Any]:
        row = {"indicator": {"id": code, "value": code}, "country": {"id": iso2, "value": iso3}, "countryiso3code": ""}
        return row | {"date": str(year), "value": 2.5 if year % 2 else None, "unit": "", "obs_status": "", "decimal": 0}


def probe_for(codes: list[str], economies: list[str] | None = None) -> Probe:
    details = {"first_year": 2022, "last_year": 2023, "indicators": codes, "archived": []}
    return Probe(STAMP, "f", details | {"economies": economies or ["all"]})


def fetch(service: Service, codes: list[str], into: Path, economies: list[str] | None = None):
    return WORLDBANK.fetch(SPEC, probe_for(codes, economies), {"id": "lpi-01", "indicators": codes}, service, into)


def staged(files, into: Path) -> tuple[list[tuple], StageLog]:
    log, rows = StageLog(), []
    for file in files:
        for batch in reader(file.format)(into / file.name, file, SPEC, log):
            rows += [tuple(row.values()) for row in batch.to_pylist()]
    return sorted(rows), log


def test_a_probe_costs_one_small_request_and_tells_the_update():
    service = Service(CODES)
    probe = WORLDBANK.probe(SPEC, service, Years(2010, 2023))
    assert probe.stamp == STAMP
    assert service.asked == ["country/KAZ/indicator/LP.LPI.OVRL.RK"]
    assert json.loads(json.dumps(probe.as_dict())) == probe.as_dict()


def test_the_fingerprint_changes_with_the_update_the_years_and_nothing_else():
    def print_of(stamp: str, last: int) -> str:
        service = Service(CODES)
        service.alter = lambda _, answer: [answer[0] | {"lastupdated": stamp}, answer[1]]
        return WORLDBANK.probe(SPEC, service, Years(2010, last)).fingerprint

    assert print_of(STAMP, 2023) == print_of(STAMP, 2023)
    assert len({print_of(STAMP, 2023), print_of("2024-01-01", 2023), print_of(STAMP, 2022)}) == 3


def test_a_probe_survives_a_first_indicator_that_is_gone():
    assert WORLDBANK.probe(SPEC, Service(CODES[2:]), Years(2010, 2023)).stamp == STAMP


def test_a_probe_of_a_source_that_serves_nothing_says_so():
    with pytest.raises(SourceContractError, match="does not say when database 66 was updated"):
        WORLDBANK.probe(SPEC, Service([]), Years(2010, 2023))


def test_archived_indicators_are_not_asked_for_but_reported():
    spec = catalog().dataset("worldbank__wdi")
    service = Service([i.code for i in catalog().indicators[spec.id]])
    probe = WORLDBANK.probe(spec, service, Years(2020, 2023))
    asked = [code for piece in WORLDBANK.slices(spec, probe, service) for code in piece["indicators"]]
    assert "IC.BUS.EASE.XQ" in probe.details["archived"]
    assert not set(asked) & set(probe.details["archived"])
    assert asked == probe.details["indicators"]


def test_all_pages_arrive_unchanged_and_add_up(tmp_path):
    service = Service(CODES)
    files = fetch(service, CODES, tmp_path)
    assert [f.name for f in files] == [f"lpi-01-p{n:03d}.json" for n in range(1, 17)]
    for file in files:
        assert hashlib.sha256((tmp_path / file.name).read_bytes()).hexdigest() == file.sha256
    assert sum(f.details["rows"] for f in files) == len(CODES) * len(PLACES) * 2
    rows, log = staged(files, tmp_path)
    assert len(rows) == len(CODES) * 4
    assert log.excluded == {"aggregate": len(CODES) * 2, "no_value": len(CODES) * 4}


@settings(max_examples=40, deadline=None)
@given(bad=st.sets(st.integers(0, 40), max_size=12), cap=st.integers(3, 500))
def test_bad_indicators_are_found_by_name_and_the_others_kept(tmp_path_factory, bad, cap):
    into = tmp_path_factory.mktemp("wb")
    codes = [f"OLD{n}" if n in bad and n % 2 else f"BAD{n}" if n in bad else f"OK{n}" for n in range(41)]
    good = [code for code in codes if code.startswith("OK")]
    service = Service(good, cap=cap)
    files = fetch(service, codes, into)
    assert set(files[0].details["left_out"]) == set(codes) - set(good)
    assert [c for c in codes if c in {c for f in files for c in f.details["indicators"]}] == good
    found = [json.loads((into / f.name).read_text())[1] for f in files]
    series = [(row["indicator"]["id"], row["country"]["id"], row["date"]) for rows in found for row in rows]
    assert len(series) == len(set(series)) == len(good) * len(PLACES) * 2


def test_what_is_left_out_reaches_the_staging_log(tmp_path):
    service = Service(CODES[1:])
    _, log = staged(fetch(service, CODES, tmp_path), tmp_path)
    assert log.notes["not_served"] == {CODES[0]: "message 120, Invalid: No"}


def test_if_nothing_is_served_the_indicators_are_named(tmp_path):
    with pytest.raises(SourceContractError, match="none of the 2 indicators") as caught:
        fetch(Service([]), ["BAD1", "OLD2"], tmp_path)
    assert "BAD1 (message 120" in str(caught.value)
    assert "OLD2 (message 175" in str(caught.value)
    assert caught.value.period == "2022-2023"


def test_an_unknown_economy_is_found_by_name(tmp_path):
    service = Service(CODES, unknown_economies=("XXX",))
    files = fetch(service, CODES, tmp_path, ["KAZ", "XXX", "UZB"])
    assert list(files[0].details["left_out"]) == ["XXX"]
    assert service.asked[-1].startswith("country/KAZ;UZB/indicator/")


def test_an_xml_error_counts_like_a_json_one(tmp_path):
    service = Service(CODES[1:])
    message = '<?xml version="1.0"?><wb:error xmlns:wb="x"><wb:message id="175" key="K">gone</wb:message></wb:error>'
    service.alter = lambda _, answer: message if "message" in answer[0] else answer
    files = fetch(service, CODES, tmp_path)
    assert files[0].details["left_out"] == {CODES[0]: "message 175, K: gone"}


def once(number: int, change: Callable[[Any], Any]) -> Callable[[int, Any], Any]:
    return lambda n, answer: change(answer) if n == number else answer


CONTRADICTIONS = {
    "total changes": lambda a: [a[0] | {"total": 5}, a[1]],
    "another page": lambda a: [a[0] | {"page": 9}, a[1]],
    "wrong number of pages": lambda a: [a[0] | {"pages": 99}, a[1]],
    "rows missing": lambda a: [a[0], a[1][:-1]],
    "no rows": lambda a: [a[0], None],
    "updated meanwhile": lambda a: [a[0] | {"lastupdated": "2024-01-01"}, a[1]],
    "empty past the end": lambda _: [],
    "a message": lambda _: [{"message": [{"id": "120", "key": "K", "value": "V"}]}],
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_pages_that_contradict_each_other_are_fetched_again(tmp_path, kind):
    service = Service(CODES)
    service.alter = once(3, CONTRADICTIONS[kind])
    files = fetch(service, CODES, tmp_path)
    calm = Service(CODES)
    assert [f.sha256 for f in files] == [f.sha256 for f in fetch(calm, CODES, tmp_path / "calm")]
    assert len(service.asked) == 3 + len(calm.asked)


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_lasting_contradictions_end_as_unavailable(tmp_path, kind):
    service = Service(CODES)
    service.alter = lambda n, answer: CONTRADICTIONS[kind](answer) if answer[0].get("page") == 2 else answer
    with pytest.raises(SourceUnavailable, match="publishing an update") as caught:
        fetch(service, CODES, tmp_path)
    assert (caught.value.source, caught.value.dataset, caught.value.period) == ("worldbank", "lpi", "2022-2023")


def test_a_first_page_without_room_does_not_loop(tmp_path):
    service = Service(CODES)
    service.alter = lambda _, answer: [answer[0] | {"per_page": 0}, []]
    with pytest.raises(SourceUnavailable, match="does not fit"):
        fetch(service, CODES, tmp_path)


def test_an_empty_answer_is_kept_as_such(tmp_path):
    service = Service(CODES)
    service.alter = lambda _, answer: [answer[0] | {"page": 0, "pages": 0, "total": 0}, None]
    files = fetch(service, CODES, tmp_path)
    assert [f.details["rows"] for f in files] == [0]
    assert staged(files, tmp_path) == ([], StageLog())


def test_an_answer_from_another_database_is_refused(tmp_path):
    service = Service(CODES)
    service.alter = lambda _, answer: [answer[0] | {"sourceid": "2"}, answer[1]]
    with pytest.raises(SourceContractError, match="Asked database 66 and got an answer from database 2"):
        fetch(service, CODES, tmp_path)


@pytest.mark.parametrize(("number", "error"), [("105", SourceUnavailable), ("150", SourceContractError)])
def test_other_messages_are_not_taken_for_missing_indicators(tmp_path, number, error):
    service = Service(CODES)
    service.alter = lambda *_: [{"message": [{"id": number, "key": "K", "value": "Because"}]}]
    with pytest.raises(error, match=f"message {number} .*Because"):
        fetch(service, CODES, tmp_path)
    assert len(service.asked) == 1
