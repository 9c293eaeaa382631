"""The plan asks for every record exactly once, within every limit of the service, whatever is on file."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agrocluster.errors import SourceContractError
from agrocluster.sources import comtrade_plan as planning
from agrocluster.sources.comtrade_api import FLOWS, PINS, Filed, Question
from agrocluster.sources.comtrade_plan import Limits, Scope

FOCUS = (398, 417, 762, 860)
OTHERS = (4, 31, 156, 251, 276, 643, 699, 792, 842)
CODES = tuple(f"{chapter:02d}{n:02d}{m:02d}" for chapter in (1, 8, 10, 52, 99) for n, m in product((1, 5), (10, 90)))
KINDS = ("TOTAL", *sorted({c[:2] for c in CODES}), *sorted({c[:4] for c in CODES}), *CODES)


def level(code: str) -> str:
    return "TOTAL" if code == "TOTAL" else f"AG{len(code)}"


def codes_of(wanted: str) -> list[str]:
    return [code for code in KINDS if level(code) == wanted]


def matches(question: Question, row: tuple[int, str, str, str, int]) -> bool:
    reporter, period, code, flow, partner = row
    return (
        reporter in question.reporters
        and period in question.periods
        and (code in question.products or level(code) in question.products)
        and (not question.flows or flow in question.flows)
        and (not question.partners or partner in question.partners)
    )


def filed_for(rows: set[tuple[int, str, str, str, int]], lies: dict[tuple[int, str], int]) -> list[Filed]:
    cells = sorted({(row[0], row[1]) for row in rows})
    return [Filed(*cell, "H5", lies.get(cell, 10), f"sum {cell}", "2026-01-01T00:00:00") for cell in cells]


def everything(scope, filed, rows, limits) -> tuple[list[set], list[Question]]:
    """Ask like the fetch does; returns the answers that were kept and all questions."""
    kept, asked = [], []
    waiting = planning.questions(scope, filed, limits)
    while waiting:
        question = waiting.pop(0)
        asked.append(question)
        found = sorted(row for row in rows if matches(question, row))
        if len(found) >= limits.records:
            seen = {row[0] for row in found[: limits.records]}
            guess = planning.parts_needed(scope, filed, question, seen, limits)
            waiting[:0] = planning.split(question, limits, codes_of, guess)
        else:
            kept.append(set(found))
    return kept, asked


@st.composite
def worlds(draw):
    view = draw(st.sampled_from(["reporter", "partner"]))
    freq = draw(st.sampled_from(["A", "M"]))
    year = draw(st.sampled_from(["2012", "2023"]))
    periods = [year] if freq == "A" else [f"{year}{month:02d}" for month in range(1, 13)]
    reporters, partners = (FOCUS[:1], (0, *OTHERS)) if view == "reporter" else (OTHERS, FOCUS)
    products = draw(st.sampled_from([("AG6",), ("TOTAL", "AG6"), ("AG2", "AG4", "AG6"), ("TOTAL",)]))
    every = st.tuples(*(st.sampled_from(x) for x in (reporters, periods, KINDS, FLOWS[:4], partners)))
    rows = draw(st.sets(every, min_size=1, max_size=150))
    lies = draw(st.dictionaries(st.tuples(st.sampled_from(reporters), st.sampled_from(periods)), st.integers(0, 10**7)))
    # A product of one flow and period has at most one record per partner, so this limit can always be kept.
    cap = draw(st.integers(len(partners) + 1, 60))
    limits = Limits(cap, draw(st.integers(1, 12)), draw(st.integers(330, 4000)))
    return Scope(freq, view, products, FOCUS), rows, lies, limits


@given(worlds())
@settings(max_examples=300)
def test_every_record_arrives_once_and_no_question_breaks_a_limit(world):
    scope, rows, lies, limits = world
    filed = filed_for(rows, lies)
    kept, asked = everything(scope, filed, rows, limits)
    wanted = {row for row in rows if row[2] in scope.products or level(row[2]) in scope.products}
    assert sum(map(len, kept)) == len(wanted), "a record was lost or came twice"
    assert set().union(*kept) == wanted
    for question in asked:
        assert len(question.periods) <= limits.periods
        assert planning.characters(question, limits) <= limits.characters
    assert all(len(answer) < limits.records for answer in kept)


@given(worlds())
@settings(max_examples=100)
def test_slices_hold_every_report_once(world):
    scope, rows, lies, _ = world
    filed = filed_for(rows, lies)
    pieces = planning.slices(scope, filed)
    assert sorted(tuple(entry) for piece in pieces for entry in piece["filed"]) == sorted(
        tuple(vars(entry).values()) for entry in filed
    )
    assert len({piece["id"] for piece in pieces}) == len(pieces)
    for piece in pieces:
        entries = [Filed(*entry) for entry in piece["filed"]]
        assert len({entry.period[:4] for entry in entries}) == 1
        if scope.view == "reporter":
            assert len({entry.reporter for entry in entries}) == 1


def test_a_question_pins_what_would_be_counted_twice():
    question = Question("A", (398,), ("2020",), ("AG6",))
    assert PINS == {"partner2Code": "0", "customsCode": "C00", "motCode": "0"}
    assert question.parameters(500) == {
        "reporterCode": "398",
        "period": "2020",
        "cmdCode": "AG6",
        **PINS,
        "maxRecords": 500,
    }
    assert "includeDesc" not in question.parameters(500)
    assert question.path(keyed=True) == "data/v1/get/C/A/HS"
    assert question.path(keyed=False) == "public/v1/preview/C/A/HS"


def test_the_order_of_splitting_is_reporters_periods_chapters_flows_products():
    limits = Limits(10, 12, 4000)
    question = Question("M", (398, 417), ("202001", "202002"), ("AG6",))
    steps = []
    while len(question.products) != 1 or len(question.flows) != 1:
        parts = planning.split(question, limits, codes_of)
        steps.append(next(name for name in vars(question) if getattr(parts[0], name) != getattr(question, name)))
        question = parts[0]
    with pytest.raises(SourceContractError, match="10 records"):
        planning.split(question, limits, codes_of)
    assert list(dict.fromkeys(steps)) == ["reporters", "periods", "products", "flows"]
    assert steps[-2:] == ["products", "products"], "a single chapter is divided after its flows"
    assert question.products == (CODES[0],)
    assert question.flows == ("M",)


def test_what_is_on_file_tells_how_many_questions_are_needed():
    limits = Limits(100_000, 12, 4000)
    scope = Scope("M", "reporter", ("AG6",), FOCUS)
    months = [Filed(398, f"2023{m:02d}", "H6", 60_000, "s", "2026-01-01T00:00:00") for m in range(1, 13)]
    asked = planning.questions(scope, months, limits)
    assert [len(question.periods) for question in asked] == [3, 3, 3, 3]
    assert planning.expected_calls(scope, months, limits) == 4
    assert planning.expected_calls(scope, [], limits) == 0


def test_an_answer_that_reached_half_of_the_reporters_is_cut_accordingly():
    limits = Limits(1000, 12, 4000)
    scope = Scope("A", "partner", ("AG6",), FOCUS)
    filed = [Filed(code, "2020", "H5", 10, "s", "2026-01-01T00:00:00") for code in OTHERS]
    question = planning.questions(scope, filed, limits)[0]
    assert planning.parts_needed(scope, filed, question, OTHERS[:3], limits) == 4
    assert planning.parts_needed(scope, filed, question, OTHERS, limits) == 2
    assert planning.parts_needed(scope, filed, question, [], limits) == 2


def test_an_edition_of_codes_is_asked_in_addresses_that_fit():
    limits = Limits(500, 1, 4000)
    every = [f"{chapter:02d}{n:04d}" for chapter in range(1, 98) for n in range(60)]
    question = Question("A", (398,), ("2020",), ("TOTAL", "AG6"))
    parts = planning.split(question, limits, lambda _: every)
    assert [code for part in parts for code in part.products] == ["TOTAL", *every]
    assert all(planning.characters(part, limits) <= 4000 for part in parts)
    assert len(parts) < 24
