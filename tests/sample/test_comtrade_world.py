"""What the served customs reports say, against the truth table and the planted parameters of the sample world."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
import requests

from agrocluster.sample import comtrade_rows
from agrocluster.sample.comtrade_tables import fractions, pieces, plants, reporters, tau_parameters, union_members
from agrocluster.sample.comtrade_world import books, log_tau
from agrocluster.sample.noise import hashed
from agrocluster.sample.tables import YEARS, economies, goods
from agrocluster.sample.trade import flows

PINS = "partner2Code=0&customsCode=C00&motCode=0"
KEY = {"Ocp-Apim-Subscription-Key": "sample-premium-key"}
ASKED = (2013, 2018, 2021, 2023, 2024)


@pytest.fixture(scope="module")
def wire(sample_server, tmp_path_factory):
    """Annual rows of some years and monthly rows of Kyrgyzstan, read from the server's answers alone."""
    folder = tmp_path_factory.mktemp("comtrade")
    base = sample_server.url + "/comtrade/data/v1/get/C"
    questions = {f"a{year}": f"A/HS?period={year}&cmdCode=TOTAL,AG6&{PINS}" for year in ASKED}
    for year in (2023, 2024):
        months = ",".join(f"{year}{month:02d}" for month in range(1, 13))
        questions[f"m{year}"] = f"M/HS?period={months}&reporterCode=417&cmdCode=TOTAL,AG6&{PINS}"
        questions[f"t{year}"] = f"M/HS?period={months}&reporterCode=398,860&cmdCode=TOTAL&{PINS}"
    con = duckdb.connect()
    con.execute("set threads = 2")
    for name, question in questions.items():
        answer = requests.get(f"{base}/{question}", headers=KEY, timeout=60)
        answer.raise_for_status()
        body = answer.content.removeprefix(answer.content.split(b"[", 1)[0]).removesuffix(b',"error":""}')
        (folder / f"{name}.json").write_bytes(body)
    con.execute(f"""
        create table raw as select freqCode as freq, period::int as period, refYear as year, reporterCode as reporter,
            partnerCode as partner, flowCode as flow, classificationCode as edition, cmdCode as code, primaryValue as v,
            cifvalue::double as cif, fobvalue::double as fob, netWgt::double as kg, isNetWgtEstimated as guessed,
            qty::double as qty, qtyUnitCode as unit, legacyEstimationFlag as legacy, isReported as reported,
            isAggregate as aggregate
        from read_json('{folder}/*.json', format = 'array', maximum_object_size = 4000000);
    """)
    truth = requests.get(f"{sample_server.url}/_sample/truth.parquet", timeout=120)
    (folder / "truth.parquet").write_bytes(truth.content)
    con.execute(f"create table truth as from '{folder}/truth.parquet' where starts_with(kind, 'comtrade')")
    book, world = reporters(), economies()
    names = [(int(code), str(iso3)) for code, iso3 in zip(book.code, world.text["iso3"], strict=True)]
    con.execute("create table area (code int, iso3 varchar)")
    con.executemany("insert into area values (?, ?)", [*names, (0, "WLD"), (899, "X899"), (97, "EUR")])
    con.execute("""
        create table six as select raw.*, r.iso3, p.iso3 as other
        from raw join area r on r.code = reporter join area p on p.code = partner where raw.code <> 'TOTAL';
        create table total as select raw.*, r.iso3, p.iso3 as other
        from raw join area r on r.code = reporter join area p on p.code = partner where raw.code = 'TOTAL';
    """)
    assert con.execute("select count(*) from raw").fetchone()[0] == con.execute(
        "select (select count(*) from six) + (select count(*) from total)"
    ).fetchone()[0]  # fmt: skip
    return con


def test_sums_by_reporter_partner_and_year_are_those_of_the_truth(wire):
    years = ", ".join(map(str, ASKED))
    for kind, flow in (
        ("comtrade_export", "= 'X'"),
        ("comtrade_import", "= 'M'"),
        ("comtrade_flow", "not in ('X','M')"),
    ):
        worst, lonely, count = wire.execute(f"""
            with served as (select iso3, other, flow, year, sum(v) as v from six
                            where freq = 'A' and flow {flow} and iso3 <> 'EUR' group by all),
            expected as (select * from truth where kind = '{kind}' and year in ({years}))
            select max(abs(v / value - 1)), count(*) filter (v is null or value is null), count(*)
            from served s full join expected t
              on s.iso3 = t.iso3 and other = partner and flow = element_code and s.year = t.year
        """).fetchone()
        assert lonely == 0, kind
        assert worst < 1e-7, kind  # thousandths of a dollar, rounded where a line was cut
        assert count > (100 if kind == "comtrade_flow" else 1000)


