"""Lineage: from a mart, and from one of its columns, back to files; claimed only as far as it can be read off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import board_root
import pytest
from fastapi.testclient import TestClient

from agrocluster.board import charts, columns, lineage
from agrocluster.board.columns import Origin
from agrocluster.errors import NotHeld
from agrocluster.model.loader import catalog


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts another statement in the place of mart_chain_value, whose inputs stay the same."""
    monkeypatch.setattr(columns, "HERE", tmp_path)

    def write(sql: str) -> None:
        (tmp_path / "mart_chain_value.sql").write_text(sql)
        columns._parsed.cache_clear()
        columns.origins.cache_clear()

    yield write
    columns._parsed.cache_clear()
    columns.origins.cache_clear()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT value_usd AS vam FROM fact_trade", ["fact_trade.value_usd"]),
        ("SELECT f.value_usd / f.net_kg AS vam FROM fact_trade f", ["fact_trade.net_kg", "fact_trade.value_usd"]),
        ("WITH a AS (SELECT value_usd AS v FROM fact_trade), b AS (SELECT sum(v) AS w FROM a) SELECT w AS vam FROM b",
         ["fact_trade.value_usd"]),
        ("SELECT * FROM (SELECT value_usd AS vam, net_kg FROM fact_trade)", ["fact_trade.value_usd"]),
        ("SELECT s.*, net_kg AS dpr FROM (SELECT value_usd AS vam FROM fact_trade) s JOIN "
         "(SELECT net_kg AS vam FROM fact_trade) t ON true", ["fact_trade.value_usd"]),
        ("SELECT * REPLACE (net_kg AS vam) FROM (SELECT value_usd AS vam, net_kg FROM fact_trade)",
         ["fact_trade.net_kg"]),
        ("SELECT value_usd AS vam FROM fact_trade UNION ALL SELECT net_kg FROM fact_trade",
         ["fact_trade.net_kg", "fact_trade.value_usd"]),
        ("SELECT (SELECT max(year) FROM mart_chain_trade) + value_usd AS vam FROM fact_trade",
         ["fact_trade.value_usd", "mart_chain_trade.year"]),
        ("SELECT vam FROM somewhere", None),
        ("SELECT value_usd AS vam FROM fact_trade WHERE net_kg > 1 ORDER BY year", ["fact_trade.value_usd"]),
        ("SELECT 1 AS vam FROM fact_trade", []),
        ("SELECT x AS vam, vam + 1 AS x FROM (SELECT net_kg AS vam FROM fact_trade)", ["fact_trade.net_kg"]),
    ],
)  # fmt: skip
def test_names_are_followed_through_a_statement(
    written: Callable[[str], None], sql: str, expected: list[str] | None
) -> None:
    written(sql)
    found = columns.origins("mart_chain_value", "vam")
    names = None if found is None else [f"{o.relation}.{o.column}" for o in found]
    assert names == expected


def test_a_column_leads_to_the_datasets_it_rests_on_and_no_others() -> None:
    graph = lineage.graph_of_column("mart_chain_value", "vam")
    assert graph.of("dataset") == ["cepii__baci_hs12"]
    assert graph.of("input") == ["fact_trade"]
    whole = lineage.graph_of("mart_chain_value")
    assert set(whole.of("dataset")) > {"cepii__baci_hs12", "faostat__qcl"}
    way = lineage.trace("mart_chain_value", "vam")
    assert way.steps[Origin("fact_trade", "value_usd")] == (Origin("current_trade", "value_usd"),)
    assert way.through == []


def test_what_is_made_by_a_program_is_gone_through_as_a_whole() -> None:
    way = lineage.trace("mart_chain_trade", "exports_usd")
    assert way.steps == {}
    assert way.through == ["mart_chain_trade"]
    assert lineage.graph_of_column("mart_chain_trade", "exports_usd").kind == lineage.graph_of("mart_chain_trade").kind


def test_every_column_of_every_mart_has_a_lineage() -> None:
    found = catalog()
    for mart, contract in found.marts.items():
        reached = set(lineage.graph_of(mart).of("dataset"))
        for column in contract.columns:
            for origin in columns.origins(mart, column.name) or ():
                assert origin.relation in contract.inputs
            way = lineage.trace(mart, column.name)
            assert way.steps or way.through
            graph = lineage.graph_of_column(mart, column.name)
            assert set(graph.of("dataset")) <= reached
            assert {name for edge in graph.edges for name in edge} <= set(graph.kind)


def test_names_of_vintages_are_no_way_back_to_files() -> None:
    assert lineage.graph_of("fact_trade").of("dataset") == ["cepii__baci_hs12"]
    assert set(lineage.graph_of("mart_provenance").of("dataset")) == set(catalog().datasets)
    assert lineage.graph_of("dim_chain").of("dataset") == []


def test_a_name_that_is_none_gets_a_hint() -> None:
    with pytest.raises(NotHeld) as told:
        lineage.contract_of("mart_chain_valu")
    assert "mart_chain_value" in str(told.value.remedy)


def test_the_picture_says_in_words_what_it_shows() -> None:
    graph = lineage.graph_of("mart_chain_value")
    drawn = charts.lineage(graph, {"fact_trade": "fact_trade?release=<x>"})
    assert f"{len(graph.kind)} tables, {len(graph.edges)} connections" in drawn
    assert 'href="fact_trade?release=&lt;x&gt;"' in drawn
    assert drawn.count("<rect") == len(graph.kind)


@pytest.mark.airflow
def test_the_page_names_files_licence_and_rules(full: Path, client: Callable[..., TestClient]) -> None:
    text = client("VIEWER").get(f"/lineage/{board_root.MART}/pp_usd_t").text
    assert board_root.VINTAGE in text
    assert "abababababababab" in text
    assert "CC-BY-4.0" in text
    assert "mart_item_production" in text
    unrelated = client("VIEWER").get(f"/lineage/{board_root.MART}/vam").text
    assert board_root.VINTAGE not in unrelated, "trade does not rest on farm statistics"
    ruled = client("VIEWER").get(f"/lineage/{board_root.MART}/ui").text
    assert "upgrading_below_processing" in ruled
