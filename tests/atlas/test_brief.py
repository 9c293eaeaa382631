"""The country brief: four tagged pages whatever the release holds, its figures and no others, text that stays text."""

from __future__ import annotations

import re
from pathlib import Path

import atlas_release as small
import pytest
from click.testing import CliRunner

from agrocluster.atlas.content import Content, read
from agrocluster.atlas.view import View
from agrocluster.atlas.words import words
from agrocluster.brief import pages, typeset
from agrocluster.brief.words import texts
from agrocluster.brief.write import file_of, write
from agrocluster.cli import main
from agrocluster.errors import StorageError, UsageError
from agrocluster.explain.language import LANGUAGES
from agrocluster.model.loader import catalog
from support.pdf_text import page_texts

HOSTILE = '#panic("x") $a$ *b* _c_ <svg> </text> \\u{41} `d` @e // f'


def content_of(rows: dict[str, list[small.Row]], name: str = "brief", mode: str = "sample") -> Content:
    small.write(name, rows, mode)
    return read(name)


def set_brief(content: Content, iso3: str, lang: str) -> bytes:
    return typeset.pdf(pages.brief(View(content, words(lang)), iso3))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def briefs(made: small.Made) -> dict[str, bytes]:
    """The briefs of the small release by file name."""
    return {path.name: path.read_bytes() for path in sorted((made.folder / "briefs").iterdir())}


def test_every_brief_has_four_pages_and_is_tagged(briefs: dict[str, bytes]) -> None:
    assert set(briefs) == {file_of(iso3, lang) for iso3 in catalog().focus() for lang in LANGUAGES}
    for name, data in briefs.items():
        lang = name.removesuffix(".pdf")[-2:]
        assert len(page_texts(data)) == 4, name
        assert len(re.findall(rb"/MediaBox\[0 0 595.2756 841.8898\]", data)) == 4, name
        assert b"/Marked true" in data, name
        assert b"/StructTreeRoot" in data, name
        assert f"/Lang({lang})".encode() in data, name
        assert b"<pdfuaid:part>1</pdfuaid:part>" in data, name
        assert len(re.findall(rb"/S/Figure\b", data)) == len(re.findall(rb"/Alt", data)) > 0, name


def test_every_page_says_that_it_is_sample_data(briefs: dict[str, bytes]) -> None:
    for name, data in briefs.items():
        label = words(name.removesuffix(".pdf")[-2:]).say("sample")  # type: ignore[arg-type]
        for text in page_texts(data):
            assert text.count(label) >= 2, name  # the band on top and the mark across the page


def test_real_data_carry_no_label(data_root: Path) -> None:
    content = content_of(small.tables(), mode="files")
    for text in page_texts(set_brief(content, "KGZ", "en")):
        assert words("en").say("sample") not in text


def test_figures_are_those_of_the_marts(made: small.Made, briefs: dict[str, bytes]) -> None:
    rows, w = made.rows, words("ru")
    first, second, third, fourth = page_texts(briefs[file_of("KGZ", "ru")])
    cells = made.cells("KGZ")
    for cell in cells[: pages.FIRST]:
        assert w.within(cell["potential"], cell["potential_p05"], cell["potential_p95"]) in first
        assert w.within(cell["rank_country"], cell["rank_p05"], cell["rank_p95"], 0) in first
    for cell in cells[: pages.LEADING]:
        assert cell["explain_ru"] in second
        held = [m for m in rows["mart_export_potential_chain"] if _of(m, cell) and m["market"] != "WLD"]
        for line in sorted(held, key=lambda m: -m["untapped_usd"])[: pages.PARTNERS]:
            assert _blanks(w.thousands(line["untapped_usd"])) in third
    assert cells[pages.LEADING]["explain_ru"] not in second
    assert "Предел 3 33,0 6,0 Логистика: Почему так" in second
    assert "Предел 4" not in second
    (known,) = [
        i
        for i in rows["mart_lifecycle_mobilisation"]
        if _of_kgz(i) and i.get("value_year") and i["source"] != small.SHUT
    ]
    assert f"{w.raw(known['value'])} % 2023 31,25" in third
    assert f"Качество {w.say('unknown')} % {w.say('unknown')} {w.say('unknown')}" in third
    (title,) = [spec.title for spec in catalog().datasets.values() if spec.id == "cepii__baci_hs12"]
    assert f"cepii {title.ru} 1 2012–2024 etalab-2.0 Source: CEPII." in fourth


