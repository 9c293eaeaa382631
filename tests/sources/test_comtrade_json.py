"""Answers are read the same whatever the order of fields, the white space, the pieces and the spelling of numbers."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from comtrade_service import envelope, record
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.errors import SourceContractError, SourceUnavailable
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog
from agrocluster.sources import comtrade_json
from agrocluster.sources.comtrade_envelope import Answer, UnlikeAnswer
from agrocluster.sources.comtrade_fields import FIELDS
from agrocluster.sources.comtrade_rows import read_comtrade_json, record_tables

ANNUAL = catalog().dataset("comtrade__annual")
NASTY = '"},{"x":[1],"data":[{\\" \\\\ ] } , \n é \u2028'
AWKWARD = st.text(alphabet=st.sampled_from('{}[]",:\\ \n\tab\u00e9\u2028'), max_size=12)


def pieces(body: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return (body[a:b] for a, b in pairwise(places) if a < b)


def spelled(document: dict[str, Any], chance: random.Random, indent: int | None, *, ascii_only: bool) -> bytes:
    """The same document with its fields in another order and other white space."""

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            chance.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(entry) for entry in value] if isinstance(value, list) else value

    return json.dumps(shuffled(document), indent=indent, ensure_ascii=ascii_only).encode()


def scanned(body: bytes, cuts: list[int], size: int) -> tuple[list[Any], dict[str, Any], int]:
    answer = Answer(pieces(body, cuts), size)
    found: list[Any] = []
    for block in answer:
        text = block.tobytes().decode()
        place, decoder = 0, json.JSONDecoder()
        while (place := len(text) - len(text[place:].lstrip())) < len(text):
            value, place = decoder.raw_decode(text, place)
            found.append(value)
    return found, answer.frame, answer.records


@given(
    entries=st.lists(st.dictionaries(AWKWARD, st.one_of(AWKWARD, st.integers(), st.booleans(), st.none())), max_size=9),
    nested=st.recursive(st.none(), lambda inner: st.lists(inner) | st.dictionaries(AWKWARD, inner), max_leaves=5),
    indent=st.sampled_from([None, 0, 3]),
    ascii_only=st.booleans(),
    cuts=st.lists(st.integers(0, 5000), max_size=20),
    size=st.integers(1, 400),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=300)
def test_the_scanner_finds_what_a_parser_finds(entries, nested, indent, ascii_only, cuts, size, seed):
    entries = [{**entry, "deep": nested} for entry in entries]
    around = {"elapsedTime": NASTY, "count": len(entries), "error": "", "errorObject": [{"MemberNames": ["data"]}]}
    body = spelled({**around, "data": entries}, random.Random(seed), indent, ascii_only=ascii_only)
    found, frame, records = scanned(body, cuts, size)
    assert found == entries
    assert records == len(entries)
    assert frame == {**around, "data": []}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"",
        b"<html>data</html>",
        b'{"count":0}',
        b'{"data":null}',
        b'{"data":{"data":[]}}',
        b'{"data":[1,2]}',
        b'{"data":[{"a":1} {"a":2}]}',
        b'{"data":[{"a":1},,{"a":2}]}',
        b'{"data":[{"a":1},]}',
        b'{"data":[,{"a":1}]}',
        b'{"data":[{"a":1},null]}',
        b'{"data":[{"a":1}',
        b'{"data":[{"a":1}]',
        b'{"data":[{"a":1}]} {}',
        b'{"data":[{"a":1}],"data":[{"a":2}]}',
        b'{"data":[{"a":"x]}',
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_document_of_another_shape_is_not_mistaken_for_an_answer(body, size):
    with pytest.raises(UnlikeAnswer):
        list(Answer(iter([body]), size))


def land(tmp_path: Path, body: bytes, name: str = "answer.json", **details: Any) -> tuple[Path, RawFile]:
    path = tmp_path / name
    path.write_bytes(body)
    return path, RawFile(name, "comtrade_json", f"file:{name}", "", len(body), "2026-01-01T00:00:00Z", details=details)


def rows_of(path: Path, file: RawFile, log: StageLog | None = None) -> list[dict[str, Any]]:
    batches = read_comtrade_json(path, file, ANNUAL, log or StageLog())
    return [row for batch in batches for row in batch.to_pylist()]


FIGURES = st.one_of(st.none(), st.floats(0, 1e12, allow_nan=False), st.integers(0, 10**12))
RECORDS = st.lists(
    st.builds(
        record,
        period=st.sampled_from(["2019", "2020"]),
        code=st.sampled_from(["TOTAL", "010121", "520100"]),
        partner=st.sampled_from([0, 156, 899, 842]),
        flow=st.sampled_from(["X", "M", "RX"]),
        value=st.floats(0, 1e12, allow_nan=False),
        netWgt=FIGURES,
        qty=FIGURES,
        mosCode=st.sampled_from(["0", "0 ", "-1", "1"]),
        isNetWgtEstimated=st.booleans(),
        cmdDesc=AWKWARD,
    ),
    max_size=12,
)


def as_texts(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for k, v in entry.items()}


@given(entries=RECORDS, seed=st.integers(0, 10**6), indent=st.sampled_from([None, 2]))
@settings(max_examples=80)
def test_rows_do_not_depend_on_how_an_answer_is_spelled(tmp_path_factory, entries, seed, indent):
    tmp_path = tmp_path_factory.mktemp("answers")
    document = {"elapsedTime": "1", "count": len(entries), "data": entries, "error": ""}
    plain, file = land(tmp_path, json.dumps(document).encode())
    first = StageLog()
    expected = rows_of(plain, file, first)
    body = spelled(document, random.Random(seed), indent, ascii_only=False)
    in_texts = json.dumps({**document, "data": [as_texts(entry) for entry in entries]}).encode()
    for other in (body, gzip.compress(body), in_texts):
        log = StageLog()
        assert rows_of(*land(tmp_path, other, "other.json"), log) == expected
        assert log.excluded == first.excluded
        assert [(rule, kept.num_rows) for rule, _, kept in log.rejected] == [
            (rule, kept.num_rows) for rule, _, kept in first.rejected
        ]


@given(entries=RECORDS)
@settings(max_examples=80)
def test_every_record_is_a_row_or_accounted_for_and_missing_is_never_zero(tmp_path_factory, entries):
    log = StageLog()
    rows = rows_of(*land(tmp_path_factory.mktemp("answers"), envelope(entries)), log)
    assert len(rows) + sum(log.excluded.values()) + sum(t.num_rows for _, _, t in log.rejected) == len(entries)
    assert len({tuple(row[name] for name in ("partner", "flow", "period", "hs_code")) for row in rows}) == len(rows)
    assert all(row["net_kg"] != 0 and row["qty"] != 0 for row in rows)


def test_large_answers_are_read_in_blocks(tmp_path):
    entries = [record(code=f"{n:06d}", partner=156, netWgt=float(n)) for n in range(1, 9000)]
    path, file = land(tmp_path, envelope(entries))
    assert path.stat().st_size > 4 << 20
    rows = rows_of(path, file)
    assert [row["hs_code"] for row in rows] == [entry["cmdCode"] for entry in entries]
    assert [row["net_kg"] for row in rows] == [entry["netWgt"] for entry in entries]
    keys = list(record_tables(path))
    assert sum(table.num_rows for table in keys) == len(entries)


def test_what_was_not_asked_for_and_what_a_newer_file_replaces_is_not_staged(tmp_path):
    entries = [record(period="2020"), record(period="2021"), record(period="2019"), record(reporter=417)]
    details = {"reporters": [398], "periods": ["2020", "2021"], "without_periods": ["2021"]}
    log = StageLog()
    rows = rows_of(*land(tmp_path, envelope(entries), **details), log)
    assert [row["period"] for row in rows] == ["2020"]
    assert dict(log.excluded) == {"replaced by a newer file": 1}
    assert [(rule, kept.num_rows) for rule, _, kept in log.rejected] == [("not_asked_for", 2)]


def test_replaced_reporters_are_left_out(tmp_path):
    mirror = catalog().dataset("comtrade__mirror")
    entries = [record(reporter=156, partner=398), record(reporter=643, partner=398)]
    details = {"reporters": [156, 643], "periods": ["2020"], "without_reporters": [643]}
    path, file = land(tmp_path, envelope(entries), **details)
    log = StageLog()
    rows = [row for batch in read_comtrade_json(path, file, mirror, log) for row in batch.to_pylist()]
    assert [row["reporter"] for row in rows] == ["CHN"]
    assert dict(log.excluded) == {"replaced by a newer file": 1}


def test_a_flow_that_stands_twice_is_kept_once(tmp_path):
    entries = [record(value=1.0), record(value=2.0), record(partner=643), record(value=1.0)]
    log = StageLog()
    rows = rows_of(*land(tmp_path, envelope(entries)), log)
    assert [(row["partner"], row["value_usd"]) for row in rows] == [("CHN", 1.0), ("RUS", 1000.0)]
    ((rule, reason, kept),) = log.rejected
    assert (rule, kept["value_usd"].to_pylist()) == ("repeated_flow", ["2", "1"])
    assert "earlier row" in reason


@pytest.mark.parametrize("spell", [lambda entry: entry, as_texts], ids=["usual", "numbers as texts"])
@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_field_that_is_missing_is_named(tmp_path, field, spell):
    entry = spell(record())
    del entry[field]
    path, file = land(tmp_path, envelope([entry]), reporters=[398], periods=["2020"])
    with pytest.raises(SourceContractError, match=rf"without the field\(s\) {field}\b"):
        rows_of(path, file)


def test_fields_that_the_contract_does_not_know_are_noted(tmp_path):
    log = StageLog()
    assert len(rows_of(*land(tmp_path, envelope([record(newField=1)])), log)) == 1
    assert log.notes["fields_not_in_the_contract"] == ["newField"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (envelope([record()], count=2), "says that it holds 2 records and holds 1"),
        (envelope([], error="Invalid parameter value"), "the message 'Invalid parameter value'"),
        (envelope([record(partnerCode=555)]), "area code.* 555"),
        (b'{"count":1,"data":[{"a":', "no JSON document of the API"),
        (b'{"count":1,"data":"none"}', "no list of records"),
        (b'{"count":1,"data":[1]}', "no list of records"),
        (b"\xff\xfe{}", "not UTF-8"),
    ],
)
def test_an_answer_that_contradicts_its_contract_is_refused(tmp_path, body, message):
    with pytest.raises(SourceContractError, match=message):
        rows_of(*land(tmp_path, body))


def test_a_gzip_file_that_is_cut_off_is_to_be_fetched_again(tmp_path):
    packed = gzip.compress(envelope([record(code=f"{n:06d}") for n in range(1, 400)]))
    with pytest.raises(SourceUnavailable, match="not complete"):
        rows_of(*land(tmp_path, packed[: len(packed) // 2]))


def test_values_that_are_no_numbers_go_to_quarantine(tmp_path):
    log = StageLog()
    entries = [as_texts(record()), {**as_texts(record(partner=643)), "primaryValue": "1,000"}]
    assert len(rows_of(*land(tmp_path, envelope(entries)), log)) == 1
    assert [(rule, kept.num_rows) for rule, _, kept in log.rejected] == [("not_a_number", 1)]


def test_an_empty_answer_gives_no_rows_and_no_complaint(tmp_path):
    log = StageLog()
    assert rows_of(*land(tmp_path, envelope([]), reporters=[398], periods=["2020"]), log) == []
    assert not log.excluded
    assert not log.rejected


@pytest.mark.real
def test_recorded_answers_are_read_in_blocks_with_their_own_count(real_data):
    folder = real_data / "comtrade" / "v1_data"
    for name in ("CHN_TOTAL_2010_minified.json", "CHN_TOTAL_2010_pretty.json"):
        body = (folder / name).read_bytes()
        tables, frame = comtrade_json.tables(lambda body=body: iter([body]), name, needed=tuple(FIELDS))
        expected = json.loads(body)["data"]
        assert frame.count == frame.records == len(expected)
        assert frame.unforeseen == ()
        assert [v for t in tables for v in t["primaryValue"].to_pylist()] == [r["primaryValue"] for r in expected]
