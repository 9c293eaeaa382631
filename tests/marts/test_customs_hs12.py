"""Conversion to HS2012: nothing is lost, nothing is doubled, and what cannot be placed is seen."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World, one

from agrocluster.model.loader import ROOT, catalog, read_csv

COATS, OVERCOATS, ANORAKS = "620120", "620111", "620191"


def rows(world: World, **where: object) -> dict[str, dict[str, object]]:
    con = world.build("mart_customs_hs12")
    found = con.sql("FROM mart_customs_hs12 ORDER BY hs_code").to_arrow_table().to_pylist()
    return {r["hs_code"]: r for r in found if all(r[key] == value for key, value in where.items())}


def test_codes_of_hs2012_stay_as_they_are_and_other_goods_go_to_their_chapter() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", "110100", 100)
    world.report("KAZ", "X", "UZB", "270900", 500)
    world.report("KAZ", "X", "UZB", "271019", 50)
    found = rows(world)
    assert found["110100"]["value_usd"] == 100
    assert found["110100"]["conversion"] == "none"
    assert found["27XXXX"]["value_usd"] == 550
    assert found["27XXXX"]["n_source_codes"] == 2
    assert set(found) == {"110100", "27XXXX"}


def test_a_code_with_one_counterpart_takes_its_number() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", "040320", 100, hs_edition="HS22")
    world.report("KAZ", "X", "UZB", "080291", 10, hs_edition="HS22")
    world.report("KAZ", "X", "UZB", "080292", 20, hs_edition="HS22", net_kg=None)
    world.report("KAZ", "X", "UZB", "110100", 7, hs_edition="HS22")
    found = rows(world)
    assert found["040310"]["value_usd"] == 100
    assert found["080290"]["value_usd"] == 30
    assert found["080290"]["net_kg"] is None, "part of the weight is unknown"
    assert found["080290"]["conversion"] == "correspondence"
    assert found["110100"]["conversion"] == "same_number"
    assert not any(r["hs_split"] for r in found.values())


def test_a_divided_code_follows_the_world_trade_of_its_first_common_year() -> None:
    world = World()
    for year, share in ((2021, 0.5), (2022, 0.75), (2023, 0.1)):
        world.exports("DEU", OVERCOATS, [year], 4e6 * share)
        world.exports("DEU", ANORAKS, [year], 4e6 * (1 - share))
    world.report("KAZ", "M", "CHN", COATS, 1000, (2022, 2023), hs_edition="HS22")
    for year in (2022, 2023):
        found = rows(world, year=year)
        assert found[OVERCOATS]["value_usd"] == pytest.approx(750)
        assert found[ANORAKS]["value_usd"] == pytest.approx(250)
        assert found[OVERCOATS]["net_kg"] == pytest.approx(375)
        assert found[OVERCOATS]["hs_split"] is True


def test_without_a_common_year_a_divided_code_is_divided_evenly() -> None:
    world = World()
    world.report("KAZ", "M", "CHN", COATS, 1000, hs_edition="HS22")
    found = rows(world)
    assert found[OVERCOATS]["value_usd"] == found[ANORAKS]["value_usd"] == 500


def test_a_farm_code_without_counterpart_is_kept_in_a_row_of_its_own() -> None:
    world = World()
    world.report("KAZ", "X", "CHN", "030999", 40, hs_edition="HS22")
    world.report("UZB", "X", "CHN", "520399", 5, hs_edition="HS92")
    world.report("UZB", "X", "CHN", "870399", 6, hs_edition="HS92")
    found = rows(world)
    assert {code: r["value_usd"] for code, r in found.items()} == {"03????": 40, "52????": 5, "87XXXX": 6}
    assert found["03????"]["conversion"] == found["52????"]["conversion"] == "unconverted"


def test_what_a_total_holds_beyond_its_codes_is_kept_and_never_summed_twice() -> None:
    world = World()
    world.report("KAZ", "X", "CHN", "110100", 60)
    world.report("KAZ", "X", "CHN", "1101", 60)
    world.report("KAZ", "X", "CHN", "1001", 30)
    world.report("KAZ", "X", "CHN", "10", 35)
    world.report("KAZ", "X", "CHN", "11", 60)
    world.report("KAZ", "X", "CHN", "TOTAL", 200)
    found = rows(world)
    assert {code: r["value_usd"] for code, r in found.items()} == {"110100": 60, "10????": 35, "??????": 105}
    assert found["10????"]["conversion"] == found["??????"]["conversion"] == "unallocated"


def test_goods_not_specified_stand_with_the_rest_of_the_total() -> None:
    world = World()
    world.report("KAZ", "X", "CHN", "110100", 60)
    world.report("KAZ", "X", "CHN", "999999", 30)
    world.report("KAZ", "X", "CHN", "TOTAL", 200)
    found = rows(world)
    assert {code: r["value_usd"] for code, r in found.items()} == {"110100": 60, "??????": 140}
    assert found["??????"]["conversion"] == "unallocated"


def test_a_total_within_half_a_percent_of_its_codes_is_rounding() -> None:
    world = World()
    world.report("KAZ", "X", "CHN", "110100", 99_700)
    world.report("KAZ", "X", "CHN", "TOTAL", 100_000)
    assert set(rows(world)) == {"110100"}


def test_the_edition_of_the_newest_vintage_comes_first() -> None:
    world = World()
    for code in ("110100", "110290", "110311"):
        world.report("KAZ", "X", "CHN", code, 100, hs_edition="HS17", vintage_id="comtrade@1")
    world.report("KAZ", "X", "CHN", "110100", 70, hs_edition="HS22", vintage_id="comtrade@2", is_original=False)
    found = rows(world)
    assert {code: r["value_usd"] for code, r in found.items()} == {"110100": 70}
    assert found["110100"]["hs_edition"] == "HS22"


def test_one_edition_is_read_the_original_one() -> None:
    world = World()
    world.report("KAZ", "X", "CHN", "110100", 100, hs_edition="HS17")
    for code in ("110100", "110290", "110311"):
        world.report("KAZ", "X", "CHN", code, 30, is_original=False)
    found = rows(world)
    assert {code: r["value_usd"] for code, r in found.items()} == {"110100": 100}
    assert found["110100"]["hs_edition"] == "HS17"


def test_a_report_held_by_two_datasets_counts_once() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", "110100", 100)
    world.report("KAZ", "X", "UZB", "110100", 100, dataset="mirror")
    assert rows(world)["110100"]["value_usd"] == 100


def test_estimated_weights_are_no_weights_and_months_are_no_years() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", "110100", 100, net_kg_estimated=True)
    world.report("KAZ", "X", "UZB", "110100", 8, month=3)
    found = one(world.build("mart_customs_hs12"), "FROM mart_customs_hs12")
    assert found["value_usd"] == 100
    assert found["net_kg"] is None
    assert found["net_kg_estimated_share"] == 1


def test_how_much_of_a_weight_is_estimated_is_told() -> None:
    world = World()
    world.report("KAZ", "X", "UZB", "080291", 10, hs_edition="HS22", net_kg=30.0)
    world.report("KAZ", "X", "UZB", "080292", 20, hs_edition="HS22", net_kg=10.0, net_kg_estimated=True)
    world.report("KAZ", "X", "UZB", "110100", 7, hs_edition="HS22")
    world.report("KAZ", "X", "UZB", "100199", 7, hs_edition="HS22", net_kg=None)
    found = rows(world)
    assert found["080290"]["net_kg"] is None, "a part of it is estimated"
    assert found["080290"]["net_kg_estimated_share"] == pytest.approx(0.25)
    assert (found["110100"]["net_kg"], found["110100"]["net_kg_estimated_share"]) == (3.5, 0)
    assert found["100199"]["net_kg_estimated_share"] is None, "no weight is stated"


CODES = ["010190", "040320", "080290", "110100", "270900", "030999", "620120", "100190", "871200", "999999"]
ENTRY = st.tuples(
    st.sampled_from(["HS07", "HS12", "HS17", "HS22"]),
    st.sampled_from(CODES),
    st.sampled_from(["KAZ", "UZB"]),
    st.sampled_from(["CHN", "WLD", "X899"]),
    st.floats(0, 1e9),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ENTRY, min_size=1, max_size=12, unique_by=lambda e: (e[1], e[2], e[3])))
def test_conversion_preserves_totals(entries) -> None:
    world = World()
    edition = {reporter: code for code, _, reporter, _, _ in entries}
    for _, code, reporter, partner, usd in entries:
        world.report(reporter, "X", partner, code, usd, hs_edition=edition[reporter])
    world.exports("DEU", "620111", [2020], 3e6)
    world.exports("DEU", "100191", [2020], 1e6)
    con = world.build("mart_customs_hs12")
    by = {
        (r, p): usd
        for r, p, usd in con.sql(
            "SELECT reporter, partner, sum(value_usd) FROM mart_customs_hs12 GROUP BY ALL"
        ).fetchall()
    }
    expected: dict[tuple[str, str], float] = {}
    for _, _, reporter, partner, usd in entries:
        expected[reporter, partner] = expected.get((reporter, partner), 0) + usd
    assert by == pytest.approx(expected, rel=1e-9)


def test_correspondences_name_codes_of_the_crosswalk_and_divide_by_value_only_where_they_divide() -> None:
    links = read_csv(ROOT / "concordance" / "hs.csv").to_pylist()
    codes = read_csv(ROOT / "value_chains" / "crosswalk.csv").to_pylist()
    hs12 = {c["code"] for c in codes if c["system"] == "HS12"}
    of: dict[tuple[str, str], list[dict[str, str]]] = {}
    for link in links:
        of.setdefault((link["edition_from"], link["code_from"]), []).append(link)
    for targets in of.values():
        divided = len(targets) > 1
        assert {t["weight"] for t in targets} == {"value" if divided else "1"}
        assert {t["hs_split"] for t in targets} == {str(divided).lower()}
    for edition in ("HS17", "HS22"):
        own = {c["code"] for c in codes if c["system"] == edition}
        assert own - hs12 == {code for e, code in of if e == edition} & own, f"{edition} codes lack a counterpart"


def test_geography_covers_the_economies_that_trade() -> None:
    known = {row["iso3"]: row for row in read_csv(ROOT / "geography.csv").to_pylist()}
    assert set(catalog().countries) - set(known) == {"ATA", "BVT", "HMD", "UMI"}, "uninhabited"
    for iso3, row in known.items():
        for neighbour in row["neighbours"].split():
            assert iso3 in known[neighbour]["neighbours"].split(), f"{iso3} and {neighbour}"
    assert {
        iso3 for iso3 in ("KAZ", "KGZ", "TJK", "UZB", "AFG", "TKM", "MNG") if known[iso3]["landlocked"] == "true"
    } == {
        "KAZ",
        "KGZ",
        "TJK",
        "UZB",
        "AFG",
        "TKM",
        "MNG",
    }
