"""The sentences: what each row is told as, and what no sentence ever says."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from baseline_rows import DAIRY, said, table
from hypothesis import given
from hypothesis import strategies as st
from read_back import strangers

from agrocluster.explain.facts import PILLARS, STAGES
from agrocluster.explain.language import language
from agrocluster.explain.sentences import explain_rows
from agrocluster.marts.relations import catalog_tables
from agrocluster.model.loader import ROOT, catalog

GOLDEN = yaml.safe_load((Path(__file__).parent / "golden.yaml").read_text(encoding="utf-8"))
MARTS = ROOT.parent / "marts"
QUADRANTS = ("build", "defend", "prepare", "leave", None)
TYPES = (*QUADRANTS[:-1], "trader", "import_substitution", None)
WEAKEST = catalog().marts["mart_baseline_context"].column("weakest_part").codelist.split("|")
GRADES = ("A", "B", "C", "D", None)
JUDGING = re.compile(
    r"\b(strong|weak|good|bad|poor|rich|high|low|huge|large|small|promising|excellent|significant|impressive|"
    r"сильн\w+|слаб(ый|ая|ое|ые|ого|ой)|хорош\w+|плох\w+|высок\w+|низк\w+|огромн\w+|перспективн\w+|значительн\w+)\b",
    re.IGNORECASE,
)


def chain_codes() -> list[str]:
    return [line["chain"] for line in catalog_tables(catalog())["cat_chain"].to_pylist()]


def numbers_of(row: dict[str, object], ranked: int) -> list[float]:
    """Every figure a sentence may show: those of the row, how many chains are ranked, how many are tied."""
    own = [float(v) for v in row.values() if isinstance(v, int | float) and not isinstance(v, bool)]
    return [*own, float(ranked), float(len(str(row["tied_with"] or "").split()))]


def assert_proper(texts: dict[str, str], row: dict[str, object], ranked: int) -> None:
    for lang, text in texts.items():
        assert "{" not in text, text
        assert "}" not in text, text
        assert not re.search(r"\b(None|nan|inf|null)\b", text), text
        assert not re.search(r"  |\(\)|; ;|\.\.|, ,|: ;", text), text
        assert text.endswith(".")
        assert text[0].isupper()
        assert not JUDGING.search(text), text
        assert strangers(text, lang, numbers_of(row, ranked)) == [], text
    assert re.search("cluster potential", texts["en"], re.IGNORECASE)
    assert re.search("кластерный потенциал", texts["ru"], re.IGNORECASE)
    assert not re.search(r"\bcluster(?! potential)", texts["en"], re.IGNORECASE)
    assert not re.search(r"кластер(?!ный потенциал)", texts["ru"], re.IGNORECASE)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["case"])
def test_golden_sentences(case) -> None:
    texts = said(case["row"], ranked=case.get("ranked", 21), sample=case.get("sample", False))
    assert texts["en"] == " ".join(case["en"].split())
    assert texts["ru"].replace("\u202f", " ") == " ".join(case["ru"].split())


@pytest.mark.parametrize("grade", GRADES)
def test_every_quadrant_type_grade_and_flag_renders_in_both_languages(grade) -> None:
    flags = itertools.product((False, True), (False, True), (None, "", "reported;transit_suspect"), (False, True))
    cells = [
        {
            "quadrant": quadrant, "typology": kind, "grade": grade, "territory_unknown": territory,
            "policy_klaster_flag": policy, "reexport_flag": reexport, "tied_with": "cotton rice" if tied else None,
            "rank_country": None if grade in ("D", None) else 3,
        }
        for (territory, policy, reexport, tied), quadrant, kind in itertools.product(flags, QUADRANTS, TYPES)
    ]  # fmt: skip
    rows = table(*cells)
    ranked = sum(cell["rank_country"] is not None for cell in cells)
    told = explain_rows(rows, sample=False).to_pylist()
    for cell, line in zip(cells, told, strict=True):
        assert_proper({"en": line["explain_en"], "ru": line["explain_ru"]}, {**DAIRY, **cell}, ranked)
    shown = (
        2 * 2 * 2 * len(QUADRANTS) * 3 * (1 if grade in ("D", None) else 2)
    )  # three types are said, ties of the ranked
    assert len({line["explain_en"] for line in told}) == shown


@pytest.mark.parametrize("chain", chain_codes())
@pytest.mark.parametrize("iso3", catalog().focus())
def test_every_chain_and_country_is_named_in_its_case(iso3: str, chain: str) -> None:
    texts = said({"iso3": iso3, "chain": chain})
    for lang, text in texts.items():
        names = language(lang).names
        assert names.chains[chain]["genitive"] in text
        assert names.countries[iso3]["prepositional"] in text


def test_sample_data_are_called_sample_at_the_beginning() -> None:
    texts, real = said(sample=True), said(sample=False)
    assert texts["en"].startswith("Sample data, not real statistics:")
    assert texts["ru"].startswith("Демонстрационные данные, не настоящая статистика:")
    assert "ample data" not in real["en"]
    assert "чебные данные" not in real["ru"]


def test_rows_outside_the_focus_have_no_sentence_and_order_is_kept() -> None:
    told = explain_rows(table({"chain": "rice"}, {"focus": False}, {"chain": "silk"}), sample=False).to_pylist()
    assert "rice" in told[0]["explain_en"]
    assert told[1] == {"explain_en": None, "explain_ru": None}
    assert "silk" in told[2]["explain_en"]


def test_the_ranked_are_counted_within_country_and_baseline() -> None:
    rows = table(
        {}, {"chain": "rice"}, {"chain": "silk", "rank_country": None}, {"iso3": "KAZ"}, {"baseline_id": "Bcurrent"}
    )
    told = explain_rows(rows, sample=False)["explain_en"].to_pylist()
    assert "rank 3 of 2 chains of Kyrgyzstan" in told[0]
    assert "rank 3 of 1 chain of Kazakhstan" in told[3]
    assert "rank 3 of 1 chain of Kyrgyzstan" in told[4]


def test_grade_d_is_worded_as_unknown_and_never_ranked() -> None:
    texts = said({"grade": "D"})
    assert texts["en"].startswith("Too little is known to rank")
    assert texts["ru"].startswith("О цепочке молока и молочных продуктов в Кыргызстане")
    assert "rank 3" not in texts["en"]
    assert "место среди" not in texts["ru"]


@pytest.mark.parametrize("part", WEAKEST)
def test_the_weakest_part_of_confidence_is_named(part: str) -> None:
    for lang, text in said({"weakest_part": part}).items():
        words = language(lang).words["confidence"]
        assert words[part] in text
        assert sum(said_as in text for said_as in words.values()) == 1


def test_a_few_ties_are_named_and_many_are_counted() -> None:
    few, many = said({"tied_with": "cotton rice"}), said({"tied_with": "cotton rice silk nuts"})
    assert "tied with “cotton”, “rice”" in few["en"]
    assert "наравне с цепочками «хлопок», «рис»" in few["ru"]
    assert "tied with 4 other chains" in many["en"]
    assert "наравне с ещё 4 цепочками" in many["ru"]


@pytest.mark.parametrize(
    ("change", "en"),
    [
        (
            {"bottleneck": "market", "b_market": 20.0, "bottleneck_margin": 8.0},
            "bottleneck: markets (20.0 points",
        ),
        ({"bottleneck": "none_clear"}, "no stage is clearly the bottleneck"),
        ({"bottleneck": "too_few_stages", **dict.fromkeys(f"b_{s}" for s in STAGES[1:])}, "too few stages are known"),
        ({"bottleneck": None, **dict.fromkeys(f"b_{s}" for s in STAGES)}, "too few stages are known"),
    ],
)
def test_the_bottleneck_is_named_open_or_unknown(change: dict[str, object], en: str) -> None:
    assert en in said(change)["en"]


def used_reasons() -> set[str]:
    """Every reason code that the marts can put into a row, read from what puts it there."""
    defined = {line["reason"] for line in catalog_tables(catalog())["cat_index_indicator"].to_pylist()} - {None}
    sources = {
        path.stem: path.read_text(encoding="utf-8")
        for pattern in ("mart_*baseline*.*", "cluster_baseline/*.sql")
        for path in MARTS.glob(pattern)
        if path.is_file()
    }
    cases = set(re.findall(r"(?:THEN|ELSE) '([a-z_]+)'", sources["mart_baseline_indicators"]))
    for text in sources.values():
        cases |= set(re.findall(r"'[a-z0-9_]+:([a-z_]+)'", text)) | set(re.findall(r"coalesce\(why, '(\w+)'\)", text))
    assert len(cases) >= 7, "the marts write their reasons in a way that this test does not see"
    return defined | cases | {"no_baseline_window"}


def test_every_reason_code_has_words() -> None:
    for code in ("en", "ru"):
        assert used_reasons() <= set(language(code).words["reason"])


def test_every_caveat_and_part_has_words() -> None:
    flags = {line["flag"] for line in catalog_tables(catalog())["cat_caveat"].to_pylist()}
    for code in ("en", "ru"):
        words = language(code).words
        assert flags <= set(words["caveat"])
        assert {*PILLARS, "position", "headroom", "enabling"} <= set(words["part"])


def test_an_empty_cell_says_why_with_the_words_of_its_reasons() -> None:
    for code in sorted(used_reasons()):
        change = {"potential": None, "headroom": None, "rank_country": None}
        texts = said({**change, "reasons": f"headroom:too_few_pillars;h1:{code};p4:no_oblast_data"})
        for lang, text in texts.items():
            words = language(lang).words
            assert f"{words['part']['headroom']} ({words['reason']['too_few_pillars']})" in text
            assert f"{words['part']['h1']} ({words['reason'][code]})" in text


def test_a_code_without_words_is_shown_and_not_dropped() -> None:
    text = said({"reasons": "h1:frost", "caveats": "hail"})["en"]
    assert "market (reason code frost)" in text
    assert "caveat code hail" in text


number = st.one_of(st.none(), st.just(math.nan), st.floats(1, 100))
share = st.one_of(st.none(), st.floats(0, 1))
usd = st.one_of(st.none(), st.just(0.0), st.floats(0, 9.99e11))
word = st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True)
rows = st.fixed_dictionaries(
    {
        "iso3": st.sampled_from(catalog().focus()),
        "chain": st.sampled_from(chain_codes()),
        "first_year": st.one_of(st.none(), st.integers(1995, 2022)),
        "last_year": st.one_of(st.none(), st.integers(1995, 2024)),
        **dict.fromkeys(("position", "headroom", "potential_p05", "potential_p95", "bottleneck_margin"), number),
        **dict.fromkeys((f"b_{stage}" for stage in STAGES), number),
        "potential": st.one_of(st.none(), st.floats(1, 100)),
        "rank_country": st.one_of(st.none(), st.integers(1, 23)),
        **dict.fromkeys(("rank_p05", "rank_p95"), st.one_of(st.none(), st.floats(1, 23))),
        "tied_with": st.one_of(st.none(), st.lists(st.sampled_from(chain_codes()), unique=True).map(" ".join)),
        "quadrant": st.sampled_from(QUADRANTS),
        "typology": st.sampled_from(TYPES),
        "bottleneck": st.sampled_from([*STAGES, "none_clear", "too_few_stages", None]),
        **dict.fromkeys(("exports_usd", "untapped_usd"), usd),
        "largest_market": st.one_of(st.none(), st.sampled_from(["KAZ", "CHN", "S19"])),
        **dict.fromkeys(("share_largest", "coverage"), share),
        "ssr": st.one_of(st.none(), st.floats(0, 5)),
        "grade": st.sampled_from(GRADES),
        "weakest_part": st.sampled_from([*WEAKEST, None]),
        "reasons": st.lists(st.one_of(word, st.tuples(word, word).map(":".join))).map(";".join),
        **dict.fromkeys(("territory_unknown", "policy_klaster_flag"), st.booleans()),
        "reexport_flag": st.one_of(st.none(), st.just(""), word),
        "caveats": st.one_of(st.none(), word),
    }
)


@given(row=rows, sample=st.booleans())
def test_any_row_of_the_schema_is_told_without_figures_of_its_own(row: dict[str, object], sample: bool) -> None:
    if row["potential"] is not None:  # a potential has both its halves
        row = {**row, **{k: 50.0 for k in ("position", "headroom") if row[k] is None or math.isnan(row[k])}}
    line = explain_rows(table(row), sample=sample).to_pylist()[0]
    ranked = int(row["rank_country"] is not None)
    for lang in ("en", "ru"):
        text = line[f"explain_{lang}"]
        assert "{" not in text
        assert not re.search(r"\b(None|nan)\b", re.sub(r"code \w+|код \w+ \w+", "", text))
        assert strangers(re.sub("S19", "", text), lang, numbers_of({**DAIRY, **row}, ranked)) == [], text


def test_a_missing_column_is_named() -> None:
    with pytest.raises(KeyError, match="typology"):
        explain_rows(pa.table({k: v for k, v in table({}).to_pydict().items() if k != "typology"}), sample=False)