def test_mirror_sums_are_those_of_the_truth(wire):
    for kind, flow in (("comtrade_mirror_import", "M"), ("comtrade_mirror_export", "X")):
        rows = wire.execute(f"""
            select t.iso3, t.year, value, sum(v) from truth t join six s on other = t.iso3 and s.year = t.year
            where kind = '{kind}' and flow = '{flow}' and freq = 'A' and reporter not in (97, 490) group by all
        """).fetchall()
        assert len(rows) == 4 * len(ASKED)
        assert all(served == pytest.approx(value, rel=1e-12) for *_, value, served in rows)


def test_chains_survive_the_editions(wire):
    """HS 2012 chains of the truth against the codes of each row's own edition, mapped by the published changes."""
    chain = dict(zip(goods().code.tolist(), goods().chain.tolist(), strict=True))
    cells = [(f"H{edition}", code, name) for edition in (4, 5, 6) for code, name in chain.items() if name]
    cells = [cell for cell in cells if (int(cell[0][1]), cell[1]) not in {(p.edition, p.hs12) for p in pieces()}]
    cells += [(f"H{p.edition}", p.code, chain[p.hs12]) for p in pieces() if chain[p.hs12]]
    wire.execute("create or replace table cell (edition varchar, code varchar, chain varchar)")
    wire.executemany("insert into cell values (?, ?, ?)", sorted(set(cells)))
    # Tobacco and apparel lines that a reporter keeps secret stand under 999999 and are missing here.
    worst, count = wire.execute("""
        with served as (select iso3, other, flow, year, chain, sum(v) as v from six join cell using (edition, code)
                        where freq = 'A' and flow in ('X', 'M') and reporter in (398, 417, 762, 860) group by all)
        select max(abs(coalesce(v, 0) / value - 1)), count(*) from truth t left join served s
          on s.iso3 = t.iso3 and other = partner and flow = element_code and s.year = t.year and s.chain = t.chain
        where kind in ('comtrade_export_chain', 'comtrade_import_chain') and t.year in (2013, 2018, 2021, 2023)
          and not (t.iso3 = 'KAZ' and element_code = 'M' and t.chain = 'tobacco')
    """).fetchone()
    assert worst < 1e-7
    assert count > 5000


def test_world_rows_and_totals_are_computed_sums(wire):
    worst, count = wire.execute("""
        with parts as (select reporter, period, flow, code, sum(v) as v from six where partner <> 0 group by all)
        select max(abs(parts.v / w.v - 1)), count(*) from six w left join parts using (reporter, period, flow, code)
        where w.partner = 0
    """).fetchone()
    assert worst < 1e-12
    assert count > 10000
    worst, count = wire.execute("""
        with parts as (select reporter, partner, period, flow, sum(v) as v from six group by all)
        select max(abs(parts.v / t.v - 1)), count(*) from total t join parts using (reporter, partner, period, flow)
        where not (reporter = 860 and period = 2018 and flow = 'M' and partner = 0)
    """).fetchone()
    assert worst < 1e-12
    assert count > 3000
    assert wire.execute(
        "select bool_and(aggregate and not reported) from raw where partner = 0 or code = 'TOTAL'"
    ).fetchone()[0]
    whole = wire.execute(
        "select v from total where reporter = 860 and period = 2018 and flow = 'M' and partner = 0"
    ).fetchone()
    parts = wire.execute(
        "select sum(v) from six where reporter = 860 and period = 2018 and flow = 'M' and partner = 0"
    ).fetchone()
    assert whole[0] / parts[0] == pytest.approx(1.02)


def test_others_report_their_whole_trade_in_one_total_with_the_world(wire):
    rows = wire.execute("""
        select iso3, v from total where partner = 0 and flow = 'X' and period = 2021 and iso3 <> 'EUR'
    """).fetchall()
    assert len(rows) == reporters().annual[:, YEARS == 2021].sum()
    flow, year = flows(), YEARS == 2021
    true = np.bincount(flow.exporter, np.where(year[flow.year], flow.usd, 0), len(economies()))
    # Noise averages out over thousands of lines; planted lines that are not seen are small.
    ratio = [value / true[economies().index(iso3)] for iso3, value in rows]
    assert np.quantile(ratio, [0.05, 0.95]) == pytest.approx(1, abs=0.12)
    details = wire.execute(
        "select count(*) from six where partner not in (398,417,762,860) and reporter not in (398,417,762,860)"
    )
    assert details.fetchone()[0] == 0


