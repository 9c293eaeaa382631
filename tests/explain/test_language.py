"""Numbers and plural forms of both languages."""

from __future__ import annotations

import csv
import re

import pytest
import yaml

from agrocluster.explain.language import LANGUAGES, language, plural_form, unit_names
from agrocluster.marts.relations import chain_tables
from agrocluster.model.loader import ROOT, catalog

FORMS = {"en": {"one", "other"}, "ru": {"one", "few", "many", "other"}}
RUSSIAN = {
    "one": ("1", "21", "31", "101", "121", "1001"),
    "few": ("2", "3", "4", "22", "24", "33", "102", "1004"),
    "many": ("0", "5", "6", "9", "10", "11", "12", "13", "14", "19", "20", "25", "100", "111", "112", "114", "1011"),
    "other": ("0.5", "1.0", "1.5", "2.3", "11.1", "21.0"),
}


@pytest.mark.parametrize(("form", "digits"), [(form, d) for form, listed in RUSSIAN.items() for d in listed])
def test_russian_plural_forms_follow_cldr(form: str, digits: str) -> None:
    assert plural_form("ru", digits) == form


@pytest.mark.parametrize(
    ("digits", "form"), [("1", "one"), ("0", "other"), ("2", "other"), ("21", "other"), ("1.0", "other")]
)
def test_english_plural_forms_follow_cldr(digits: str, form: str) -> None:
    assert plural_form("en", digits) == form


@pytest.mark.parametrize(
    ("n", "of", "tied", "point"),
    [
        (1, "1 цепочки", "ещё 1 цепочкой", "1 балл"),
        (2, "2 цепочек", "ещё 2 цепочками", "2 балла"),
        (5, "5 цепочек", "ещё 5 цепочками", "5 баллов"),
        (11, "11 цепочек", "ещё 11 цепочками", "11 баллов"),
        (21, "21 цепочки", "ещё 21 цепочкой", "21 балл"),
        (22, "22 цепочек", "ещё 22 цепочками", "22 балла"),
        (25, "25 цепочек", "ещё 25 цепочками", "25 баллов"),
    ],
)
def test_russian_nouns_agree_with_their_number(n: int, of: str, tied: str, point: str) -> None:
    ru = language("ru")
    assert (ru.counted("chain_of", n), ru.counted("chain_with", n), ru.counted("point", n)) == (of, tied, point)


@pytest.mark.parametrize(
    ("usd", "en", "ru"),
    [
        (0.2, "0 US dollars", "0 долларов США"),
        (1, "1 US dollar", "1 доллар США"),
        (812.4, "812 US dollars", "812 долларов США"),
        (999.6, "1 thousand US dollars", "1 тысяча долларов США"),
        (21_000, "21 thousand US dollars", "21 тысяча долларов США"),
        (1_240_000, "1.24 million US dollars", "1,24 миллиона долларов США"),
        (2_000_000, "2 million US dollars", "2 миллиона долларов США"),
        (412_345_678, "412 million US dollars", "412 миллионов долларов США"),
        (999_999_999, "1 billion US dollars", "1 миллиард долларов США"),
        (5e9, "5 billion US dollars", "5 миллиардов долларов США"),
        (1.2345e12, "1,230 billion US dollars", "1\u202f230 миллиардов долларов США"),
    ],
)
def test_money_is_told_with_three_digits(usd: float, en: str, ru: str) -> None:
    assert (language("en").money(usd), language("ru").money(usd)) == (en, ru)


def test_numbers_are_written_as_the_language_writes_them() -> None:
    en, ru = language("en"), language("ru")
    assert (en.number(1234567.25, 1), ru.number(1234567.25, 1)) == ("1,234,567.2", "1\u202f234\u202f567,2")
    assert (en.percent(0.553), ru.percent(0.553)) == ("55%", "55\u202f%")
    assert (en.percent(0.0123), ru.percent(0.0123)) == ("1.2%", "1,2\u202f%")
    assert (en.range(2, 6), ru.range(55.14, 65.96, 1)) == ("2–6", "55,1–66,0")
    assert en.range(3, 3.0) == "3"
    assert en.number(-0.04, 1) == "0.0"
    assert [en.significant(v) for v in (0, 0.03125, 12345.6, 1.0, -5.3817, 1.2e-7)] == [
        "0", "0.03125", "12,350", "1", "-5.382", "0.00000012",
    ]  # fmt: skip


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_unit_has_every_plural_form(code) -> None:
    for unit, forms in language(code).units.items():
        assert set(forms) == FORMS[code], unit


def test_both_languages_have_the_same_words_and_fields() -> None:
    en, ru = (language(code).model_dump() for code in LANGUAGES)
    for part in ("units", "templates", "report"):
        assert set(en[part]) == set(ru[part]), part
    assert {kind: set(words) for kind, words in en["words"].items()} == {k: set(w) for k, w in ru["words"].items()}
    for name, template in en["templates"].items():
        assert set(re.findall(r"{(\w+)}", template)) == set(re.findall(r"{(\w+)}", ru["templates"][name])), name


def test_names_are_those_of_the_catalogue() -> None:
    countries, chains = catalog().countries, chain_tables(catalog().root)["cat_chain"].to_pylist()
    for code in LANGUAGES:
        names = language(code).names
        assert {c: n["nominative"] for c, n in names.countries.items()} == {
            iso3: getattr(countries[iso3].name, code) for iso3 in catalog().focus()
        }
        assert {c: n["nominative"] for c, n in names.chains.items()} == {
            c["chain"]: c[code][0].lower() + c[code][1:] for c in chains
        }
        assert all({"genitive", "prepositional"} <= set(n) for n in names.countries.values())
        assert all("genitive" in n for n in names.chains.values())


def test_every_unit_of_the_catalogue_has_a_name_in_both_languages() -> None:
    declared = {c.unit for m in (*catalog().marts.values(), *catalog().tables.values()) for c in m.columns}
    for path in (ROOT / "indicators").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            declared |= {line["unit"] for line in csv.DictReader(file)}
    for path in (ROOT / "index").glob("*.yaml"):
        declared |= {i.get("unit") for i in yaml.safe_load(path.read_text(encoding="utf-8"))["indicators"]}
    named = {code: unit_names(code) for code in LANGUAGES}
    assert declared - {None, ""} <= set(named["en"])
    assert set(named["en"]) == set(named["ru"])
    assert not [unit for unit, name in named["ru"].items() if unit != "%" and not re.search("[а-яё%]", name)]
    assert (language("ru").unit("ha"), language("ru").unit(None), language("ru").unit("furlong")) == (
        "гектары",
        "",
        "furlong",
    )
