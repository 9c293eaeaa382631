"""From what is on file at UN Comtrade to questions: slices, estimates, and how a question too large is split.

Pure decisions: nothing is fetched here. The service ends an answer at a number of records without saying so, so the
rule is: an answer that reaches the limit is thrown away and its question is split, by reporters, then periods, then
products (by chapters), then flows, then single products, until every part fits. The parts of a question ask for
each of its records exactly once (``tests/sources/test_comtrade_plan.py`` holds it with made-up services).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, TypeVar

from agrocluster.errors import SourceContractError
from agrocluster.sources.comtrade_api import FLOWS, Filed, Question

T = TypeVar("T")
Codes = Callable[[str], Sequence[str]]
"""All product codes of a level (``AG2``, ``AG4``, ``AG6``), ascending."""

SHARE = {"TOTAL": 0.01, "AG2": 0.12, "AG4": 0.32, "AG6": 0.55}
"""Rough shares of the levels among all records of a report; wrong ones cost calls, never records."""
MIRROR_SHARE = 0.03
"""Rough share of the four countries among the records of another reporter; as above."""
MAIN_FLOWS = ("M", "X")


@dataclass(frozen=True)
class Limits:
    """What one question may be: records in its answer, periods it names, characters of its address below the base."""

    records: int
    periods: int
    characters: int


@dataclass(frozen=True)
class Scope:
    """What a dataset asks for.

    Attributes:
        freq: A or M.
        view: ``reporter`` (reports of the four countries, all partners) or ``partner`` (reports of all others, with the
            four countries as partners).
        products: levels, as the service spells them.
        focus: area codes of the four countries.
    """

    freq: str
    view: str
    products: tuple[str, ...]
    focus: tuple[int, ...]

    @property
    def partners(self) -> tuple[int, ...]:
        """Partners to ask for; empty means all."""
        return self.focus if self.view == "partner" else ()

    def covers(self, reporter: int) -> bool:
        """Whether the reports of ``reporter`` belong to the dataset."""
        return (reporter in self.focus) == (self.view == "reporter")

    def share(self) -> float:
        """Estimated share of a report's records that the dataset asks for."""
        levels = min(1.0, sum(SHARE.get(product, 0.0) for product in self.products))
        return levels * (MIRROR_SHARE if self.view == "partner" else 1.0)

    def unit(self, filed: Filed) -> str:
        """What is asked for anew when it changes: a period of a reporter's slice, a reporter of a mirror slice."""
        return filed.period if self.view == "reporter" else str(filed.reporter)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form, for comparison."""
        return {**vars(self), "products": list(self.products), "focus": list(self.focus)}


def slices(scope: Scope, filed: Iterable[Filed]) -> list[dict[str, Any]]:
    """Pieces of the fetch: one per reporter and year, or one per year of all other reporters; only what is on file.

    Each has ``id`` and ``filed``, the values of its ``Filed`` entries.
    """
    found: dict[str, list[Filed]] = {}
    for entry in sorted(filed, key=lambda e: (e.period, e.reporter)):
        year = entry.period[:4]
        found.setdefault(f"mirror-{year}" if scope.view == "partner" else f"{entry.reporter}-{year}", []).append(entry)
    return [{"id": name, "filed": [list(vars(entry).values()) for entry in found[name]]} for name in sorted(found)]


def signatures(scope: Scope, filed: Iterable[Filed]) -> dict[str, str]:
    """Unit of a slice -> what changes exactly when its data change."""
    found: dict[str, list[str]] = {}
    for entry in sorted(filed, key=lambda e: (e.period, e.reporter)):
        found.setdefault(scope.unit(entry), []).append(f"{entry.period} {entry.signature}")
    return {unit: " | ".join(parts) for unit, parts in found.items()}


def questions(scope: Scope, filed: Sequence[Filed], limits: Limits) -> list[Question]:
    """First questions of a slice, each within the limits and expected to be answered within one answer."""
    periods = sorted({entry.period for entry in filed})
    reporters = sorted({entry.reporter for entry in filed})
    if not filed:
        return []
    whole = Question(scope.freq, tuple(reporters), tuple(periods), scope.products, scope.partners)
    weight = _weights(scope, filed)
    by_period = [replace(whole, periods=part) for part in _runs(periods, limits.periods, weight, limits.records)]
    found: list[Question] = []
    for question in by_period:
        share = len(question.periods) / len(periods)
        parts = _runs(reporters, len(reporters), {code: weight[code] * share for code in reporters}, limits.records)
        for part in parts:
            found.extend(fitting(replace(question, reporters=part), limits))
    return found


def fitting(question: Question, limits: Limits) -> list[Question]:
    """``question``, halved until the lists it names fit into the address."""
    if characters(question, limits) <= limits.characters and len(question.periods) <= limits.periods:
        return [question]
    for field in ("periods", "reporters", "products"):
        values: tuple[Any, ...] = getattr(question, field)
        if len(values) > 1:
            return [
                part
                for half in _halves(values)
                for part in fitting(replace(question, **{field: half}), limits)  # type: ignore[arg-type]
            ]
    raise _indivisible(question, f"its address has more than {limits.characters} characters")


def characters(question: Question, limits: Limits) -> int:
    """Length of the question's address below the base; its values need no escaping."""
    named = question.parameters(limits.records)
    path = max(len(question.path(keyed=True)), len(question.path(keyed=False)))
    return path + sum(len(name) + len(str(value)) + 2 for name, value in named.items())


