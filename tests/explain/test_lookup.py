"""Countries and chains are found by the names that people use."""

from __future__ import annotations

import pytest

from agrocluster.errors import UsageError
from agrocluster.explain.language import aliases
from agrocluster.explain.lookup import find_chain, find_country
from agrocluster.marts.relations import chain_tables
from agrocluster.model.loader import catalog


@pytest.mark.parametrize(
    "name", ["KGZ", "kgz", "KG", "Kyrgyzstan", "Кыргызстан", "Киргизия", "киргизия", "Kyrgyz Republic"]
)
def test_a_country_is_found_by_its_names(name: str) -> None:
    assert find_country(name) == "KGZ"


@pytest.mark.parametrize("name", ["dairy", "Dairy", "молоко", "Молоко и молочные продукты", "milk"])
def test_a_chain_is_found_by_its_names(name: str) -> None:
    assert find_chain(name) == "dairy"


@pytest.mark.parametrize("name", ["мёд", "мед", "Honey and bee  products", "honey"])
def test_yo_and_blanks_make_no_difference(name: str) -> None:
    assert find_chain(name) == "honey"


def test_panel_countries_are_found_too() -> None:
    assert find_country("Польша") == "POL"


@pytest.mark.parametrize(("name", "suggested"), [("Kazahstan", "KAZ"), ("Узбекстан", "UZB"), ("Tadjikistan", "TJK")])
def test_a_misspelt_country_gets_a_suggestion(name: str, suggested: str) -> None:
    with pytest.raises(UsageError, match=suggested):
        find_country(name)


@pytest.mark.parametrize(("name", "suggested"), [("dairi", "dairy"), ("cottn", "cotton"), ("пшенеца", "wheat_flour")])
def test_a_misspelt_chain_gets_a_suggestion(name: str, suggested: str) -> None:
    with pytest.raises(UsageError, match=f"Did you mean.*{suggested}"):
        find_chain(name)


def test_no_name_means_two_things() -> None:
    chains = {c["chain"]: (c["en"], c["ru"]) for c in chain_tables(catalog().root)["cat_chain"].to_pylist()}
    for code, names in {**aliases().chains}.items():
        assert [find_chain(name) for name in (*names, *chains[code])] == [code] * (len(names) + 2)
    for code, names in aliases().countries.items():
        assert {find_country(name) for name in names} == {code}
