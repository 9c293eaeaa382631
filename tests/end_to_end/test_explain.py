"""A published score taken apart: the parts add up, and lead to the rows and vintages they came from."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from click.testing import CliRunner

from agrocluster.cli import main
from agrocluster.errors import UsageError
from agrocluster.marts.relations import chain_tables
from agrocluster.model.loader import catalog
from agrocluster.release.decomposition import PILLARS, decompose
from support.world import Published, use

CHAINS = [line["chain"] for line in chain_tables(catalog().root)["cat_chain"].to_pylist()]
EXACT = {"rel_tol": 1e-9, "abs_tol": 1e-9}


@pytest.fixture
def here(published: Published, monkeypatch: pytest.MonkeyPatch) -> Published:
    use(monkeypatch, published.server.url, published.root)
    return published


def test_contributions_add_up_to_the_published_scores(here: Published) -> None:
    scored = 0
    for chain, iso3 in zip(CHAINS, itertools.cycle([*catalog().focus(), "POL"]), strict=False):
        found = decompose(iso3, chain)
        cell = found["cell"]
        for pillar in found["pillars"]:
            parts = [i["contribution"] for i in found["indicators"] if i["pillar"] == pillar["pillar"]]
            known = [part for part in parts if part is not None]
            assert (pillar["score"] is None) == (not known), (chain, pillar["pillar"])
            assert not known or math.isclose(math.fsum(known), pillar["score"], **EXACT), (chain, pillar["pillar"])
        if cell["potential"] is None:
            assert all(p["ln_contribution"] is None for p in found["pillars"])
            continue
        scored += 1
        parts = {p["pillar"]: p["ln_contribution"] or 0.0 for p in found["pillars"]}
        assert math.isclose(math.fsum(parts.values()), math.log(cell["potential"]), **EXACT), chain
        for sub, pillars in PILLARS.items():
            assert math.isclose(2 * math.fsum(parts[p] for p in pillars), math.log(cell[sub]), **EXACT), (chain, sub)
    assert scored > 10


def test_raw_values_are_those_of_the_columns_named(here: Published) -> None:
    found = {line["indicator"]: line for line in decompose("KGZ", "dairy")["indicators"]}
    share = found["share_world"]
    assert share["mart"] == "mart_chain_trade"
    assert math.isclose(share["raw_value"], 100 * share["inputs"]["share_world_w3"])
    [(expected,)] = here.sql(
        "SELECT share_world_w3 FROM mart_chain_trade "
        "WHERE iso3 = 'KGZ' AND chain = 'dairy' AND year = 2020 AND stage = 'total'"
    )
    assert share["inputs"]["share_world_w3"] == expected
    assert all(line["reason"] for line in found.values() if line["score"] is None)


def test_every_source_has_vintage_licence_and_citation_of_the_release(here: Published) -> None:
    found = decompose("KGZ", "dairy")
    held = dict(here.sql("SELECT DISTINCT vintage_id, licence FROM mart_provenance"))
    assert {s["vintage_id"]: s["licence"] for s in found["sources"]}.items() <= held.items()
    assert all(s["citation"] and s["attribution"] for s in found["sources"])
    rows = {s["dataset_id"]: s["raw_rows"] for s in found["sources"]}
    [(trade,)] = here.sql(
        "SELECT count(*) FROM fact_trade JOIN dim_product USING (hs_edition, hs_code) WHERE chain = 'dairy' "
        "AND year BETWEEN 2018 AND 2020 AND (exporter = 'KGZ' OR importer = 'KGZ')"
    )
    assert rows["cepii__baci_hs12"] == trade > 0
    assert rows["faostat__qcl"] > 0
    named = {name for line in found["indicators"] for name in (*line["measured_from"], *line["also_read"])}
    assert named == set(rows)


def test_the_command_answers_in_both_languages_and_in_json(here: Published) -> None:
    answers = {
        lang: CliRunner().invoke(main, ["explain", "Киргизия", "молоко", "--lang", lang], catch_exceptions=False)
        for lang in ("en", "ru")
    }
    assert "Specialisation and mass" in answers["en"].output
    assert "Специализация и масса" in answers["ru"].output
    for answer in answers.values():
        assert answer.exit_code == 0
        assert "SAMPLE DATA" in answer.output
        assert "mart_chain_trade [stage = 'total']" in answer.output
        assert "CC-BY-4.0" in answer.output
    told = CliRunner().invoke(main, ["explain", "KGZ", "dairy", "--baseline", "Bcurrent", "--json"])
    assert json.loads(told.output)["cell"]["baseline_id"] == "Bcurrent"


def test_what_is_not_there_is_named_with_what_is(here: Published) -> None:
    with pytest.raises(UsageError, match=r"B1.*B2018_2020, Bcurrent"):
        decompose("KGZ", "dairy", baseline="B1")
    with pytest.raises(UsageError, match=f"no release 'old'.*{here.result['release_id']}"):
        decompose("KGZ", "dairy", release="old")
    with pytest.raises(UsageError, match="Did you mean dairy"):
        decompose("KGZ", "dairi")
