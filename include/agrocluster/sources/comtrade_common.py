"""From records of UN Comtrade to staged customs rows, whatever the format they came in.

A record belongs to exactly one dataset: annual or monthly, and sent by one of the four countries or by another one
about them (mirror). What is left out (records of other datasets, breakdowns of a total, groups, other
classifications) is counted by reason; what breaks the contract of a record goes to quarantine. Nothing is converted
between editions of the HS and nothing is reconciled here. Every step works on whole columns.

Traps (contract 1.4, dated 2023-2025): a weight, quantity, CIF or FOB value of 0 means unknown and is left empty;
totals stand beside their breakdowns unless the question pinned them; blanks stand behind some codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agrocluster.model.arrays import texts_to_arrow, to_arrow
from agrocluster.model.fetching import StageLog
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources.coded import Coded
from agrocluster.sources.comtrade_areas import areas
from agrocluster.sources.comtrade_fields import NOWHERE, Records
from agrocluster.sources.parallel import ordered_map

T = TypeVar("T")
Mask = NDArray[np.bool_]

EDITIONS = {"H0": "HS92", "H1": "HS96", "H2": "HS02", "H3": "HS07", "H4": "HS12", "H5": "HS17", "H6": "HS22"}
FLOWS = frozenset({"M", "X", "RX", "RM", "DX", "FM", "MIP", "MOP", "XIP", "XOP"})
TOTAL_SUPPLY = frozenset({"0", "-1"})
"""Modes of supply that stand for all of them: 0, in bulk files -1 (not applicable)."""
NO_UNIT = (-1, 1)
"""Codes of the absent quantity unit, today's and that of the old service."""
FLAGS = ("", "estimated", "converted", "estimated,converted")


def _matching(pattern: str) -> Callable[[str], bool]:
    form = re.compile(pattern, re.ASCII)
    return lambda text: form.fullmatch(text) is not None


_YEAR, _MONTH = _matching(r"\d{4}"), _matching(r"\d{4}(?:0[1-9]|1[0-2])")
_CODE = _matching(r"TOTAL|\d\d|\d{4}|\d{6}")


class Staged(NamedTuple):
    """Staged rows of one table of records, and the account of the others."""

    batch: pa.RecordBatch
    log: StageLog


def staged_batches(
    parts: Iterable[T],
    parse: Callable[[T, StageLog], pa.Table],
    spec: DatasetSpec,
    log: StageLog,
    *,
    without_reporters: Iterable[int] = (),
) -> Iterator[pa.RecordBatch]:
    """Staged rows of the parts of a file, parsed and staged by two threads, in the file's order.

    Args:
        parse: makes the table of records of a part (``comtrade_fields.FIELDS``); gets a log for what it refuses.
        without_reporters: codes of reporters whose records a newer file replaces.
    """
    outdated = tuple(without_reporters)

    def work(part: T) -> Staged:
        own = StageLog()
        return Staged(stage_records(parse(part, own), spec, own, without_reporters=outdated), own)

    for batch, own in ordered_map(work, parts):
        log.add(own)
        if batch.num_rows:
            yield batch


def belonging(table: pa.Table, spec: DatasetSpec) -> Mask:
    """For every record, whether it is of the dataset ``spec``; needs ``comtrade_fields.KEYS`` alone."""
    records = Records(table)
    goods = records.text("typeCode").lookup("C".__eq__)
    return goods & _of_dataset(records, spec)


def stage_records(
    table: pa.Table, spec: DatasetSpec, log: StageLog, *, without_reporters: Iterable[int] = ()
) -> pa.RecordBatch:
    """The customs rows of the dataset among the records of ``table``, in their order.

    The dataset's parameters: ``freq`` (A or M), ``view`` (``reporter``: sent by one of the four countries,
    ``partner``: sent by another country about one of them).

    Raises SourceContractError naming an area code that is neither a country nor in the list of other areas.
    """
    records = Records(table)
    left = np.ones(records.rows, dtype=bool)
    for reason, out in _exclusions(records, spec, without_reporters):
        log.exclude(reason, int(np.count_nonzero(left & out)))
        left &= ~out
    for rule, reason, bad in _refusals(records):
        if (bad := bad & left).any():
            log.reject(rule, reason, _as_text(table.filter(to_arrow(bad))))
            left &= ~bad
    if not left.all():
        records = Records(table.filter(to_arrow(left)))
    return _batch(records, spec, log)


def _exclusions(records: Records, spec: DatasetSpec, without: Iterable[int]) -> Iterator[tuple[str, Mask]]:
    """Why records stay out, in this order: a record is counted under the first reason that holds."""
    known = areas()
    reporter, partner = records.number("reporterCode"), records.number("partnerCode")
    yield "trade in services", ~records.text("typeCode").lookup("C".__eq__)
    yield "none of the four countries takes part", ~(known.focus(reporter) | known.focus(partner))
    yield "record of another dataset", ~_of_dataset(records, spec)
    yield "replaced by a newer file", np.isin(reporter, np.fromiter(without, dtype=np.int32))
    total = (records.number("partner2Code") == 0) & (records.number("motCode") == 0)
    total &= records.text("customsCode").lookup("C00".__eq__) & records.text("mosCode").lookup(
        TOTAL_SUPPLY.__contains__
    )
    yield "breakdown of a total", ~total
    yield "reporter is a group of countries", known.of_kind(reporter, "group")
    yield "reporter is no country of today", known.of_kind(reporter, "former", "unspecified", "world")
    yield "partner is a group of countries", known.of_kind(partner, "group")
    yield "not in the Harmonized System", ~records.text("classificationCode").lookup(EDITIONS.__contains__)
    yield "code of no level of the Harmonized System", ~_codes(records).lookup(_CODE)


