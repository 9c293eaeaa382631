"""Progress: a planted change is reported as what it is, and as nothing else."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from world import World, one

from agrocluster.marts import mart_cluster_progress, mart_progress_donors
from agrocluster.model.loader import catalog
from agrocluster.storage.parquet import conform

CHAINS = ("apples", "beef", "cotton", "dairy", "grapes", "honey", "rice", "silk", "wheat", "wool")
PEERS = ("AUT", "BGR", "DEU", "GEO", "HUN", "POL", "ROU")
INDICATORS = ("rsca_agri", "plq", "dpr", "ui")
SCALE = {"index_version": "v9", "goalpost_id": "v9-aa", "panel_id": "P7-bb"}
WINDOWS = {"B2018_2020": (2018, 2020), "Bcurrent": (2022, 2024)}
NOISE = {"B2018_2020": 2.0, "Bcurrent": 1.5}
SHARED = 1.8

# chain -> frozen, today's baseline, follow-up, follow-up at the reference window's world unit values
PLANTED = {
    "dairy": (40.0, 40.0, 52.0, 52.0),  # one chain improves
    "beef": (42.0, 50.0, 50.0, 50.0),  # one is revised
    "cotton": (30.0, 30.0, 40.0, 30.0),  # one only moves with the world price
    "grapes": (30.0, 30.0, 36.0, 34.0),  # one with the world price in part, the rest of it within the noise
    "honey": (60.0, 59.5, 50.0, 52.0),
    "wool": (30.0, 30.0, None, None),
}
SAME = (45.0, 45.0, 45.0, 45.0)
PEER_RISE = 2.0


def cell(baseline: str, iso3: str, chain: str, potential: float | None, base_prices: float | None) -> dict[str, object]:
    """A row with POSITION and HEADROOM equal to POTENTIAL."""
    known = {"potential": potential, "position": potential, "headroom": potential}
    known |= {"position_common": potential, "headroom_common": potential, "p1": potential}
    known |= {f"{m}_base_prices": base_prices for m in ("potential", "position", "headroom")}
    unknown = dict.fromkeys(("p2", "p3", "p4", "h1", "h2", "h3", "h4"))
    first, last = WINDOWS[baseline]
    focus = iso3 == "KGZ"
    names = {"country_en": iso3, "country_ru": iso3, "chain_en": chain, "chain_ru": chain}
    row: dict[str, object] = {"baseline_id": baseline, "iso3": iso3, "chain": chain, "focus": focus}
    row |= {"panel": not focus, "first_year": first, "last_year": last, **names, **SCALE, **known, **unknown}
    return row


def table(rows: list[dict[str, object]]) -> pa.Table:
    """Rows with numbers where a column is empty throughout."""
    found = pa.Table.from_pylist(rows)
    fields = [f.with_type(pa.float64()) if pa.types.is_null(f.type) else f for f in found.schema]
    return found.cast(pa.schema(fields))


def indicators(iso3: str) -> dict[str, float]:
    """Scores of the baseline window; HUN is a twin of KGZ."""
    draw = np.random.default_rng(sum(map(ord, "KGZ" if iso3 == "HUN" else iso3)))
    return dict(zip(INDICATORS, draw.uniform(10, 90, len(INDICATORS)).tolist(), strict=True))


def draws() -> pa.Table:
    rng = np.random.default_rng(1)
    parts = []
    for chain in CHAINS:
        shared = rng.normal(0, SHARED, 400)
        for baseline, (_, now, later, _) in zip(WINDOWS, [PLANTED.get(chain, SAME)] * 2, strict=True):
            score = now if baseline == "B2018_2020" else later
            if score is None:
                continue
            values = score + shared + rng.normal(0, NOISE[baseline], 400)
            ids = {"baseline_id": [baseline] * 400, "iso3": ["KGZ"] * 400, "chain": [chain] * 400}
            parts.append(
                pa.table({**ids, "draw": range(400), **dict.fromkeys(("position", "headroom", "potential"), values)})
            )
    return pa.concat_tables(parts)


def planted(*, frozen: bool = True, **scale: str) -> duckdb.DuckDBPyConnection:
    """A connection with everything that the two marts read; ``scale`` replaces that of the frozen baseline."""
    con = World().build("method_parameters", "dim_country")
    rows, held = [], []
    for chain in CHAINS:
        then, now, later, base = PLANTED.get(chain, SAME)
        rows += [cell("B2018_2020", "KGZ", chain, now, now), cell("Bcurrent", "KGZ", chain, later, base)]
        held.append(
            {"frozen_id": "B2018_2020@v1", "frozen_order": 1, **cell("B2018_2020", "KGZ", chain, then, then), **scale}
        )
        for i, iso3 in enumerate(PEERS):
            rows += [
                cell("B2018_2020", iso3, chain, 30.0 + i, None),
                cell("Bcurrent", iso3, chain, 30.0 + i + PEER_RISE, None),
            ]
    newer = [row | {"frozen_id": "B2018_2020@v2", "frozen_order": 2, "potential": 1.0} for row in held]
    con.execute("DROP VIEW frozen_baseline")
    scored = [
        {"baseline_id": b, "iso3": iso3, "chain": chain, "indicator": name, "focus": iso3 == "KGZ", "score": score}
        | {
            "weight_in_common": 0.25,
            "effective_weight": 0.0 if (b, chain, name) == ("Bcurrent", "silk", "ui") else 0.25,
        }
        for b in WINDOWS
        for iso3 in ("KGZ", *PEERS)
        for chain in CHAINS
        for name, score in indicators(iso3).items()
    ]
    windows = [{"baseline_id": b, "first_year": first, "last_year": last} for b, (first, last) in WINDOWS.items()]
    relations = {"dim_baseline": table(windows), "mart_cluster_baseline": table(rows), "mart_baseline_draws": draws()}
    relations |= {"frozen_baseline": table(held + newer) if frozen else table(held).slice(0, 0)}
    relations |= {"mart_baseline_indicators": table(scored)}
    for name, content in relations.items():
        con.register("given", content)
        con.execute(f"CREATE TABLE {name} AS FROM given")
    return con


def publish(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Build both marts as the runner does, under their contracts."""
    for name, module in (
        ("mart_progress_donors", mart_progress_donors),
        ("mart_cluster_progress", mart_cluster_progress),
    ):
        built = module.build(con)
        found = built if isinstance(built, pa.Table) else built.to_arrow_table()
        con.register("found", found)
        contract = catalog().marts[name]
        rows = con.sql(f"FROM found ORDER BY {', '.join(contract.sort)}").to_arrow_table()
        con.register("kept", conform(rows, contract))
        con.execute(f"CREATE OR REPLACE TABLE {name} AS FROM kept")
    return con


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return publish(planted())


