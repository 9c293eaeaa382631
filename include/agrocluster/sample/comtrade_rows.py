"""From customs books to the rows of UN Comtrade: editions, confidential lines, totals, releases.

The books (``comtrade_world``, ``comtrade_months``) hold HS 2012 goods between two countries. Here every reporter's
edition is put on, planted lines lose their product or their partner, the rows that the service computes are
computed (World, TOTAL, the European Union as a group), and each reporter-period gets its release dates and
checksum. The result is kept as Parquet beside the other wire files; answers are cut from it (``comtrade_query``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from agrocluster.sample.comtrade_months import monthly
from agrocluster.sample.comtrade_query import ORDER_STORED
from agrocluster.sample.comtrade_releases import release_dates
from agrocluster.sample.comtrade_tables import (
    AREAS_NES,
    EU,
    MONTH_YEARS,
    UNSPECIFIED,
    WORLD,
    labels,
    pieces,
    plants,
    reporters,
    union_members,
)
from agrocluster.sample.comtrade_world import Reports, books, edition_of_books
from agrocluster.sample.tables import DATA, YEARS, economies, goods, rows

PARTS = ("reports", "datasets")
"""``reports``: rows as served; ``datasets``: one row per reporter-period with its release and signature."""
_EU_EDITIONS = (2012, 2017, 2022)


def _money(amount: np.ndarray) -> pa.Array:
    return pa.array(amount, pa.int64(), mask=amount < 0)


def _lines(lines: Reports, freq: str, period: np.ndarray) -> pa.Table:
    code = reporters().code
    return pa.table(
        {
            "freq": pa.array(np.full(len(period), freq)),
            "period": pa.array(period.astype(np.int32)),
            "year": pa.array(YEARS[lines.year].astype(np.int32)),
            "reporter": pa.array(code[lines.reporter].astype(np.int32)),
            "partner": pa.array(code[lines.partner].astype(np.int32)),
            "flow": pa.array(lines.flow),
            "hs12": pa.DictionaryArray.from_arrays(pa.array(lines.good, pa.int32()), pa.array(goods().code)),
            "value": _money(lines.value),
            "fob": _money(lines.fob),
            "cif": _money(lines.cif),
            "grams": _money(lines.kg),
            "estimated": pa.array(lines.estimated),
        }
    )


def _remainders(vintage: str) -> pa.Table:
    """What reporters report beyond the lines kept: one amount per reporter, period and flow."""
    book, found = reporters(), []
    absent = book.annual.copy()
    for plant in plants("new" if vintage == "previous" else "none"):
        absent[plant.reporter_index, np.isin(YEARS, plant.years)] = False
    for flow, amount in books().remainder.items():
        i, t = np.nonzero(absent & (amount > 0))
        found.append(("A", flow, book.code[i], YEARS[t], YEARS[t], amount[i, t]))
        i, t = np.nonzero(absent & book.monthly & (amount > 0) & np.isin(YEARS, MONTH_YEARS))
        for month in range(1, 13):
            found.append(("M", flow, book.code[i], YEARS[t], YEARS[t] * 100 + month, amount[i, t] // 12))
    return pa.table(
        {
            "freq": np.concatenate([np.full(len(part[2]), part[0]) for part in found]),
            "flow": np.concatenate([np.full(len(part[2]), part[1]) for part in found]),
            "reporter": np.concatenate([part[2] for part in found]).astype(np.int32),
            "year": np.concatenate([part[3] for part in found]).astype(np.int32),
            "period": np.concatenate([part[4] for part in found]).astype(np.int32),
            "value": np.concatenate([part[5] for part in found]).astype(np.int64),
        }
    )


def _book_table() -> pa.Table:
    """Reporter by year: edition, how imports are valued, whether six-digit rows are computed by the service."""
    book, members = reporters(), union_members()
    editions = book.editions()
    i, t = np.nonzero(np.ones_like(editions, bool))
    union_edition = 3 + sum((first <= YEARS).astype(int) for first in _EU_EDITIONS)
    return pa.table(
        {
            "reporter": np.concatenate([book.code[i], np.full(len(YEARS), EU)]).astype(np.int32),
            "year": np.concatenate([YEARS[t], YEARS]).astype(np.int32),
            "edition": np.concatenate([editions[i, t], union_edition]).astype(np.int32),
            "fob_imports": np.concatenate([book.text["valuation"][i] == "fob", np.zeros(len(YEARS), bool)]),
            "computed": np.concatenate([book.number["computed"][i] == 1, np.ones(len(YEARS), bool)]),
            "member": np.concatenate([np.isin(i, members), np.zeros(len(YEARS), bool)]),
            "focus": np.concatenate([np.isin(i, economies().four), np.zeros(len(YEARS), bool)]),
        }
    )


def _piece_table() -> pa.Table:
    changed = {(piece.edition, piece.hs12) for piece in pieces()}
    same = [(e, c, c, 0.0, 1.0) for e in (4, 5, 6) for c in goods().code.tolist() if (e, c) not in changed]
    every = [(piece.edition, piece.hs12, piece.code, piece.low, piece.high) for piece in pieces()] + same
    return pa.table(
        {
            "edition": pa.array([row[0] for row in every], pa.int32()),
            "hs12": [row[1] for row in every],
            "code": [row[2] for row in every],
            "low": [row[3] for row in every],
            "high": [row[4] for row in every],
        }
    )


def _plant_table(kind: str) -> pa.Table:
    code = reporters().code
    found = [
        (int(code[plant.reporter_index]), plant.flow, int(code[partner]) if partner >= 0 else -1, plant.prefix, plant)
        for plant in plants(kind)
        for partner in plant.partner_indices or [-1]
    ]
    return pa.table(
        {
            "reporter": pa.array([row[0] for row in found], pa.int32()),
            "flow": pa.array([row[1] for row in found], pa.string()),
            "partner": pa.array([row[2] for row in found], pa.int32()),
            "prefix": pa.array([row[3] for row in found], pa.string()),
            "first": pa.array([int(row[4].years[0]) for row in found], pa.int32()),
            "last": pa.array([int(row[4].years[-1]) for row in found], pa.int32()),
            "share": pa.array([row[4].number for row in found], pa.float64()),
        }
    )


def unit_table() -> pa.Table:
    """Six-digit code to quantity unit and units per kilogram, by the longest prefix."""
    table = sorted(rows(DATA / "comtrade_units.csv"), key=lambda row: -len(row["prefix"]))
    codes = sorted({code for edition in (4, 5, 6) for code in labels(edition)})
    belongs = [next(row for row in table if code.startswith(row["prefix"])) for code in codes]
    return pa.table(
        {
            "code": codes,
            "unit": pa.array([int(row["unit"]) for row in belongs], pa.int32()),
            "per_kg": [float(row["per_kg"]) for row in belongs],
        }
    )


_PLANTED = """
    l.reporter = p.reporter and right(l.flow, 1) = p.flow and starts_with(l.hs12, p.prefix)
    and l.year between p.first and p.last and (p.partner = -1 or p.partner = l.partner)
