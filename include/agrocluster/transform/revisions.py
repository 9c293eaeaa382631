"""What publishers changed between vintages, as one query over the staged rows.

A cell (everything in the key but the vintage) is followed through the vintages of its dataset. A vintage is
compared with what stood before it: partial vintages only touch the cells they hold, and a cell is removed only
by a full vintage that lacks it. The query judges nothing; whether a change matters is for its readers.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from agrocluster.model.specs import TableContract, TableKind

NOT_SERIES = {"iso3", "exporter", "importer", "reporter", "partner", "year", "dataset"}


def revisions_sql(
    kind: TableKind,
    contract: TableContract,
    focus: Sequence[str],
    *,
    rows: str | None = None,
    vintages: str = "vintages",
) -> str:
    """SQL for the differences between consecutive vintages of every dataset of one kind.

    Args:
        kind, contract: the staged kind and its contract; the key tells what a cell is.
        focus: ISO3 codes; rows of these countries are compared (in trade and customs, on either side).
        rows: relation with the rows of all vintages, by default ``all_<kind>``.
        vintages: relation with ``vintage_id, source, dataset, stamp, scope``; age is by stamp, then id.

    Returns:
        A SELECT of ``kind, source, dataset, iso3, partner, series, year, value_old, value_new, unit,
        change_pct, status, vintage_old, vintage_new``. ``series`` is what is left of the key, joined by a
        slash (``15/5510``, ``HS12/080221/reconciled``); ``iso3`` is the exporter or reporter and ``partner`` the
        importer or partner, where the kind has one; ``change_pct`` is relative to the old value and empty where
        that is 0 or missing; status is ``changed``, ``added`` or ``removed``. Rows are in no particular order.
    """
    country, partner = kind.country, kind.partner or "''"
    unit = "'USD'" if kind.partner else "unit"
    series = " || '/' || ".join(name for name in contract.key if name not in NOT_SERIES)
    listed = ", ".join("'" + iso3.replace("'", "''") + "'" for iso3 in focus)
    wanted = f"{country} in ({listed})" + (f" or {partner} in ({listed})" if kind.partner else "")
    return f"""
with aged as (
    select vintage_id, source, dataset, scope,
           row_number() over by_age as age, lag(vintage_id) over by_age as vintage_before
    from {vintages} where kind = '{kind}'
    window by_age as (partition by source, dataset order by stamp, vintage_id)
),
cells as (
    select a.source, a.dataset, a.age, r.vintage_id, {country} as iso3, {partner} as partner,
           {series} as series, r.year, {kind.figure} as value, {unit} as unit
    from {rows or f"all_{kind}"} r join aged a using (vintage_id)
    where {wanted}
),
followed as (
    select *, lag(age) over by_cell as age_old, lag(value) over by_cell as value_old,
           lag(unit) over by_cell as unit_old, lag(vintage_id) over by_cell as vintage_old,
           lead(age) over by_cell as age_next
    from cells
    window by_cell as (partition by source, dataset, iso3, partner, series, year order by age)
),
-- Where a cell disappears: the first full vintage after it, unless the cell is in that one.
gone as (
    select f.*, (
        select min(a.age) from aged a
        where a.source = f.source and a.dataset = f.dataset and a.scope = 'full' and a.age > f.age
    ) as age_gone
    from followed f
),
removed as (
    select source, dataset, age, iso3, partner, series, year, value, unit, vintage_id, age_gone
    from gone where age_gone < coalesce(age_next, age_gone + 1)
),
differences as (
    select f.source, f.dataset, f.iso3, f.partner, f.series, f.year,
           case when r.age is null then f.value_old end as value_old, f.value as value_new, f.unit,
           case when f.age_old is null or r.age is not null then 'added' else 'changed' end as status,
           case when f.age_old is null or r.age is not null then a.vintage_before else f.vintage_old end
               as vintage_old,
           f.vintage_id as vintage_new
    from followed f
    join aged a on a.vintage_id = f.vintage_id
    left join removed r
        on r.source = f.source and r.dataset = f.dataset and r.iso3 = f.iso3 and r.partner = f.partner
        and r.series = f.series and r.year = f.year and r.age = f.age_old
    where a.vintage_before is not null
        and (f.age_old is null or r.age is not null
             or f.value is distinct from f.value_old or f.unit is distinct from f.unit_old)
    union all
    select r.source, r.dataset, r.iso3, r.partner, r.series, r.year, r.value, null, r.unit, 'removed',
           r.vintage_id, a.vintage_id
    from removed r
    join aged a on a.source = r.source and a.dataset = r.dataset and a.age = r.age_gone
)
select '{kind}' as kind, source, dataset, iso3, partner, series, year, value_old, value_new, unit,
       100.0 * (value_new - value_old) / nullif(abs(value_old), 0) as change_pct, status, vintage_old, vintage_new
from differences
"""


def revisions(
    con: duckdb.DuckDBPyConnection,
    kind: TableKind,
    contract: TableContract,
    focus: Sequence[str],
    *,
    rows: str | None = None,
    vintages: str = "vintages",
) -> duckdb.DuckDBPyRelation:
    """The relation that ``revisions_sql`` describes, sorted by all its columns."""
    query = revisions_sql(kind, contract, focus, rows=rows, vintages=vintages)
    return con.sql(f"select * from ({query}) order by all")
