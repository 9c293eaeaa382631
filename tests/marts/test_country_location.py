"""Location of chains among countries: quotients with their range, stars, concentration, and what few figures allow."""

from __future__ import annotations

import numpy as np
import pytest
from world import Row, World, one

from agrocluster.marts.seeds import seed_of
from agrocluster.measures import location
from agrocluster.model.loader import catalog

WHEAT, COTTON, GRAPES = "15", "328", "560"
ITEMS = {WHEAT: "wheat_flour", COTTON: "cotton", GRAPES: "grapes_raisins_wine"}
PLACES = ("KAZ", "KGZ", "TJK", "UZB", "RUS", "TUR", "CHN", "AZE", "ARM", "GEO", "MDA", "UKR")
YEARS = range(2015, 2021)
SIGMA = 0.05  # of official figures


def farms(values: np.ndarray, places: tuple[str, ...] = PLACES) -> World:
    """Gross production value, places by items by years; a value that is nan is not reported."""
    world = World()
    for place, rows in zip(places, values, strict=True):
        for item, row in zip(ITEMS, rows, strict=True):
            for year, value in zip(YEARS, row, strict=True):
                if not np.isnan(value):
                    world.farm(place, item, [year], qv_152=float(value), qcl_5510=float(value) / 100)
    return world