def test_who_is_silent(wire, get):
    listed = get("/comtrade/public/v1/getDA/C/A/HS").json()["data"]
    there = {(row["reporterCode"], row["period"]) for row in listed}
    absent = wire.execute(
        "select code, year from truth join area using (iso3) where kind = 'comtrade_absent'"
    ).fetchall()
    assert there.isdisjoint(absent)
    assert len(there - {key for key in there if key[0] == 97}) + len(absent) == len(economies()) * len(YEARS)
    silent = {(643, 2022), (643, 2023), (643, 2024), (795, 2012), (762, 2021), (860, 2016)}
    assert silent <= set(absent)
    editions = wire.execute(
        "select code, year, value::int from truth join area using (iso3) where kind = 'comtrade_edition'"
    )
    served = {(row["reporterCode"], row["period"]): int(row["classificationCode"][1:]) for row in listed}
    assert {(code, year): edition for code, year, edition in editions.fetchall()}.items() <= served.items()
    assert {edition for key, edition in served.items() if key[0] == 398} == {4, 5, 6}


def test_noise_and_freight_are_as_planted():
    """Reports over true flows: the spread is the reporter's sigma, the level of imports is tau's regression."""
    lines, flow = books().lines, flows()
    size = (len(economies()), len(goods()), len(YEARS))
    true = {}
    for side, (a, b) in {"X": (flow.exporter, flow.importer), "M": (flow.importer, flow.exporter)}.items():
        true[side] = (((a * size[0] + b) * size[1] + flow.good) * size[2] + flow.year, flow.usd)
    pairs = {(economies().index(r), economies().index(p)) for r, _, p in fractions()}
    special = np.array([a * size[0] + b for a, b in pairs | {(b, a) for a, b in pairs}])
    checked = 0
    for side, (key, usd) in true.items():
        order = np.argsort(key)
        mine = np.flatnonzero(lines.flow == side)
        passing = books().transit
        mine = mine[~np.isin(lines.reporter[mine] * size[0] + lines.partner[mine], special)]
        cell = (lines.reporter * size[0] + lines.partner) * size[1] * size[2] + lines.good * size[2] + lines.year
        mine = mine[~np.isin(cell[mine], (passing.reporter * size[0] + passing.partner) * size[1] * size[2]
                             + passing.good * size[2] + passing.year)]  # fmt: skip
        at = order[np.searchsorted(key[order], cell[mine])]
        assert np.array_equal(key[at], cell[mine])
        gap = np.log(lines.value[mine] / 1000 / usd[at])
        if side == "M":
            cif = np.isin(reporters().text["valuation"][lines.reporter[mine]], ["cif", "both"])
            margin = log_tau(flow.exporter[at], flow.importer[at], flow.good[at], flow.year[at])
            gap = np.where(cif, gap - margin, gap)
            # Who gives both values gives tau itself.
            both = mine[(lines.cif[mine] > 10**6) & (lines.fob[mine] > 0)]
            implied = np.log(lines.cif[both] / lines.fob[both])
            again = log_tau(lines.partner[both], lines.reporter[both], lines.good[both], lines.year[both])
            assert np.abs(implied - again).max() < 1e-5
        assert abs(gap.mean()) < 0.01
        sigma = reporters().sigma(side)[lines.reporter[mine], lines.year[mine]]
        for i in [*economies().four, economies().index("CHN"), economies().index("DEU")]:
            for value in np.unique(sigma[lines.reporter[mine] == i]):
                part = gap[(lines.reporter[mine] == i) & (sigma == value)]
                if len(part) > 200:
                    assert part.std() == pytest.approx(value, rel=0.12)
                    checked += 1
    assert checked > 10


