"""Both reports of every flow of the focus countries by product, and the one value that reconciles them.

SQL puts the two sides beside each other (method 0.4: absent is zero only for a reporter who filed), NumPy
measures freight, reporting quality and the reconciled value (2.2 to 2.6). All sides are kept. Where a reporter leaves
goods without a code or a partner, what it does not list elsewhere is unknown, and those goods count with what the
reconciled flows do not already hold in their stead.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.marts import mirror_windows
from agrocluster.marts.parameters import Parameters, parameters
from agrocluster.measures import cif, mirror, reexport, two_way
from agrocluster.measures.safe import divide, ln
from agrocluster.model.arrays import settled, to_arrow, to_numpy

Floats = NDArray[np.float64]

_SIDES = """
CREATE OR REPLACE TEMP TABLE side AS
WITH focus AS (SELECT iso3 FROM dim_country WHERE focus),
scope AS (  -- who filed in which year, and whether all goods were asked for. A focus country reports all its partners:
    -- without a single row of a direction it has not filed that direction; others may have nothing with these four.
    SELECT c.reporter, c.year, coalesce(bool_or(v.scope = 'full'), false) AS whole
    FROM (SELECT DISTINCT reporter, year, vintage_id FROM current_customs WHERE freq = 'A') c
    LEFT JOIN vintages v USING (vintage_id) GROUP BY ALL
),
held AS (  -- chapters of which a reporter's rows are held: of a selection of goods, absence elsewhere says nothing
    SELECT reporter, year, flow, list(DISTINCT left(hs_code, 2)) AS chapters
    FROM mart_customs_hs12 WHERE flow IN ('X', 'M') AND conversion <> 'unallocated' GROUP BY ALL
),
hidden AS (  -- chapters ('??': any) in which a reporter has goods with a partner that it places nowhere
    SELECT reporter, partner, year, flow, list(left(hs_code, 2)) AS chapters
    FROM mart_customs_hs12 WHERE flow IN ('X', 'M') AND conversion = 'unallocated' GROUP BY ALL
),
reported AS (
    SELECT reporter, year, flow, sum(value_usd) AS usd
    FROM mart_customs_hs12 WHERE flow IN ('X', 'M') AND partner <> 'WLD' GROUP BY ALL
),
area AS (  -- goods with partners that are no country; of those without a code only a share that matters is looked for
    SELECT a.reporter, a.year, a.flow, list(a.hs_code) AS codes
    FROM (
        SELECT reporter, year, flow, hs_code, sum(value_usd) AS usd
        FROM mart_customs_hs12 WHERE flow IN ('X', 'M') AND partner SIMILAR TO 'X[0-9]+' GROUP BY ALL
    ) a JOIN reported r USING (reporter, year, flow)
    WHERE a.hs_code <> '??????' OR a.usd > r.usd
        * parameter('unspecified_partner_max')
    GROUP BY ALL
),
flow AS (
    SELECT reporter, partner, flow, year, hs_code, value_usd, cif_usd, fob_usd, net_kg,
        net_kg_estimated_share, hs_split,
        conversion = 'unallocated' AS unallocated
    FROM mart_customs_hs12
    WHERE flow IN ('X', 'M', 'RX') AND partner NOT IN ('WLD', reporter)
        AND (reporter IN (FROM focus) OR partner IN (FROM focus))
),
paired AS (
    SELECT year, exporter, importer, hs_code,
        x.value_usd AS x_usd, x.net_kg AS x_kg, m.value_usd AS m_usd, m.cif_usd, m.fob_usd, m.net_kg AS m_kg,
        x.net_kg_estimated_share AS x_estimated, m.net_kg_estimated_share AS m_estimated,
        coalesce(x.hs_split, false) OR coalesce(m.hs_split, false) AS hs_split,
        coalesce(x.unallocated, false) AS x_unallocated, coalesce(m.unallocated, false) AS m_unallocated
    FROM (SELECT * RENAME (reporter AS exporter, partner AS importer) FROM flow WHERE flow = 'X') x
    FULL JOIN (SELECT * RENAME (reporter AS importer, partner AS exporter) FROM flow WHERE flow = 'M') m
        USING (year, exporter, importer, hs_code)
)
SELECT k.*, rx.value_usd AS rx_usd, left(k.hs_code, 2) AS chapter,
    -- the reporter's goods without a code, then without a partner, that may hold this good
    CASE WHEN list_contains(ux.chapters, chapter) THEN chapter || '????'
        WHEN list_contains(ux.chapters, '??') THEN '??????' END AS x_rest,
    CASE WHEN list_contains(um.chapters, chapter) THEN chapter || '????'
        WHEN list_contains(um.chapters, '??') THEN '??????' END AS m_rest,
    CASE WHEN x_rest IS NULL AND k.importer NOT SIMILAR TO 'X[0-9]+'
        THEN list_filter(
            [k.hs_code, chapter || '????', '??????'], lambda c: list_contains(ax.codes, c)
        )[1] END AS x_area,
    CASE WHEN m_rest IS NULL AND k.exporter NOT SIMILAR TO 'X[0-9]+'
        THEN list_filter(
            [k.hs_code, chapter || '????', '??????'], lambda c: list_contains(am.codes, c)
        )[1] END AS m_area,
    CASE
        WHEN k.x_usd IS NOT NULL THEN 'value'
        WHEN sx.whole IS NULL OR k.m_unallocated THEN 'unknown'
        WHEN x_rest IS NOT NULL OR x_area IS NOT NULL THEN 'hidden'
        WHEN sx.whole AND (hx.chapters IS NOT NULL OR k.exporter NOT IN (FROM focus)) THEN 'zero'
        WHEN list_contains(hx.chapters, chapter) THEN 'zero'
        ELSE 'unknown'
    END AS x_state,
    CASE
        WHEN k.m_usd IS NOT NULL THEN 'value'
        WHEN sm.whole IS NULL OR k.x_unallocated THEN 'unknown'
        WHEN m_rest IS NOT NULL OR m_area IS NOT NULL THEN 'hidden'
        WHEN sm.whole AND (hm.chapters IS NOT NULL OR k.importer NOT IN (FROM focus)) THEN 'zero'
        WHEN list_contains(hm.chapters, chapter) THEN 'zero'
        ELSE 'unknown'
    END AS m_state