def drawn(places: int = len(PLACES), seed: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    level = np.exp(random.normal(0, 1.2, (places, len(ITEMS), 1))) * 1e9
    return level * np.exp(random.normal(0, 0.2, (places, len(ITEMS), len(YEARS))))


def row(con, iso3: str, chain: str = "cotton", year: int = 2020) -> Row:
    return one(con, f"FROM mart_country_location WHERE iso3 = '{iso3}' AND chain = '{chain}' AND year = {year}")


def broken_rules(con) -> list[str]:
    rules = [rule for rule in catalog().marts["mart_country_location"].rules if rule.kind == "sql"]
    assert rules
    return [r.id for r in rules if con.sql(r.query.replace("{table}", "mart_country_location")).fetchall()]


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return drawn()


@pytest.fixture(scope="module")
def con(values):
    return farms(values).build("mart_country_location")


def test_quotients_and_standing_are_those_of_the_window(con, values) -> None:
    window = values[:, :, -3:].sum(axis=2)
    share = window / window.sum(axis=1, keepdims=True)
    quotient = share / (window.sum(axis=0) / window.sum())
    z = (quotient - quotient.mean(axis=0)) / quotient.std(axis=0, ddof=1)
    for p, place in enumerate(PLACES):
        for k, chain in enumerate(ITEMS.values()):
            found = row(con, place, chain)
            assert found["gpv_intl_usd_w3"] == pytest.approx(window[p, k] / 3)
            assert found["gpv_share_w3"] == pytest.approx(share[p, k])
            assert found["plq_w3"] == pytest.approx(quotient[p, k])
            assert found["slq"] == pytest.approx(z[p, k])
            assert found["stands_out"] == (z[p, k] >= 1.96)
            assert found["stands_out_boot"] == (found["slq"] >= found["slq_boot_cut"])
            assert (found["n_places"], found["n_years_w3"]) == (12, 3)
    assert broken_rules(con) == []


def test_stars_are_those_of_the_pool(con, values) -> None:
    """A tenth of twelve places, rounded up, is two."""
    window = values[:, :, -3:].sum(axis=2)
    share = window / window.sum(axis=1, keepdims=True)
    for k, chain in enumerate(ITEMS.values()):
        size = np.sort(window[:, k])[-2]
        focus = max(np.sort(share[:, k])[-2], 0.05)
        for p, place in enumerate(PLACES):
            found = row(con, place, chain)
            assert found["star_size"] == (window[p, k] >= max(size, 0.01 * window[:, k].sum()))
            assert found["star_focus"] == (share[p, k] >= focus - 1e-12)
            assert found["star_spec"] == (found["plq_w3"] >= 2 and found["plq_lo"] > 1)
            assert found["stars"] == found["star_size"] + found["star_spec"] + found["star_focus"]
            if not found["star_focus"]:
                assert found["missing_gpv_share"] == pytest.approx(focus - share[p, k])
            if found["stars"] >= 2:
                assert found["location_type"] == "core"
    assert {row(con, place, chain)["stars"] for place in PLACES for chain in ITEMS.values()} >= {0, 2, 3}


def test_the_range_is_that_of_resampled_years_and_the_error_of_output(con, values) -> None:
    held = values[:, :, -3:].transpose(2, 0, 1)
    chains = [chain for (chain,) in con.sql("SELECT chain FROM dim_chain ORDER BY chain").fetchall()]
    for place in ("UZB", "AZE"):
        p = PLACES.index(place)
        own = np.full((3, len(chains)), np.nan)
        own[:, [chains.index(c) for c in ITEMS.values()]] = held[:, p]
        world = np.full((3, len(chains)), np.nan)
        world[:, [chains.index(c) for c in ITEMS.values()]] = held.sum(axis=1)
        low, _, high = location.resampled_interval(
            own,
            held[:, p].sum(axis=1, keepdims=True),
            world,
            held.sum(axis=(1, 2))[:, None],
            sigma=SIGMA,
            seed=seed_of("country location", "years", 2020, place),
        )
        for chain in ITEMS.values():
            found = row(con, place, chain)
            assert found["plq_lo"] == pytest.approx(low[chains.index(chain)], abs=1e-8)
            assert found["plq_hi"] == pytest.approx(high[chains.index(chain)], abs=1e-8)
            assert found["plq_lo"] < found["plq_w3"] < found["plq_hi"]


def test_concentration_is_beyond_that_of_agriculture(con, values) -> None:
    mean = values[:, :, -3:].mean(axis=2)
    x = mean.sum(axis=1) / mean.sum()
    for k, chain in enumerate(ITEMS.values()):
        g = np.square(mean[:, k] / mean[:, k].sum() - x).sum()
        for place in ("KAZ", "CHN"):
            assert row(con, place, chain)["g"] == pytest.approx(g)
            assert row(con, place, chain)["gamma"] == pytest.approx(g / (1 - np.square(x).sum()))


def test_the_plants_of_a_chain_take_their_part_of_its_concentration(values) -> None:
    world = farms(values)
    world.parameters = {"farm_herfindahl": 0.1}
    found = row(world.build("mart_country_location"), "KAZ")
    mean = values[:, :, -3:].mean(axis=2)
    room = 1 - np.square(mean.sum(axis=1) / mean.sum()).sum()
    assert found["gamma"] == pytest.approx((found["g"] - room * 0.1) / (room * 0.9))


def test_a_rising_quotient_makes_a_country_emerging(values) -> None:
    moved = values.copy()
    moved[0, 1, :3] = moved[0, 1, 3:] / 20
    before, after = farms(values).build("mart_country_location"), farms(moved).build("mart_country_location")
    assert row(after, "KAZ")["plq_rise"] > row(before, "KAZ")["plq_rise"]
    world = row(after, "KAZ", year=2017)["plq_w3"]
    assert row(after, "KAZ")["plq_rise"] == pytest.approx((row(after, "KAZ")["plq_w3"] - world) / 3)
    assert row(after, "KAZ", year=2017)["plq_rise"] is None, "there is no window before"


def test_of_a_few_countries_none_stands_out() -> None:
    con = farms(drawn(9), PLACES[:9]).build("mart_country_location")
    found = row(con, "UZB")
    assert (found["slq"], found["slq_boot_cut"], found["stands_out"]) == (None, None, None)
    assert found["flag"] == "too_few_places"
    assert found["stars"] is not None
    assert broken_rules(con) == []


def test_what_is_not_known_has_no_place(values) -> None:
    gaps = values.copy()
    gaps[1:4] /= 100
    gaps[1, 1] = np.nan
    gaps[2, 1, -1] = np.nan
    gaps[3, 1, -2:] = np.nan
    con = farms(gaps).build("mart_country_location")
    for column in ("gpv_intl_usd_w3", "plq_w3", "plq_lo", "slq", "stars", "star_size", "next_star", "location_type"):
        assert row(con, "KGZ")[column] is None, column
    assert row(con, "KGZ")["flag"] == "no_source"
    assert row(con, "KGZ")["n_places"] == 10
    two = row(con, "TJK")
    assert (two["n_years_w3"], two["flag"]) == (2, "")
    assert two["plq_lo"] < two["plq_w3"] < two["plq_hi"], "two years are drawn from"
    assert row(con, "UZB")["flag"] == "window_too_short"
    assert row(con, "KAZ")["g"] is not None, "the others hold most of agriculture"
    assert row(con, "KAZ", "dairy")["flag"] == "no_source;too_few_places;places_unknown"
    assert broken_rules(con) == []


def test_without_values_the_mart_is_empty_but_there() -> None:
    con = World().build("mart_country_location")
    assert con.sql("SELECT count(*) FROM mart_country_location").fetchall() == [(0,)]


def test_seeds_belong_to_their_names() -> None:
    assert seed_of("a", 2020, "KAZ") == seed_of("a", 2020, "KAZ") < 2**64
    assert len({seed_of("a", 2020), seed_of(2020, "a"), seed_of("a", 2021), seed_of("b", 2020)}) == 4
