"""Unit conversion: exact, by element and unit, declared as data."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agrocluster.errors import UsageError
from agrocluster.sources.faostat_read import MAPPINGS
from agrocluster.transform.units import UnitTable, convert

TABLE = UnitTable.load(MAPPINGS / "faostat_units.csv")
PAIRS = [("5417", "hg/An"), ("5424", "0.1 g/An"), ("5410", "100Mg/An"), ("5112", "1000 An"), ("5922", "1000 USD")]


@given(value=st.floats(0, 1e12), pair=st.sampled_from(PAIRS))
def test_a_converted_value_is_the_float_nearest_to_the_exact_product(value, pair):
    rule = TABLE.find(*pair)
    assert rule is not None
    exact = Fraction(value) * rule.numerator / rule.denominator
    got = convert(np.array([value]), np.array([float(rule.numerator)]), np.array([float(rule.denominator)]))
    assert got[0] == float(exact)


@pytest.mark.parametrize(
    ("element", "unit", "canonical", "factor"),
    [
        ("5412", "kg/ha", "kg/ha", 1),
        ("5419", "hg/ha", "kg/ha", Fraction(1, 10)),
        ("5417", "100 g/An", "kg/head", Fraction(1, 10)),
        ("5420", "Hg/An", "kg/head", Fraction(1, 10)),
        ("5410", "100 mg/An", "kg/head", Fraction(1, 10_000)),
        ("5424", "0.1Gr/An", "kg/head", Fraction(1, 10_000)),
        ("5532", "USD", "USD/t", 1),
        ("5539", "", "index", 1),
        ("511", "1000 No", "persons", 1000),
        ("5513", "1000 No", "No", 1000),
        ("5511", "1000 tonnes", "t", 1000),
        ("5110", "1000 ha", "ha", 1000),
        ("152", "1000 Int$", "I$", 1000),
    ],
)
def test_published_units_have_their_canonical_unit(element, unit, canonical, factor):
    rule = TABLE.find(element, unit)
    assert rule is not None
    assert (rule.unit, Fraction(rule.numerator, rule.denominator)) == (canonical, factor)


def test_a_unit_that_means_something_only_under_its_element_is_unknown_elsewhere():
    assert TABLE.find("5510", "USD") is None
    assert TABLE.find("5510", "") is None


def test_a_contradiction_in_the_mapping_is_reported(tmp_path: Path):
    path = tmp_path / "units.csv"
    path.write_text("element_code,unit_raw,unit,factor\n*,t,t,1\n*,T,kg,1000\n")
    with pytest.raises(UsageError, match="in two ways"):
        UnitTable.load(path)


def test_a_factor_that_would_round_twice_is_refused(tmp_path: Path):
    path = tmp_path / "units.csv"
    path.write_text("element_code,unit_raw,unit,factor\n*,lb,kg,0.45359237\n")
    with pytest.raises(UsageError, match="whole number or one divided by one"):
        UnitTable.load(path)