def test_the_freight_regression_finds_the_planted_coefficients(wire):
    planted = tau_parameters()
    found = dict(wire.execute("select indicator, value from truth where kind = 'comtrade_tau_parameter'").fetchall())
    assert found == planted
    rows = wire.execute("""
        select s.iso3, s.other, s.year, code, ln(cif / fob), d.value from six s join truth d
          on d.kind = 'comtrade_distance' and (d.iso3, d.partner) in ((s.iso3, s.other), (s.other, s.iso3))
        where flow = 'M' and cif > fob and fob > 1000 and s.partner <> 0 and freq = 'A'
    """).fetchall()
    world, price = economies(), dict(zip(goods().code.tolist(), goods().usd_per_kg.tolist(), strict=True))
    rows = [row for row in rows if row[3] in price]
    assert len(rows) > 3000
    inland = reporters().number["landlocked"]
    near = {
        (a, b) for a, text in zip(world.text["iso3"], reporters().text["neighbours"], strict=True) for b in text.split()
    }
    distance = np.log(np.array([row[5] for row in rows]) / 1000)
    design = np.column_stack([
        np.ones(len(rows)), distance, distance**2,
        [(a, b) in near or (b, a) in near for a, b, *_ in rows],
        [inland[world.index(a)] + inland[world.index(b)] for a, b, *_ in rows],
        np.log([price[row[3]] for row in rows]), [row[2] - 2018 for row in rows],
    ])  # fmt: skip
    fit = np.linalg.lstsq(design, np.array([row[4] for row in rows]), rcond=None)[0]
    names = ("constant", "ln_distance", "ln_distance_squared", "contiguous", "landlocked", "ln_unit_value", "year")
    assert dict(zip(names, fit, strict=True)) == pytest.approx({n: planted[n] for n in names}, abs=2e-3)


@pytest.mark.parametrize(("reporter", "partner"), [("KGZ", "CHN"), ("KGZ", "UZB")])
def test_kyrgyz_imports_are_the_planted_part_of_what_the_partner_reports(wire, reporter, partner):
    gaps = dict(
        wire.execute(f"""
            with m as (select year, sum(v) as v from six where iso3 = '{reporter}' and other = '{partner}'
                       and flow = 'M' and freq = 'A' group by all),
            x as (select year, sum(v) as v from six where iso3 = '{partner}' and other = '{reporter}' and flow = 'X'
                  and freq = 'A' group by all)
            select year, m.v / x.v from m join x using (year)
        """).fetchall()
    )
    planted = dict(
        wire.execute(f"select year, value from truth where kind = 'comtrade_fraction' and iso3 = '{reporter}' "
                 f"and partner = '{partner}' and element_code = 'M'").fetchall()
    )  # fmt: skip
    assert set(gaps) == set(ASKED) - ({2013} if partner == "UZB" else set())
    assert all(gap == pytest.approx(planted[year], rel=0.05) for year, gap in gaps.items())
    if partner == "UZB":
        assert gaps[2023] > 0.85 > 0.55 > gaps[2018] > gaps[2021]


def test_reexports_and_the_signature_of_transit(wire):
    rows = wire.execute("""
        select s.code, sum(s.v) / sum(x.v) from six s join six x using (reporter, partner, period, code)
        where s.flow = 'RX' and x.flow = 'X' and s.iso3 = 'KGZ' and s.freq = 'A' and s.partner <> 0 group by all
    """).fetchall()
    share = {plant.prefix: plant.number for plant in plants("subflow") if plant.flow == "RX" and plant.prefix}
    assert len(rows) > 20
    assert all(value == pytest.approx(share[code[:2]], rel=1e-4) for code, value in rows if code[:2] in share)
    signature = wire.execute("""
        select code, 1 - abs(x.v - m.v) / (x.v + m.v), (x.v / x.kg) / (m.v / m.kg)
        from six x join six m using (reporter, period, code, freq) where x.iso3 = 'KGZ' and freq = 'A' and x.partner = 0
          and m.partner = 0 and x.flow = 'X' and m.flow = 'M' and period in (2018, 2021)
          and code in ('640299', '611030', '620193', '950300', '620342')
    """).fetchall()
    assert len(signature) >= 8
    assert all(grubel_lloyd > 0.7 for _, grubel_lloyd, _ in signature)
    assert all(0.9 <= ratio <= 1.1 for *_, ratio in signature)