FROM paired k
LEFT JOIN flow rx ON rx.flow = 'RX' AND rx.year = k.year AND rx.reporter = k.exporter AND rx.partner = k.importer
    AND rx.hs_code = k.hs_code
LEFT JOIN scope sx ON sx.reporter = k.exporter AND sx.year = k.year
LEFT JOIN scope sm ON sm.reporter = k.importer AND sm.year = k.year
LEFT JOIN held hx ON hx.reporter = k.exporter AND hx.year = k.year AND hx.flow = 'X'
LEFT JOIN held hm ON hm.reporter = k.importer AND hm.year = k.year AND hm.flow = 'M'
LEFT JOIN hidden ux ON ux.reporter = k.exporter AND ux.partner = k.importer AND ux.year = k.year AND ux.flow = 'X'
LEFT JOIN hidden um ON um.reporter = k.importer AND um.partner = k.exporter AND um.year = k.year AND um.flow = 'M'
LEFT JOIN area ax ON ax.reporter = k.exporter AND ax.year = k.year AND ax.flow = 'X'
LEFT JOIN area am ON am.reporter = k.importer AND am.year = k.year AND am.flow = 'M'
"""

_REFERENCE = """
CREATE OR REPLACE TEMP TABLE reference AS
WITH p AS (
    SELECT
        parameter_text('hs_edition') AS hs_edition,
        parameter('uv_ref_min_kg') AS min_kg
),
wanted AS (SELECT DISTINCT year, hs_code FROM side),
product AS (  -- codes kept at six digits
    SELECT hs_code FROM dim_product, p WHERE dim_product.hs_edition = p.hs_edition AND (role IS NOT NULL OR agri_base)
),
price AS (  -- unit values of exporters in the world, of a chapter those of its other codes; where no world is held, of
    -- the reports in hand
    SELECT year, hs_code, trader, value_usd, net_kg FROM (
        SELECT year, exporter AS trader, value_usd, net_kg,
            CASE WHEN hs_code IN (FROM product) THEN hs_code ELSE left(hs_code, 2) || 'XXXX' END AS hs_code
        FROM fact_trade, p
        WHERE importer = 'WLD' AND fact_trade.hs_edition = p.hs_edition AND flow_variant = 'reconciled' AND flag = ''
    ) JOIN wanted USING (year, hs_code)
    UNION ALL
    SELECT year, hs_code, exporter || importer, x_usd, x_kg FROM side
    WHERE NOT EXISTS (FROM fact_trade) AND hs_code NOT LIKE '%?'
),
ranked AS (
    SELECT year, hs_code, value_usd / net_kg AS uv,
        sum(value_usd) OVER (PARTITION BY year, hs_code ORDER BY value_usd / net_kg, trader) AS below,
        sum(value_usd) OVER (PARTITION BY year, hs_code) AS total
    FROM price, p WHERE net_kg >= p.min_kg AND value_usd > 0
)
SELECT year, hs_code, min(uv) AS uv_ref FROM ranked WHERE below >= total / 2 GROUP BY ALL
"""

_CELLS = """
WITH pair AS (
    SELECT k.exporter, k.importer, e.latitude AS e_lat, e.longitude AS e_lon, i.latitude AS i_lat, i.longitude AS i_lon,
        list_contains(string_split(e.neighbours, ' '), k.importer)::DOUBLE AS contiguous,
        e.landlocked::DOUBLE + i.landlocked::DOUBLE AS landlocked_ends
    FROM (SELECT DISTINCT exporter, importer FROM side) k
    LEFT JOIN cat_geography e ON e.iso3 = k.exporter LEFT JOIN cat_geography i ON i.iso3 = k.importer
),
passing AS (  -- both directions of a country's trade in a good, with all partners; a folded chapter is many goods
    SELECT reporter AS exporter, year, hs_code,
        sum(value_usd) FILTER (flow = 'X') AS country_x, sum(value_usd) FILTER (flow = 'M') AS country_m,
        sum(net_kg) FILTER (flow = 'X') AS country_x_kg,
        sum(value_usd) FILTER (flow = 'X' AND net_kg > 0) / sum(net_kg) FILTER (flow = 'X') AS uv_x,
        sum(value_usd) FILTER (flow = 'M' AND net_kg > 0) / sum(net_kg) FILTER (flow = 'M') AS uv_m
    FROM mart_customs_hs12 JOIN dim_country c ON c.iso3 = reporter
    WHERE c.focus AND flow IN ('X', 'M') AND partner NOT IN ('WLD', reporter) AND hs_code SIMILAR TO '[0-9]{6}'
    GROUP BY ALL
)
SELECT side.*, pair.* EXCLUDE (exporter, importer), r.uv_ref,
    g.country_x, g.country_m, g.uv_x / g.uv_m AS uv_ratio, 1000 * h.production_t / g.country_x_kg AS home_share,
    (d.stage IS NOT DISTINCT FROM 'primary')::DOUBLE AS farmed,
    CASE WHEN x_state = 'zero' THEN 0 ELSE x_usd END AS x, CASE WHEN m_state = 'zero' THEN 0 ELSE m_usd END AS m