def progress(con: duckdb.DuckDBPyConnection, chain: str) -> dict[str, object]:
    return one(con, f"FROM mart_cluster_progress WHERE chain = '{chain}'")


def test_a_chain_that_improves_is_reported_as_that(con) -> None:
    row = progress(con, "dairy")
    assert (row["verdict"], row["position_verdict"], row["revised"]) == ("improved", "improved", False)
    assert (row["d_total"], row["d_real"], row["d_revision"], row["world_price_part"]) == (12, 12, 0, 0)
    assert row["frozen_id"] == "B2018_2020@v1", "the first that was frozen, not the newest"
    assert (row["d_p1"], row["d_p2"]) == (12, None)


def test_a_revision_is_no_progress(con) -> None:
    row = progress(con, "beef")
    assert (row["verdict"], row["revised"]) == ("no_detectable_change", True)
    assert (row["d_total"], row["d_real"], row["d_revision"]) == (8, 0, 8)


def test_a_world_price_is_no_progress(con) -> None:
    row = progress(con, "cotton")
    assert (row["verdict"], row["revised"]) == ("moved_with_world_prices", False)
    assert (row["d_real"], row["world_price_part"], row["d_beyond_prices"]) == (10, 10, 0)


def test_a_small_part_of_world_prices_does_not_explain_a_change(con) -> None:
    row = progress(con, "grapes")
    assert (row["d_real"], row["world_price_part"], row["d_beyond_prices"]) == (6, 2, 4)
    assert 4 < float(row["mdc"]) < 6
    assert (row["verdict"], row["position_verdict"]) == ("no_detectable_change",) * 2


def test_a_decline_and_a_small_revision_stand_apart(con) -> None:
    row = progress(con, "honey")
    assert (row["verdict"], row["revised"]) == ("declined", False)
    assert (row["d_total"], row["d_real"], row["d_revision"], row["world_price_part"]) == (-10, -9.5, -0.5, -2)


def test_a_chain_without_a_later_score_is_not_compared_and_says_why(con) -> None:
    row = progress(con, "wool")
    assert (row["verdict"], row["d_real"], row["d_total"], row["mdc"]) == ("not_comparable", None, None, None)
    assert "no_score_followup" in str(row["reasons"])
    assert row["d_revision"] == 0, "the revision of the baseline is known all the same"


def test_nothing_planted_gives_no_verdict_of_change(con) -> None:
    said = con.sql(
        "SELECT DISTINCT verdict FROM mart_cluster_progress WHERE chain IN ('apples', 'rice', 'wheat')"
    ).fetchall()
    assert said == [("no_detectable_change",)]


def test_noise_that_both_windows_share_does_not_hide_a_change(con) -> None:
    row = progress(con, "dairy")
    values = con.sql(
        "SELECT baseline_id, potential FROM mart_baseline_draws WHERE chain = 'dairy' ORDER BY draw"
    ).fetchall()
    before, after = (np.array([v for b, v in values if b == baseline]) for baseline in WINDOWS)
    assert row["se_baseline"] == pytest.approx(before.std(ddof=1), abs=1e-8)
    assert row["se_followup"] == pytest.approx(after.std(ddof=1), abs=1e-8)
    assert row["rho"] == pytest.approx(np.corrcoef(before, after)[0, 1], abs=1e-8)
    assert row["mdc"] == pytest.approx(1.96 * (after - before).std(ddof=1), abs=1e-6)
    assert float(row["mdc"]) < 1.96 * np.hypot(before.std(), after.std()), "independent windows would see less"


