"""The customs part of the truth: what every reporter wrote down, and the parameters its books were drawn with.

Sums are taken with pandas over the books themselves (``comtrade_world``), before editions, totals and JSON exist;
nothing here shares the SQL that makes the served rows. Kinds and their exact meaning: ``KINDS``. ``iso3`` is the
reporter unless a kind says otherwise, ``partner`` the other side, ``element_code`` the flow, ``indicator`` a month.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from agrocluster.sample.comtrade_months import monthly
from agrocluster.sample.comtrade_tables import fractions, plants, reporters, season, tau_parameters
from agrocluster.sample.comtrade_world import MILLI, Reports, books, edition_of_books, log_tau
from agrocluster.sample.tables import FOUR, YEARS, economies, goods
from agrocluster.sample.trade import flows, kilometres
from agrocluster.sample.truth_trade import frame

KINDS = {
    "comtrade_export": "USD, flow X as reported, all goods by partner (X899: areas nes); every reporter that touches "
    "the four, and the four with partner WLD",
    "comtrade_import": "USD, flow M as reported (primary value, CIF for most), same cells",
    "comtrade_flow": "USD, the other flows (RX, RM, DX, FM in element_code), same cells",
    "comtrade_export_chain": "USD, flow X of the four by partner and chain (own and dual codes), with partner WLD too",
    "comtrade_import_chain": "the same for flow M",
    "comtrade_mirror_import": "USD, iso3 one of the four: what all partners report importing from it (primary value); "
    "group reporters (European Union, Other Asia) left out",
    "comtrade_mirror_export": "USD, iso3 one of the four: what all partners report exporting to it; same exclusion",
    "comtrade_tau": "planted CIF margin of the flows from iso3 (exporter) to partner, weighted by true value",
    "comtrade_tau_parameter": "indicator names the coefficient of ln(1+tau); see data/comtrade_tau.csv",
    "comtrade_distance": "kilometres between iso3 and partner as used in tau; pairs with the four",
    "comtrade_sigma_export": "standard deviation of the log noise of iso3 as exporter",
    "comtrade_sigma_import": "standard deviation of the log noise of iso3 as importer",
    "comtrade_fraction": "imports of iso3 from partner (CIF) over what truly left it (FOB), but for unseen lines",
    "comtrade_subflow_share": "share of X or M reported once more as element_code, for goods of prefix hs_code; "
    "partner lists the partners, empty for all",
    "comtrade_transit": "USD of good hs_code bought from partner only to be sold on; in the reports of both",
    "comtrade_absent": "economy without an annual return",
    "comtrade_edition": "HS edition of the return: 4 (HS12), 5 (HS17), 6 (HS22)",
    "comtrade_confidential": "USD under code 999999, by flow",
    "comtrade_areas_nes": "USD under partner 899, by flow",
    "comtrade_unseen": "USD the return of iso3 lacks, by flow; the other side may have it (one-sided flows)",
    "comtrade_month": "USD of a month, all partners that touch the four, by flow; year is the month's",
    "comtrade_month_gap": "factor on the months (indicator) of a flow against the annual figure",
    "comtrade_absent_month": "month (indicator) that the reporter has not sent",
    "comtrade_season": "planted share of the month (element_code 01 to 12) in the year, by HS 2012 code",
    "comtrade_total_gap": "factor of the World TOTAL row on the sum of its parts, by flow",
    "comtrade_revision": "USD of the flow with all partners that touch the four, where the older vintage differs",
    "comtrade_revision_previous": "the older vintage's value of the same cell; 0 where it had no return",
    "comtrade_released_anew": "return with a new release date and the same content",
}
_KIND = {"X": "comtrade_export", "M": "comtrade_import"}


def _names() -> np.ndarray:
    return economies().text["iso3"].astype(object)


def _moved(lines: Reports, table: pd.DataFrame) -> pd.DataFrame:
    """Put the planted part of each line under partner X899."""
    share = np.zeros(len(table))
    for plant in plants("areas_nes"):
        mine = (lines.reporter == plant.reporter_index) & np.char.endswith(lines.flow, plant.flow)
        share[mine & plant.goods()[lines.good] & np.isin(YEARS[lines.year], plant.years)] = plant.number
    away = table[share > 0].assign(partner="X899")
    away["value"] = np.round(away.value * MILLI) - np.round(away.value * MILLI * (1 - share[share > 0]))
    away["value"] /= MILLI
    stays = table.copy()
    stays["value"] = np.round(stays.value * MILLI * (1 - share)) / MILLI
    return pd.concat([stays[share < 1], away], ignore_index=True)


def _table(lines: Reports) -> pd.DataFrame:
    found = pd.DataFrame(
        {
            "iso3": _names()[lines.reporter],
            "partner": _names()[lines.partner],
            "flow": lines.flow.astype(object),
            "year": YEARS[lines.year],
            "chain": goods().chain[lines.good].astype(object),
            "value": lines.value / MILLI,
        }
    )
    return _moved(lines, found)


def _cells(table: pd.DataFrame, *by: str) -> pd.DataFrame:
    keys = ["iso3", *by, "flow", "year"]
    return table.groupby(keys, as_index=False)[["value"]].sum()


def _with_world(table: pd.DataFrame, *by: str) -> pd.DataFrame:
    world = _cells(table[table.iso3.isin(FOUR)], *by).assign(partner="WLD")
    return pd.concat([_cells(table, "partner", *by), world], ignore_index=True)


def _frame(kind: str, table: pd.DataFrame) -> pd.DataFrame:
    known = {name: table[name].to_numpy() for name in ("iso3", "partner", "chain", "year", "value") if name in table}
    return frame(kind, **known, element_code=table.flow.to_numpy(), unit="USD")


def _reported(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    whole = _with_world(table)
    chains = _with_world(table[(table.chain != "") & table.iso3.isin(FOUR)], "chain")
    for flow, kind in _KIND.items():
        yield _frame(kind, whole[whole.flow == flow])
        yield _frame(kind + "_chain", chains[chains.flow == flow])
    yield _frame("comtrade_flow", whole[~whole.flow.isin(list(_KIND))])
    others = table[table.partner.isin(FOUR) & (table.iso3 != "TWN")].assign(iso3=lambda t: t.partner)
    for flow, kind in (("M", "comtrade_mirror_import"), ("X", "comtrade_mirror_export")):
        yield _frame(kind, _cells(others[others.flow == flow]))


def _freight() -> Iterator[pd.DataFrame]:
    flow, four = flows(), economies().four
    near = np.isin(flow.exporter, four) | np.isin(flow.importer, four)
    parts = [part[near] for part in (flow.exporter, flow.importer, flow.good, flow.year)]
    table = pd.DataFrame({"iso3": _names()[parts[0]], "partner": _names()[parts[1]], "year": YEARS[parts[3]]})
    table["usd"] = flow.usd[near].astype(float)
    table["margin"] = np.expm1(log_tau(*parts)) * table.usd
    sums = table.groupby(["iso3", "partner", "year"], as_index=False)[["usd", "margin"]].sum()
    pair = {"iso3": sums.iso3.to_numpy(), "partner": sums.partner.to_numpy()}
    yield frame("comtrade_tau", **pair, year=sums.year.to_numpy(), value=(sums.margin / sums.usd).to_numpy())
    for name, value in tau_parameters().items():
        yield frame("comtrade_tau_parameter", indicator=[name], value=value)
    i, j = np.nonzero(~np.eye(len(economies()), dtype=bool))
    i, j = i[np.isin(i, four)], j[np.isin(i, four)]
    yield frame("comtrade_distance", iso3=_names()[i], partner=_names()[j], value=kilometres()[i, j], unit="km")


def _quality(vintage: str) -> Iterator[pd.DataFrame]:
    book = reporters()
    i, t = np.nonzero(np.ones_like(book.annual))
    every = {"iso3": _names()[i], "year": YEARS[t]}
    yield frame("comtrade_sigma_export", **every, value=book.sigma("X")[i, t])
    yield frame("comtrade_sigma_import", **every, value=book.sigma("M")[i, t])
    for (iso3, flow, partner), share in fractions().items():
        yield frame("comtrade_fraction", iso3=iso3, partner=partner, element_code=flow, year=YEARS, value=share)
    for plant in plants("subflow"):
        where = {"iso3": plant.reporter, "partner": " ".join(plant.partners), "hs_code": plant.prefix}
        yield frame("comtrade_subflow_share", **where, element_code=plant.flow, year=plant.years, value=plant.number)
    sent = book.annual.copy()
    for plant in plants("new" if vintage == "previous" else "none"):
        sent[plant.reporter_index, np.isin(YEARS, plant.years)] = False
    i, t = np.nonzero(~sent)
    yield frame("comtrade_absent", iso3=_names()[i], year=YEARS[t])
    i, t = np.nonzero(sent)
    yield frame("comtrade_edition", iso3=_names()[i], year=YEARS[t], value=book.editions()[i, t].astype(float))


def _hidden(lines: Reports) -> Iterator[pd.DataFrame]:
    secret = np.zeros(len(lines.value), bool)
    for plant in plants("confidential"):
        mine = (lines.reporter == plant.reporter_index) & np.char.endswith(lines.flow, plant.flow)
        if plant.partners:
            mine &= np.isin(lines.partner, plant.partner_indices)
        secret |= mine & plant.goods()[lines.good] & np.isin(YEARS[lines.year], plant.years)
    yield _frame("comtrade_confidential", _cells(_table(lines.take(secret))))
    moved = _table(lines)
    yield _frame("comtrade_areas_nes", _cells(moved[moved.partner == "X899"]))
    yield _frame("comtrade_unseen", _cells(_table(books().overlooked)))
    passing = books().transit.take(books().transit.flow == "M")
    code = goods().code[passing.good]
    value = passing.fob / MILLI
    where = {"iso3": _names()[passing.reporter], "partner": _names()[passing.partner], "hs_code": code}
    yield frame("comtrade_transit", **where, year=YEARS[passing.year], value=value, unit="USD")


def _months(lines: Reports, vintage: str) -> Iterator[pd.DataFrame]:
    cut, period = monthly(lines, vintage)
    table = pd.DataFrame({"iso3": _names()[cut.reporter], "flow": cut.flow.astype(object), "period": period})
    sums = table.assign(value=cut.value / MILLI).groupby(["iso3", "flow", "period"], as_index=False).value.sum()
    month = sums.period.astype(str).to_numpy(object)
    where = {"iso3": sums.iso3.to_numpy(), "element_code": sums.flow.to_numpy(), "indicator": month}
    yield frame("comtrade_month", **where, year=sums.period.to_numpy() // 100, value=sums.value.to_numpy(), unit="USD")
    for plant in plants("month_gap", "absent_months", *(("new_months",) if vintage == "previous" else ())):
        kind = "comtrade_month_gap" if plant.kind == "month_gap" else "comtrade_absent_month"
        value = plant.number if plant.value else np.nan
        where = {"iso3": plant.reporter, "element_code": plant.flow, "indicator": plant.years.astype(str)}
        yield frame(kind, **where, year=plant.years // 100, value=value)
    k = np.flatnonzero(goods().chain != "")
    months = [f"{month:02d}" for month in range(1, 13)]
    code, name = np.repeat(goods().code[k], 12), np.tile(months, len(k))
    yield frame("comtrade_season", hs_code=code, element_code=name, value=season()[k].ravel())


def _revisions() -> Iterator[pd.DataFrame]:
    now, before = (_cells(_table(edition_of_books(vintage))) for vintage in ("current", "previous"))
    both = now.merge(before, on=["iso3", "flow", "year"], how="left", suffixes=("", "_before"))
    both = both[both.value != both.value_before]
    yield _frame("comtrade_revision", both)
    yield _frame("comtrade_revision_previous", both.assign(value=both.value_before.fillna(0)))
    for plant in plants("touched"):
        yield frame("comtrade_released_anew", iso3=plant.reporter, year=plant.years)
    for plant in plants("total_gap"):
        yield frame(
            "comtrade_total_gap", iso3=plant.reporter, element_code=plant.flow, year=plant.years, value=plant.number
        )


def frames(vintage: str) -> Iterator[pd.DataFrame]:
    lines = edition_of_books(vintage)
    yield from _reported(_table(lines))
    yield from _freight()
    yield from _quality(vintage)
    yield from _hidden(lines)
    yield from _months(lines, vintage)
    yield from _revisions()