def _refusals(records: Records) -> Iterator[tuple[str, str, Mask]]:
    """Rules of a single record: id, reason, records that break it."""
    annual, period = records.text("freqCode").lookup("A".__eq__), records.text("period")
    formed = np.where(annual, period.lookup(_YEAR), period.lookup(_MONTH))
    yield "period_form", "The period is no year of an annual and no month of a monthly record.", ~formed
    yield "unknown_flow", "UN Comtrade lists no such flow.", ~records.text("flowCode").lookup(FLOWS.__contains__)
    absent = (records.number("reporterCode") == NOWHERE) | (records.number("partnerCode") == NOWHERE)
    yield "area_missing", "The record names no reporter or no partner.", absent
    yield "value_missing", "The record has no value.", np.isnan(records.figure("primaryValue"))


def _of_dataset(records: Records, spec: DatasetSpec) -> Mask:
    known, view = areas(), str(spec.params["view"])
    frequency = records.text("freqCode").lookup(str(spec.params["freq"]).__eq__)
    own = known.focus(records.number("reporterCode"))
    return frequency & (own if view == "reporter" else ~own & known.focus(records.number("partnerCode")))


def _codes(records: Records) -> Coded:
    """Product codes; one with an odd number of digits has lost its leading zero to a spreadsheet and gets it back."""
    return records.text("cmdCode").mapped(lambda code: f"0{code}" if code.isdecimal() and len(code) % 2 else code)


def _batch(records: Records, spec: DatasetSpec, log: StageLog) -> pa.RecordBatch:
    known = areas()
    reporter, _ = known.find(records.number("reporterCode"), spec.source, spec.dataset)
    partner, kind = known.find(records.number("partnerCode"), spec.source, spec.dataset)
    codes, period = _codes(records), records.text("period")
    monthly = spec.params["freq"] == "M"
    weight_estimated, qty_estimated = records.truth("isNetWgtEstimated"), records.truth("isQtyEstimated")
    estimation, original = records.number("legacyEstimationFlag"), records.truth("isOriginalClassification")
    flag = (weight_estimated | qty_estimated | (estimation != 0)) + 2 * ~original
    columns: dict[str, pa.Array] = {
        "reporter": reporter.arrow(),
        "partner": partner.arrow(),
        "partner_kind": kind.arrow(),
        "flow": records.text("flowCode").arrow(),
        "freq": records.text("freqCode").arrow(),
        "period": period.arrow(),
        "year": period.numbers(lambda text: int(text[:4])),
        "month": period.numbers(lambda text: int(text[4:])) if monthly else pa.nulls(records.rows, pa.int16()),
        "hs_edition": records.text("classificationCode").mapped(lambda text: EDITIONS.get(text, "")).arrow(),
        "hs_code": codes.arrow(),
        "hs_level": codes.numbers(lambda code: 0 if code == "TOTAL" else len(code)),
        "value_usd": to_arrow(records.figure("primaryValue")),
        "cif_usd": _known(records, "cifvalue", log),
        "fob_usd": _known(records, "fobvalue", log),
        "net_kg": _known(records, "netWgt", log),
        "net_kg_estimated": to_arrow(weight_estimated),
        "qty": _known(records, "qty", log),
        "qty_unit": _units(records.number("qtyUnitCode")),
        "qty_estimated": to_arrow(qty_estimated),
        "is_reported": to_arrow(records.truth("isReported")),
        "is_aggregate": to_arrow(records.truth("isAggregate")),
        "is_original": to_arrow(original),
        "estimation_flag": to_arrow(estimation.astype(np.int16)),
        "flag": pa.DictionaryArray.from_arrays(to_arrow(flag.astype(np.int32)), texts_to_arrow(FLAGS)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _known(records: Records, name: str, log: StageLog) -> pa.Array:
    """Figures of a field; a 0 is unknown and counted."""
    figures = records.figure(name)
    zero = figures == 0
    _note(log, f"{name} of 0 read as unknown", int(np.count_nonzero(zero)))
    return to_arrow(np.where(zero, np.nan, figures))


def _units(codes: NDArray[np.int32]) -> pa.Array:
    return pc.if_else(
        to_arrow(np.isin(codes, NO_UNIT)), pa.nulls(len(codes), pa.string()), to_arrow(codes).cast(pa.string())
    )


def _note(log: StageLog, name: str, rows: int) -> None:
    if rows:
        log.notes[name] = log.notes.get(name, 0) + rows


def _as_text(rows: pa.Table) -> pa.Table:
    return pa.table([column.cast(pa.string()) for column in rows.columns], names=rows.column_names)