def _blanks(text: str) -> str:
    return re.sub(r"\s", " ", text)


def _of(line: small.Row, cell: small.Row) -> bool:
    return all(line[name] == cell[name] for name in ("iso3", "chain", "baseline_id"))


def _of_kgz(line: small.Row) -> bool:
    return (line["iso3"], line["baseline_id"]) == ("KGZ", "Bcurrent")


def test_text_of_a_release_is_never_read_as_markup(data_root: Path) -> None:
    rows = small.tables()
    for line in rows["dim_chain"]:
        line |= {"chain_en": HOSTILE}
    for line in rows["mart_cluster_baseline"]:
        line |= {"explain_en": HOSTILE}
    for line in rows["mart_provenance"]:
        line |= {"title": HOSTILE, "stamp": '#"', "attribution": HOSTILE, "licence": "#[x]"}
    for line in rows["mart_lifecycle_support"]:
        line |= {"name_en": HOSTILE, "why_en": HOSTILE}
    found = page_texts(set_brief(content_of(rows), "KGZ", "en"))
    assert len(found) == 4
    for text in found[:2] + found[3:]:
        assert HOSTILE.replace(" ", "") in text.replace(" ", "")


@pytest.mark.parametrize(("times", "fits"), [(1, True), (4, True), (40, False)])
def test_long_words_are_set_smaller_until_they_fit_or_the_brief_is_refused(
    data_root: Path, times: int, fits: bool
) -> None:
    rows = small.tables()
    for line in rows["mart_cluster_baseline"]:
        line |= {"explain_en": "A sentence that goes on for quite a while about a chain and its market. " * 6 * times}
    content = content_of(rows)
    if fits:
        assert len(page_texts(set_brief(content, "KAZ", "en"))) == 4
        return
    with pytest.raises(StorageError, match=r"Kazakhstan \(en\).*does not fit"):
        set_brief(content, "KAZ", "en")


def test_what_may_not_be_handed_on_is_left_out_and_said(data_root: Path) -> None:
    rows = small.tables()
    rows["method_parameters"] = [{"name": "trade_variant", "value": "reported"}]
    _, second, third, _ = page_texts(set_brief(content_of(rows), "KGZ", "en"))
    assert second.count(words("en").say("left_out")) == pages.LEADING
    assert third.count(words("en").say("left_out")) == 2
    assert "Limit 1" not in second
    assert "Shut" not in third


def test_a_country_without_ranks_says_so(data_root: Path) -> None:
    rows = small.tables()
    for line in rows["mart_cluster_baseline"]:
        line |= {"rank_country": None, "potential": None, "position": None, "headroom": None, "grade": "D"}
    first, second, third, _ = page_texts(set_brief(content_of(rows), "UZB", "en"))
    none = texts("en")["unranked_all"]
    assert none in first
    assert none in second
    assert texts("en")["partners_none"] in third


def test_the_command_writes_what_it_is_asked_for(data_root: Path, tmp_path: Path) -> None:
    small.write("small", small.tables())
    done = CliRunner().invoke(main, ["brief", "Kyrgyzstan", str(tmp_path / "one"), "--lang", "ru"])
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["brief-kgz-ru.pdf"]
    with pytest.raises(UsageError, match="exists already"):
        write(tmp_path / "one", "KGZ")
    for country in ("Atlantis", "DEU"):
        wrong = CliRunner().invoke(main, ["brief", country, str(tmp_path / "other")])
        assert wrong.exit_code == 1
        assert not (tmp_path / "other").exists()


def test_both_languages_have_the_same_words() -> None:
    fields = [{key: sorted(re.findall(r"{(\w+)}", text)) for key, text in texts(lang).items()} for lang in LANGUAGES]
    assert fields[0] == fields[1]
    code = Path(pages.__file__).read_text(encoding="utf-8")
    assert not [key for key in texts("en") if not re.search(rf"[\"']{key}[\"']", code)]
    assert not [key for key, text in texts("ru").items() if not re.search("[а-яё]", text.lower())]