def test_secret_goods_and_partners(wire):
    for kind, where in (("comtrade_confidential", "code = '999999'"), ("comtrade_areas_nes", "partner = 899")):
        rows = wire.execute(f"""
            select t.iso3, element_code, t.year, value, sum(v) from truth t join six s
              on s.iso3 = t.iso3 and flow = element_code and s.year = t.year and s.{where}
            where kind = '{kind}' and freq = 'A' and s.partner <> 0 group by all
        """).fetchall()
        assert len(rows) > 10, kind
        assert all(value == pytest.approx(served, abs=1) for *_, value, served in rows)
    strange = wire.execute("""
        select count(*) from six where code = '999999' and freq = 'A' and (unit <> -1 or qty is not null)
    """).fetchone()[0]
    assert strange == 0
    assert (
        wire.execute("select count(*) from six where iso3 = 'UZB' and code like '7108%' and flow = 'X'").fetchone()[0]
        == 0
    )


def test_weights_are_missing_zero_and_estimated_now_and_then(wire):
    count, null, nought, guessed = wire.execute("""
        select count(*), count(*) filter (kg is null), count(*) filter (kg = 0), count(*) filter (guessed)
        from six where partner <> 0 and freq = 'A' and iso3 <> 'EUR'
    """).fetchone()
    assert 0.02 < null / count < 0.10
    assert 0.02 < nought / count < 0.10
    assert 0.03 < guessed / count < 0.15
    flags = wire.execute(
        "select distinct guessed, legacy, unit = 8 from six where unit > 0 and iso3 <> 'EUR' order by all"
    )
    assert flags.fetchall() == [(False, 0, False), (False, 0, True), (True, 4, False), (True, 6, True)]
    units = {unit for (unit,) in wire.execute("select distinct unit from six").fetchall()}
    assert {-1, 5, 6, 7, 8, 9} <= units
    kilograms = wire.execute("select count(*) from six where unit = 8 and qty is distinct from kg").fetchone()[0]
    assert kilograms == 0


def test_one_side_knows_what_the_other_does_not(wire):
    unseen = wire.execute("""
        select iso3, element_code, count(*) from truth where kind = 'comtrade_unseen' and value > 0 group by all
    """).fetchall()
    assert len(unseen) > 50
    blind = wire.execute("""
        select count(*) filter (iso3 = 'KAZ' and flow = 'M'), count(*) filter (iso3 = 'KGZ' and flow = 'X')
        from six where code like '0401%' and freq = 'A' and ((iso3 = 'KAZ' and other = 'KGZ') or
                       (iso3 = 'KGZ' and other = 'KAZ')) and year > 2015
    """).fetchone()
    assert blind[0] == 0
    assert blind[1] > 0


def test_months_sum_to_the_year_but_where_planted(wire):
    rows = wire.execute("""
        with m as (select year, flow, partner, code, sum(v) as v, sum(kg) as kg, count(*) as n from six
                   where freq = 'M' group by all),
        a as (select year, flow, partner, code, v from six where iso3 = 'KGZ' and freq = 'A')
        select year, flow, max(abs(m.v - a.v)), count(*), count(*) filter (a.v is null), max(n)
        from m left join a using (year, flow, partner, code) group by all order by all
    """).fetchall()
    worst = {(year, flow): gap for year, flow, gap, *_ in rows}
    assert worst.pop((2023, "M")) > 1e6  # the months before the correction of the year
    assert all(gap < 2.0 for gap in worst.values())  # a line cut in twelve is rounded twelve times
    assert all(lonely == 0 for *_, lonely, _ in rows)
    assert max(row[-1] for row in rows) == 12
    months = wire.execute("""
        select six.iso3, flow, period, sum(v), any_value(value) from six join truth t
          on t.iso3 = six.iso3 and t.element_code = flow and indicator = period::varchar
        where freq = 'M' and kind = 'comtrade_month' and six.partner <> 0 group by six.iso3, flow, period
    """).fetchall()
    assert len(months) >= 72
    assert all(served == pytest.approx(value, rel=1e-12) for *_, served, value in months)
    missing = wire.execute(
        "select indicator::int from truth where kind = 'comtrade_absent_month' and iso3 = 'UZB'"
    ).fetchall()
    sent = {
        period
        for (period,) in wire.execute("select distinct period from total where iso3 = 'UZB' and freq = 'M'").fetchall()
    }
    assert {period for (period,) in missing}.isdisjoint(sent)
    assert len(sent) + len(missing) == 24


def test_seasons_show(wire):
    """Fruit trades in its season; a month outside it has none."""
    stone = wire.execute("""
        select period % 100, sum(v) from six where code like '0809%' and freq = 'M' and partner = 0 group by all
    """).fetchall()
    summer = sum(value for month, value in stone if month in (6, 7, 8))
    assert summer / sum(value for _, value in stone) > 0.7
    assert not {1, 2, 12} & {month for month, _ in stone}