"""
# A part of an amount between two shares: parts of one amount always sum to it.
_CUT = "(round({0} * {2}) - round({0} * {1}))::bigint as {0}"


def _cuts(low: str, high: str) -> str:
    return ", ".join(_CUT.format(name, low, high) for name in ("value", "fob", "cif", "grams"))


_LEAF = f"""
create table placed as
with split as (select l.* exclude (hs12), l.hs12::varchar as hs12, coalesce(p.share, 0) as share
               from lines l left join areas_nes p on {_PLANTED})
select freq, period, year, reporter, partner, flow, hs12, estimated, {_cuts("0", "(1 - share)")}
from split where share < 1
union all
select freq, period, year, reporter, {AREAS_NES}, flow, hs12, estimated, {_cuts("(1 - share)", "1")}
from split where share > 0;

create table leaf as
with national as (
    select l.*, b.edition from placed l join book b using (reporter, year)
    union all by name
    select l.* exclude (reporter), {EU} as reporter, u.edition
    from placed l join book b using (reporter, year) join book u on u.reporter = {EU} and u.year = l.year
    where b.member and l.flow in ('X', 'M') and l.freq = 'A'),
cut as (
    select freq, period, year, reporter, partner, flow, n.edition, n.hs12, estimated,
           code, {_cuts("low", "high")}
    from national n join piece p on p.edition = n.edition and p.hs12 = n.hs12)
select freq, period, year, reporter, partner, flow, edition, hs12,
       case when exists (select 1 from confidential p where {_PLANTED}) then '{UNSPECIFIED}' else code end as code,
       sum(value)::bigint as value, sum(fob)::bigint as fob, sum(cif)::bigint as cif,
       case when count(grams) = count(*) then sum(grams)::bigint end as grams, bool_or(estimated) as estimated
from cut l where value > 0 group by all;
"""

_SUMS = "sum(value)::bigint as value, sum(fob)::bigint as fob, sum(cif)::bigint as cif"
_REPORTS = f"""
create table six as
select freq, period, year, reporter, partner, flow, edition, code, {_SUMS},
       case when count(grams) = count(*) then sum(grams)::bigint end as grams, bool_or(estimated) as estimated
from leaf group by all;