FROM side
JOIN pair USING (exporter, importer)
LEFT JOIN reference r USING (year, hs_code)
LEFT JOIN passing g USING (exporter, year, hs_code)
LEFT JOIN dim_product d ON d.hs_code = side.hs_code
    AND d.hs_edition = parameter_text('hs_edition')
LEFT JOIN mart_chain_output h ON h.iso3 = side.exporter AND h.chain = d.chain AND h.year = side.year
ORDER BY side.year, side.exporter, side.importer, side.hs_code
"""

_RESULT = """
WITH measured AS (
    SELECT k.* EXCLUDE (chapter), m.* FROM cells k POSITIONAL JOIN measured m
),
side_of AS (  -- every cell from each of its sides; a good is looked for where it is absent, alike or folded
    SELECT year, exporter AS reporter, importer AS partner, 'X' AS flow, x_rest AS rest, x_area AS area,
        x_unallocated AS unallocated, hs_code, x AS own, v - coalesce(x, 0) AS beyond, x_state AS state
    FROM measured
    UNION ALL
    SELECT year, importer, exporter, 'M', m_rest, m_area, m_unallocated, hs_code, m_fob, v - coalesce(m_fob, 0), m_state
    FROM measured
),
found AS (
    SELECT * FROM side_of
    WHERE NOT unallocated AND (state = 'hidden' OR (state = 'value' AND (hs_code LIKE '%XXXX' OR hs_code = area)))
),
placed AS (  -- what the reconciled flows hold beyond a report that leaves goods without a code or a partner
    SELECT year, reporter, partner, flow, rest AS hs_code, greatest(sum(beyond), 0) AS usd
    FROM found WHERE rest IS NOT NULL GROUP BY ALL
    UNION ALL  -- spread over the areas of the good
    SELECT a.year, a.reporter, a.partner, a.flow, a.hs_code,
        f.usd * a.own / sum(a.own) OVER (PARTITION BY a.year, a.reporter, a.flow, a.hs_code)
    FROM side_of a JOIN (
        SELECT year, reporter, flow, area AS hs_code, greatest(sum(beyond), 0) AS usd
        FROM found WHERE area IS NOT NULL GROUP BY ALL
    ) f USING (year, reporter, flow, hs_code)
    WHERE a.partner SIMILAR TO 'X[0-9]+' AND a.own > 0
),
taken AS (
    SELECT year, reporter, partner, flow, hs_code, sum(usd) AS usd FROM placed GROUP BY ALL
)
SELECT m.year, m.exporter, m.importer,
    parameter_text('hs_edition') AS hs_edition,
    m.hs_code,
    m.x AS x_reported_usd,
    m.m AS m_mirror_cif_usd,
    CASE WHEN m.m > 0 THEN m.tau END AS tau,
    CASE WHEN m.m > 0 THEN {bases}[m.tau_basis + 1] END AS tau_basis,
    CASE WHEN m.m > 0 THEN m.tau_sensitivity END AS tau_sensitivity,
    m.m_fob AS m_mirror_fob_usd,
    CASE  -- both sides without a code: not the same goods, perhaps; the greater rest is certain
        WHEN m.x_unallocated AND m.m_unallocated
            THEN greatest(m.x - coalesce(tx.usd, 0), m.m_fob - coalesce(tm.usd, 0), 0)
        ELSE greatest(m.v - coalesce(tx.usd, 0) - coalesce(tm.usd, 0), 0)
    END AS v_reconciled_usd,
    m.n_sides, m.lgap, m.sgap, m.sigma_x, m.sigma_m, m.sigma_lnv, m.w_x,
    m.rx_usd AS x_reexport_usd,
    m.transit = 1 AS transit_suspect,
    m.x_conservative AS x_conservative_usd,
    m.x_kg AS x_net_kg,
    m.m_kg AS m_net_kg,
    m.net_kg,
    m.x_estimated AS x_net_kg_estimated_share,
    m.m_estimated AS m_net_kg_estimated_share,
    least(m.x_estimated, m.m_estimated) AS net_kg_estimated_share,
    m.hs_split,
    concat_ws(
        ';',
        CASE WHEN m.x_state = 'zero' OR m.m_state = 'zero' OR m.x = 0 OR m.m = 0 THEN 'zero_reported' END,
        CASE WHEN m.one_sided = 1 THEN 'one_sided' END,
        CASE WHEN m.x_state = 'unknown' AND NOT m.m_unallocated THEN 'mirror' END,
        CASE WHEN m.m_state = 'unknown' AND NOT m.x_unallocated THEN 'no_mirror' END,
        CASE WHEN 'hidden' IN (m.x_state, m.m_state) THEN 'suppressed' END,
        CASE WHEN m.x_unallocated OR m.m_unallocated THEN 'unallocated' END,
        CASE WHEN regexp_matches(m.exporter || m.importer, '[0-9]') THEN 'unspecified_partner' END
    ) AS flag