def test_the_union_reports_once_more_as_a_group(wire):
    members = ", ".join(str(reporters().code[i]) for i in union_members())
    rows = wire.execute(f"""
        with parts as (select flow, partner, year, sum(v) as v from six where reporter in ({members}) and freq = 'A'
                       and flow in ('X', 'M') group by all)
        select g.flow, g.partner, g.year, sum(g.v), any_value(parts.v) from six g join parts using (flow, partner, year)
        where reporter = 97 group by all
    """).fetchall()
    assert len(rows) >= 5 * len(ASKED)
    assert all(group == pytest.approx(sum_of_members, rel=1e-12) for *_, group, sum_of_members in rows)


def test_the_older_vintage_lacks_and_differs_where_planted(sample_server, wire):
    base = sample_server.url

    def availability():
        found = []
        for freq in ("A", "M"):
            found += requests.get(f"{base}/comtrade/public/v1/getDA/C/{freq}/HS", timeout=60).json()["data"]
        return {(row["freqCode"], row["reporterCode"], row["period"]): row for row in found}

    def total(reporter, year, flow):
        question = f"reporterCode={reporter}&period={year}&flowCode={flow}&cmdCode=AG6&{PINS}"
        rows = requests.get(f"{base}/comtrade/data/v1/get/C/A/HS?{question}", headers=KEY, timeout=60).json()["data"]
        return sum(row["primaryValue"] for row in rows if row["partnerCode"])

    now = availability()
    requests.post(f"{base}/_sample/vintage", json={"vintage": "previous"}, timeout=120).raise_for_status()
    try:
        before = availability()
        served = {key: total(*key) for key in ((398, 2021, "X"), (417, 2021, "M"), (276, 2023, "M"))}
    finally:
        requests.post(f"{base}/_sample/vintage", json={"vintage": "current"}, timeout=120).raise_for_status()
    gone = set(now) - set(before)
    assert ("A", 860, 2024) in gone
    assert ("M", 398, 202412) in gone
    assert set(before) <= set(now)
    released = {key for key in before if before[key]["lastReleased"] != now[key]["lastReleased"]}
    changed = {key for key in before if before[key]["datasetChecksum"] != now[key]["datasetChecksum"]}
    assert changed < released
    assert {("A", 398, 2021), ("A", 417, 2022), ("A", 156, 2022), ("A", 97, 2023), ("A", 792, 2020)} <= changed
    assert released - changed == {("A", 36, 2019), ("A", 398, 2016)}
    assert all(now[key]["lastReleased"] > "2026" for key in released | gone)
    assert all(row["lastReleased"] < "2025-12" for row in before.values())
    rows = wire.execute("""
        select code, year, element_code, value from truth join area using (iso3)
        where kind = 'comtrade_revision_previous'
    """).fetchall()
    previous = {(code, year, flow): value for code, year, flow, value in rows}
    assert previous[860, 2024, "X"] == 0
    assert {key: previous[key] for key in served} == pytest.approx(served, rel=1e-9)


def test_making_the_reports_twice_gives_the_same_rows(sample_server, tmp_path):
    made = comtrade_rows.build("current", tmp_path)
    stored = sample_server.state.store.comtrade("current")
    with duckdb.connect() as con:
        for part, path in made.items():
            (gap,) = con.execute(f"""
                select count(*) from ((from '{path}' except from '{stored[part].path}') union all
                                      (from '{stored[part].path}' except from '{path}'))
            """).fetchone()
            assert gap == 0, part


def test_draws_belong_to_keys_and_not_to_places():
    keys = np.arange(50)
    draws = hashed("test", keys, keys * 7)
    assert np.array_equal(draws[::-1], hashed("test", keys[::-1], keys[::-1] * 7))
    assert not np.array_equal(draws, hashed("other", keys, keys * 7))
    many = hashed("test", np.arange(100_000))
    assert many.min() >= 0
    assert many.max() < 1
    assert np.bincount((many * 10).astype(int), minlength=10) == pytest.approx(10_000, abs=500)


def test_every_plant_says_why():
    kinds = ("fraction", "sigma", "transit", "subflow", "unseen", "confidential", "areas_nes", "total_gap", "revision")
    kinds += ("touched", "new", "month_gap", "absent_months", "new_months")
    for kind in kinds:
        found = list(plants(kind))
        assert found, kind
        assert all(plant.note for plant in found)