def test_peers_and_other_chains_are_what_changed_beside_it(con) -> None:
    row = progress(con, "dairy")
    assert (row["peer_change"], row["n_peers"]) == (pytest.approx(PEER_RISE), len(PEERS))
    assert row["did_peer"] == pytest.approx(12 - PEER_RISE)
    others = [
        later - now for chain in CHAINS if chain != "dairy" for _, now, later, _ in [PLANTED.get(chain, SAME)] if later
    ]
    assert (row["chains_change"], row["n_chains"]) == (pytest.approx(np.mean(others)), len(others))
    assert row["did_chain"] == pytest.approx(12 - np.mean(others))


def test_the_synthetic_control_finds_the_twin(con) -> None:
    rows = con.sql("SELECT donor_iso3, weight, n_candidates FROM mart_progress_donors WHERE chain = 'dairy'").fetchall()
    weights = {iso3: weight for iso3, weight, _ in rows}
    assert weights["HUN"] > 0.99
    assert sum(weights.values()) == pytest.approx(1, abs=1e-4)
    assert {n for *_, n in rows} == {len(PEERS)}
    row = progress(con, "dairy")
    assert row["synthetic_change"] == pytest.approx(PEER_RISE, abs=1e-3)
    assert float(row["fit_rmse"]) < 0.5
    assert row["did_synthetic"] == pytest.approx(12 - PEER_RISE, abs=1e-3)


@pytest.mark.parametrize(("off", "control"), [(9.9, True), (10.1, False)])
def test_a_mixture_that_was_far_off_is_no_control(off: float, control: bool) -> None:
    con = planted()
    con.execute("UPDATE mart_baseline_indicators SET score = 50 WHERE chain = 'dairy'")
    con.execute(f"UPDATE mart_baseline_indicators SET score = {50 + off} WHERE chain = 'dairy' AND iso3 = 'KGZ'")
    row = progress(publish(con), "dairy")
    assert row["fit_rmse"] == pytest.approx(off, abs=1e-4)
    assert (row["did_synthetic"] is not None) == control
    assert ("poor_fit" in str(row["reasons"]).split(";")) == (not control)
    assert row["synthetic_change"] == pytest.approx(PEER_RISE), "what the mixture did is told all the same"


def test_scores_that_rest_on_other_indicators_are_marked(con) -> None:
    marked = con.sql("SELECT chain FROM mart_cluster_progress WHERE reasons LIKE '%indicators_differ%'").fetchall()
    assert marked == [("silk",)]


def test_without_a_frozen_baseline_nothing_is_known_about_revision() -> None:
    row = progress(publish(planted(frozen=False)), "beef")
    assert (row["frozen_id"], row["s_frozen"], row["d_revision"], row["revised"]) == (None, None, None, None)
    assert (row["d_total"], row["d_real"]) == (0, 0)
    assert "not_frozen" in str(row["reasons"]).split(";")


@pytest.mark.parametrize("part", sorted(SCALE))
def test_a_baseline_on_another_scale_is_not_compared(part: str) -> None:
    row = progress(publish(planted(**{part: "other"})), "beef")
    assert (row["frozen_id"], row["d_revision"], row["d_real"]) == (None, None, 0)
    assert "frozen_on_another_scale" in str(row["reasons"]).split(";")


def test_too_few_draws_too_few_peers_and_no_donors_are_said() -> None:
    con = planted()
    con.execute("DELETE FROM mart_baseline_draws WHERE draw >= 99")
    con.execute("DELETE FROM mart_cluster_baseline WHERE iso3 IN ('AUT', 'BGR', 'DEU')")
    row = progress(publish(con), "dairy")
    assert (row["verdict"], row["mdc"], row["d_real"], row["n_draws"]) == ("not_comparable", None, 12, 99)
    assert (row["peer_change"], row["n_peers"], row["synthetic_change"]) == (None, 4, None)
    assert {"too_few_draws", "too_few_peers", "no_donors"} <= set(str(row["reasons"]).split(";"))


def test_equal_inputs_give_equal_rows(con) -> None:
    again = publish(planted())
    for name in ("mart_progress_donors", "mart_cluster_progress"):
        assert again.sql(f"FROM {name}").to_arrow_table().equals(con.sql(f"FROM {name}").to_arrow_table())


@pytest.mark.parametrize("name", ["mart_progress_donors", "mart_cluster_progress"])
def test_the_rules_of_the_contract_hold(con, name: str) -> None:
    for rule in catalog().marts[name].rules:
        if rule.kind == "sql" and rule.severity == "critical":
            assert con.sql(str(rule.query).replace("{table}", name)).fetchall() == [], rule.id