FROM measured m
LEFT JOIN taken tx ON tx.flow = 'X' AND tx.year = m.year AND tx.reporter = m.exporter AND tx.partner = m.importer
    AND tx.hs_code = m.hs_code
LEFT JOIN taken tm ON tm.flow = 'M' AND tm.year = m.year AND tm.reporter = m.importer AND tm.partner = m.exporter
    AND tm.hs_code = m.hs_code
"""


def build(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """One row per year, exporter, importer and code with at least one report."""
    con.execute(_SIDES)
    con.execute(_REFERENCE)
    cells = con.sql(_CELLS).to_arrow_table()
    con.register("cells", cells)
    con.register("measured", measure(cells, parameters(con)))
    return con.sql(_RESULT.format(bases=list(cif.BASES)))


def measure(cells: pa.Table, method: Parameters) -> pa.Table:
    """Freight factor, gaps, sigmas and reconciled value of every cell, row by row in the order of ``cells``."""
    of = {name: to_numpy(cells[name]) for name in cells.column_names if cells[name].type == pa.float64()}
    year = to_numpy(cells["year"])
    x, m = of["x"], of["m"]
    tau, basis, sensitivity = _freight(of, year, method)
    m_fob = mirror.fob_equivalent(m, tau)
    sigma_x, sigma_m = mirror_windows.sigma_of_cells(mirror_windows.flows(cells, x, m_fob), method)
    best = mirror.reconcile(
        x,
        m_fob,
        sigma_x,
        sigma_m,
        one_sided_min=method["one_sided_min_usd"],
        single_side_factor=method["single_side_factor"],
    )
    transit = reexport.transit_signature(
        two_way.grubel_lloyd(of["country_x"], of["country_m"]),
        of["uv_ratio"],
        of["home_share"],
        home_counts=of["farmed"] == 1,
        gl_min=method["reexport_gl_min"],
        ratio_low=method["reexport_uv_low"],
        ratio_high=method["reexport_uv_high"],
        home_share_max=method["reexport_home_share_max"],
    )
    domestic = np.where(np.isnan(of["rx_usd"]), x, reexport.domestic_exports(x, of["rx_usd"]))
    columns: dict[str, NDArray[Any]] = {
        "tau": tau,
        "tau_basis": basis.astype(np.int16),
        "tau_sensitivity": sensitivity,
        "m_fob": m_fob,
        "v": best.value,
        "n_sides": best.n_sides,
        "lgap": mirror.lgap(x, m_fob),
        "sgap": mirror.sgap(x, m_fob),
        "sigma_x": sigma_x,
        "sigma_m": sigma_m,
        "sigma_lnv": best.sigma_ln,
        "w_x": best.weight_x,
        "one_sided": best.one_sided.astype(np.int16),
        "transit": transit.astype(np.int16),
        "x_conservative": reexport.conservative_exports(domestic, of["country_x"], of["country_m"], transit),
        "net_kg": _weight(of["x_kg"], of["m_kg"], best.weight_x),
    }
    return pa.table({name: to_arrow(values) for name, values in columns.items()})


def _freight(
    of: dict[str, Floats], year: NDArray[np.int16], method: Parameters
) -> tuple[Floats, NDArray[np.int8], Floats]:
    """Factor, its origin, and the sensitivity case."""
    distance = cif.great_circle_km(of["e_lat"], of["e_lon"], of["i_lat"], of["i_lon"])
    sensitivity = cif.quartile_factor(distance, of["uv_ref"], method.list_of("cif_quartile_steps"))
    modelled = np.full(distance.shape, np.nan)
    if method.texts["cif_model"] == "quartile":
        modelled = sensitivity
    elif method.texts["cif_model"] == "regression":
        known = (of["x"] >= method["mirror_min_usd"]) & (of["m"] >= method["mirror_min_usd"])
        known &= ~(np.abs(of["m"] - of["fob_usd"]) <= 1e-9 * of["m"])
        ln_ratio = np.where(known, ln(divide(of["m"], of["x"])), np.nan)
        explained = cif.features(distance, of["contiguous"], of["landlocked_ends"], of["uv_ref"], year)
        # Of goods without a world price less is known: a regression on the rest of it.
        priced = ~np.isnan(of["uv_ref"])
        for rows, columns in ((priced, cif.FEATURES), (~priced, cif.WITHOUT_PRICE)):
            model = cif.fit(
                ln_ratio,
                explained[:, columns],
                cif.quantity_similarity(of["x_kg"], of["m_kg"]),
                min_observations=int(method["cif_min_observations"]),
                max_ln_ratio=method["cif_max_ln_ratio"],
            )
            if model is not None:
                fitted = settled(model.tau(explained[:, columns], method["cif_cap"]))
                modelled = np.where(rows, fitted, modelled)
    tau, basis = cif.cif_factor(
        of["m"], of["cif_usd"], of["fob_usd"], modelled, flat=method["cif_flat"], cap=method["cif_cap"]
    )
    return tau, basis, sensitivity


def _weight(x_kg: Floats, m_kg: Floats, w: Floats) -> Floats:
    """Net weight with the weights of the value; the side that states one where the other does not."""
    both = np.exp(w * ln(x_kg) + (1 - w) * ln(m_kg))
    return np.where(np.isnan(both), np.where(np.isnan(x_kg), m_kg, x_kg), both)