create table whole as
select freq, period, year, reporter, partner, flow, edition, {_SUMS} from six group by all;

create table world_total as
with parts as (
    select freq, period, year, reporter, flow, edition, value, fob, cif from whole
    union all
    select freq, period, year, reporter, flow, edition, value,
           case when flow = 'X' or fob_imports then value end, case when flow = 'M' and not fob_imports then value end
    from remainder join book using (reporter, year)
    union all
    select freq, period, year, {EU}, flow, u.edition, value,
           case when flow = 'X' then value end, case when flow = 'M' then value end
    from remainder join book b using (reporter, year) join book u using (year)
    where b.member and u.reporter = {EU} and freq = 'A')
select l.freq, l.period, l.year, l.reporter, l.flow, l.edition,
       round(sum(l.value) * coalesce(any_value(p.share), 1))::bigint as value, sum(l.fob)::bigint as fob,
       round(sum(l.cif) * coalesce(any_value(p.share), 1))::bigint as cif
from parts l left join total_gap p
  on l.reporter = p.reporter and l.flow = p.flow and l.year between p.first and p.last and l.freq = 'A'
group by all;

create table reports as
with every as (
    select freq, period, year, reporter, partner, flow, edition, code, 6 as level, value, fob, cif, grams, estimated,
           not computed as is_reported
    from six join book using (reporter, year, edition)
    union all
    select freq, period, year, reporter, {WORLD}, flow, edition, code, 6, {_SUMS},
           round(sum(grams) * (sum(value) / sum(value) filter (grams is not null)))::bigint,
           bool_or(estimated or grams is null), false
    from six join book using (reporter, year, edition) where focus group by all
    union all
    select freq, period, year, reporter, partner, flow, edition, 'TOTAL', 0, value, fob, cif, null, false, false
    from whole
    union all
    select freq, period, year, reporter, {WORLD}, flow, edition, 'TOTAL', 0, value, fob, cif, null, false, false
    from world_total),
weighed as (
    select *, unit, per_kg,
           hash(reporter, partner, flow, code, period) % 2 = 0 as empty_is_zero
    from every left join units using (code))
select freq, period, year, reporter, partner, flow, edition, code, level, value, fob, cif,
       coalesce(unit, -1) as unit,
       case when level = 6 and grams is null and empty_is_zero and unit > 0 then 0.0
            when unit = 8 then grams / 1000 when unit > 0 then round(grams / 1000 * per_kg, 1) end as qty,
       case when level = 6 and grams is null and empty_is_zero then 0.0 else grams / 1000 end as net,
       estimated and grams is not null as estimated, is_reported
from weighed
order by freq, {ORDER_STORED};
"""

_DATASETS = """
create table datasets as
with signed as (
    select freq, period, reporter, edition, count(*)::integer as records,
           (bit_xor(hash(
               flow, partner, code, value, fob, cif, unit, qty, net, estimated)) & 2147483647)::bigint
           as checksum
    from reports group by all)
select s.*, case when fob_imports then 'FOB' else 'CIF' end as valuation, first_released, last_released
from signed s join released using (freq, period, reporter)
join book b on b.reporter = s.reporter and b.year = case when freq = 'A' then period else period // 100 end
order by freq, s.reporter, period
"""


@contextmanager
def _database(vintage: str) -> Iterator[duckdb.DuckDBPyConnection]:
    annual = edition_of_books(vintage)
    months, period = monthly(annual, vintage)
    with duckdb.connect() as connection:
        connection.execute("set threads = 2; set enable_progress_bar = false; set preserve_insertion_order = true")
        lines = pa.concat_tables([_lines(annual, "A", YEARS[annual.year]), _lines(months, "M", period)])
        named = {"lines": lines, "remainder": _remainders(vintage), "book": _book_table(), "piece": _piece_table()}
        named |= {kind: _plant_table(kind) for kind in ("areas_nes", "confidential", "total_gap")}
        named["units"] = unit_table()
        for name, table in named.items():
            connection.register(name, table)
        yield connection


def build(vintage: str, folder: Path) -> dict[str, Path]:
    """Write the two Parquet files of one vintage into ``folder``."""
    with _database(vintage) as connection:
        connection.execute(_LEAF)
        connection.execute(_REPORTS)
        held = connection.sql("select distinct freq, period, reporter from reports order by all").arrow()
        connection.register("released", release_dates(held, vintage))
        connection.execute(_DATASETS)
        found = {}
        for name in PARTS:
            found[name] = folder / f"{name}.parquet"
            connection.execute(
                f"copy {name} to '{found[name]}' (format parquet, compression zstd, row_group_size 40000)"
            )
        return found