def split(question: Question, limits: Limits, codes: Codes, parts: int = 2) -> list[Question]:
    """Smaller questions that together ask for what ``question`` asks for, each record once.

    Args:
        codes: lists the products of a level.
        parts: how many parts would probably do, where reporters or the products of a level are divided.

    Raises SourceContractError if nothing is left to divide.
    """
    if len(question.reporters) > 1:
        cut: list[dict[str, Any]] = [{"reporters": part} for part in _pieces(question.reporters, parts)]
    elif len(question.periods) > 1:
        cut = [{"periods": part} for part in _halves(question.periods)]
    elif products := _fewer_products(question.products, codes, parts):
        cut = [{"products": part} for part in products]
    elif flows := _fewer_flows(question.flows):
        cut = [{"flows": part} for part in flows]
    elif len(question.products) > 1:
        cut = [{"products": part} for part in _halves(question.products)]
    else:
        raise _indivisible(question, f"its answer reaches the limit of {limits.records:,} records")
    return [small for change in cut for small in fitting(replace(question, **change), limits)]


def parts_needed(scope: Scope, filed: Iterable[Filed], question: Question, seen: Iterable[int], limits: Limits) -> int:
    """Into how many parts to divide a question whose answer was cut off.

    Answers come ordered by reporter, so the share of the reporters that an answer reached (``seen``) tells how long it
    would have been. An answer in another order reaches them all; then, and for a single reporter, what is on file
    tells.
    """
    asked = [e for e in filed if e.reporter in question.reporters and e.period in question.periods]
    reached = set(seen)
    total, done = sum(e.records for e in asked), sum(e.records for e in asked if e.reporter in reached)
    guess = 1.2 * total / done if done else 0.0
    guess = max(guess, total * scope.share() / limits.records)
    return max(2, ceil(guess))


def expected_calls(scope: Scope, filed: Sequence[Filed], limits: Limits) -> int:
    """Number of questions a slice is expected to need, from the records on file and the limit of an answer."""
    records = sum(entry.records for entry in filed) * scope.share()
    return max(len(questions(scope, filed, limits)), ceil(records / limits.records))


def _weights(scope: Scope, filed: Iterable[Filed]) -> dict[Any, float]:
    """Expected records by period and by reporter (their types differ)."""
    share = scope.share()
    found: dict[Any, float] = {}
    for entry in filed:
        for name in (entry.period, entry.reporter):
            found[name] = found.get(name, 0.0) + entry.records * share
    return found


def _runs(values: Sequence[T], most: int, weight: Mapping[T, float], limit: float) -> list[tuple[T, ...]]:
    """``values`` in order, in runs of at most ``most`` whose weights add up to at most ``limit`` (or single ones)."""
    runs: list[tuple[T, ...]] = []
    run: tuple[T, ...] = ()
    load = 0.0
    for value in values:
        if run and (len(run) >= most or load + weight[value] > limit):
            runs.append(run)
            run, load = (), 0.0
        run, load = (*run, value), load + weight[value]
    return [*runs, run] if run else runs


def _pieces(values: Sequence[T], parts: int) -> list[tuple[T, ...]]:
    parts = max(2, min(parts, len(values)))
    return [tuple(values[n * len(values) // parts : (n + 1) * len(values) // parts]) for n in range(parts)]


def _halves(values: Sequence[T]) -> list[tuple[T, ...]]:
    return _pieces(values, 2)


def _fewer_products(products: tuple[str, ...], codes: Codes, parts: int) -> list[tuple[str, ...]]:
    """Products in several groups of whole chapters; empty if they are codes of one chapter."""
    levels = {product for product in products if product.startswith("AG")}
    listed = [code for product in products for code in (codes(product) if product in levels else (product,))]
    chapters: dict[str, list[str]] = {}
    for code in listed:
        chapters.setdefault(code[:2], []).append(code)
    if len(chapters) < 2:
        return [tuple(listed)] if levels else []
    return _balanced(list(chapters.values()), parts if levels else 2)


def _balanced(groups: Sequence[list[str]], parts: int) -> list[tuple[str, ...]]:
    """Groups, kept whole and in order, in up to ``parts`` (at least two) of about the same number of codes."""
    total, seen = sum(map(len, groups)), 0
    made: dict[int, list[str]] = {}
    for group in groups:
        middle = seen + len(group) / 2
        made.setdefault(int(middle * parts / total), []).extend(group)
        seen += len(group)
    found = [tuple(codes) for codes in made.values()]
    return found if len(found) > 1 else [tuple(groups[0]), tuple(code for group in groups[1:] for code in group)]


def _fewer_flows(flows: tuple[str, ...]) -> list[tuple[str, ...]]:
    if not flows:
        return [*((flow,) for flow in MAIN_FLOWS), tuple(flow for flow in FLOWS if flow not in MAIN_FLOWS)]
    return _halves(flows) if len(flows) > 1 else []


def _indivisible(question: Question, problem: str) -> SourceContractError:
    return SourceContractError(
        f"The question {question.as_dict()} cannot be divided any further, and {problem}.",
        remedy="More records per product than the contract allows: do the pins of sources/comtrade_api.py still hold?",
    )
