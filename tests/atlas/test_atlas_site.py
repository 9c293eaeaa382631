"""The written folder: what every page must have, where its links lead, and that nothing leaves the folder."""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise
from pathlib import Path

import atlas_release as small
import pytest
from atlas_pages import Node, pages, table
from click.testing import CliRunner

from agrocluster import shelf
from agrocluster.atlas.content import READ
from agrocluster.atlas.words import words
from agrocluster.brief import typeset
from agrocluster.cli import main
from agrocluster.errors import UsageError
from agrocluster.model.loader import catalog
from agrocluster.release import publish, redistribution

FOREIGN = re.compile(r"(?:[a-z]+:)?//|javascript:|url\(|@import", re.IGNORECASE)
LOADS = {"script", "img", "iframe", "object", "embed", "form", "video", "audio", "base", "image", "use"}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
FORMULA = "=HYPERLINK(1)"
MEGABYTE = 1_000_000


@pytest.fixture(scope="session")
def site_pages(made: small.Made) -> dict[str, Node]:
    return pages(made.folder)


def body(page: Node) -> Node:
    return page.all("body")[0]


def test_there_is_a_page_for_every_country_and_chain_in_both_languages(site_pages: dict[str, Node]) -> None:
    names = {f"country-{iso3.lower()}" for iso3 in catalog().focus()} | {f"chain-{c['chain']}" for c in small.chains()}
    names |= {"index", "methods", "quality", "sources", "glossary"}
    assert set(site_pages) == {f"{lang}/{name}.html" for lang in ("en", "ru") for name in names} | {"index.html"}


def test_every_page_names_its_language_title_and_heading_and_is_marked_as_sample(site_pages: dict[str, Node]) -> None:
    titles = set()
    for path, page in site_pages.items():
        lang = path.partition("/")[0] if "/" in path else "en"
        assert page.all("html")[0].attributes["lang"] == lang, path
        (title,), (heading,) = (page.all("head")[0].all("title"), page.all("h1"))
        assert heading.text.strip() in title.text, path
        (mark, *_) = [p for p in page.all("p") if "sample" in p.classes]
        assert mark.text == words(lang).say("sample"), path  # type: ignore[arg-type]
        titles.add(title.text)
    assert len(titles) == len(site_pages)


def test_the_mark_is_printed_on_every_sheet(site_pages: dict[str, Node]) -> None:
    for path, page in site_pages.items():
        style = page.all("style")[0].text
        printed = style[style.index("@media print") :]
        assert re.search(r"\.stamp \{[^}]*display: block; position: fixed", printed)
        if path != "index.html":
            assert any("stamp" in d.classes for d in page.all("div")), path


def test_real_data_are_not_marked(data_root: Path, tmp_path: Path) -> None:
    small.write("real", small.tables(), data_mode="live")
    small.atlas(tmp_path / "site", languages=["en"])
    for path, page in pages(tmp_path / "site").items():
        assert not [p for p in page.walk() if {"sample", "stamp"} & p.classes], path
        assert words("en").say("sample") not in page.text


def test_nothing_is_loaded_from_elsewhere(made: small.Made, site_pages: dict[str, Node]) -> None:
    for path, page in site_pages.items():
        assert not {node.name for node in page.walk()} & LOADS, path
        for node in page.walk():
            for name, value in node.attributes.items():
                assert not FOREIGN.search(value), f"{path}: {name}={value}"
                assert not name.startswith("on"), f"{path}: {name}"
        assert not FOREIGN.search(page.all("style")[0].text), path
        (policy,) = [m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy"]
        assert policy.attributes["content"].startswith("default-src 'none'")
    assert {p.suffix for p in made.folder.rglob("*") if p.is_file()} == {".html", ".csv", ".pdf"}


def check_links(folder: Path, found: dict[str, Node]) -> int:
    ids = {path: {n.attributes["id"] for n in page.walk() if "id" in n.attributes} for path, page in found.items()}
    followed = 0
    for path, page in found.items():
        for link in body(page).all("a"):
            file, _, anchor = link.attributes["href"].partition("#")
            target = (folder / path).parent / file if file else folder / path
            assert target.is_file(), f"{path}: {link.attributes['href']}"
            assert target.resolve().is_relative_to(folder.resolve())
            if anchor:
                assert anchor in ids[str(target.resolve().relative_to(folder.resolve()))], f"{path}: #{anchor}"
            followed += 1
    return followed


def test_every_link_leads_somewhere(made: small.Made, site_pages: dict[str, Node]) -> None:
    assert check_links(made.folder, site_pages) > 1000


def test_both_languages_lead_to_each_other(site_pages: dict[str, Node]) -> None:
    for path, page in site_pages.items():
        lang, _, name = path.partition("/")
        if name:
            (switch,) = [a for a in page.all("a") if "hreflang" in a.attributes]
            other = {"en": "ru", "ru": "en"}[lang]
            assert (switch.attributes["href"], switch.attributes["lang"]) == (f"../{other}/{name}", other)


def test_pages_can_be_walked_without_seeing_them(site_pages: dict[str, Node]) -> None:
    for path, page in site_pages.items():
        assert len(page.all("main")) == 1, path
        ids = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
        assert len(ids) == len(set(ids)), path
        levels = [int(n.name[1]) for n in page.walk() if re.fullmatch(r"h[1-6]", n.name)]
        assert levels[0] == 1
        assert all(b <= a + 1 for a, b in pairwise(levels)), path
        for node in page.walk():
            if "aria-labelledby" in node.attributes:
                assert node.attributes["aria-labelledby"] in ids, path
        for found in page.all("table"):
            assert found.all("caption")[0].text.strip(), path
            assert all("scope" in th.attributes for th in found.all("th")), path
        for drawing in page.all("svg"):
            if drawing.attributes.get("aria-hidden") != "true":
                assert drawing.all("title")[0].text.strip(), path
                assert drawing.attributes["role"] == ("group" if drawing.all("desc") else "img")
        wrappers = [d for d in page.walk() if "scroll" in d.classes]
        assert all(d.attributes["tabindex"] == "0" and d.attributes["role"] == "group" for d in wrappers)
        if path != "index.html":
            assert len(page.all("nav")) == len(page.all("header")) == len(page.all("footer")) == 1
            skip = body(page).all("a")[0]
            assert skip.attributes["href"] == f"#{page.all('main')[0].attributes['id']}"


@pytest.mark.parametrize("name", ["ink", "soft", "accent", "build", "defend", "prepare", "leave", "tight"])
def test_text_stands_out_from_its_ground(site_pages: dict[str, Node], name: str) -> None:
    style = site_pages["en/index.html"].all("style")[0].text
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})\b", style))
    for ground in ("paper", "ground"):
        low, high = sorted((_luminance(colours[name]), _luminance(colours[ground])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, f"{name} on {ground}"  # WCAG 2.2, 1.4.3, level AA


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(d + d for d in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_pages_are_small(made: small.Made) -> None:
    assert max(path.stat().st_size for path in made.folder.rglob("*.html")) < MEGABYTE


def test_equal_releases_give_equal_bytes(made: small.Made, data_root: Path, tmp_path: Path) -> None:
    small.write("small", small.tables())
    typeset._compiler.cache_clear()
    shelf.write(tmp_path / "again")
    first, second = (
        {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        for folder in (made.folder, tmp_path / "again")
    )
    assert first == second


def hostile() -> dict[str, list[small.Row]]:
    """A release in which everything a source could name is an attack."""
    rows = small.tables()
    for line in rows["dim_country"]:
        line |= {"name_en": HOSTILE + line["iso3"], "name_ru": HOSTILE + line["iso3"]}
    for line in rows["dim_chain"]:
        line |= {f"{kind}_{lang}": HOSTILE + line["chain"] for kind in ("chain", "essence") for lang in ("en", "ru")}
    for line in rows["mart_cluster_baseline"]:
        line |= {"caveats": HOSTILE, "explain_en": HOSTILE, "explain_ru": HOSTILE, "reasons": f"p4:{HOSTILE}"}
        line |= {"reexport_flag": HOSTILE, "largest_market": HOSTILE, "country_ru": FORMULA, "typology": HOSTILE}
    for line in rows["mart_baseline_indicators"]:
        line |= {"name_en": HOSTILE, "name_ru": HOSTILE, "unit": HOSTILE, "goalpost_id": HOSTILE}
    for line in rows["mart_export_potential_chain"]:
        line["market"] = line["market"] if line["market"] == "WLD" else HOSTILE + line["market"]
    for line in rows["mart_provenance"]:
        line |= dict.fromkeys(("source", "dataset", "title", "stamp", "licence", "attribution"), HOSTILE)
    return rows


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("attacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGROCLUSTER_DATA", str(root / "data"))
        small.write("hostile", hostile())
        small.atlas(root / "site", languages=["ru"])
    return root / "site"


def test_hostile_names_stay_text(attacked: Path) -> None:
    found = pages(attacked)
    for path, page in found.items():
        assert not {node.name for node in page.walk()} & LOADS, path
        assert not [name for node in page.walk() for name in node.attributes if name.startswith("on")], path
    shown = [path for path, page in found.items() if HOSTILE in body(page).text]
    assert {p for p in found if "chain-" in p or "country-" in p or p.endswith("sources.html")} <= set(shown)
    check_links(attacked, found)


def test_spreadsheets_get_no_formula(attacked: Path) -> None:
    assert {row["country_ru"] for row in read_csv(attacked / "ru/data/baseline.csv")} == {"'" + FORMULA}


def read_csv(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_a_download_holds_the_figures_of_the_mart(made: small.Made) -> None:
    rows = read_csv(made.folder / "ru/data/country-kgz.csv")
    cells = made.cells("KGZ")
    assert [row["chain"] for row in rows] == [cell["chain"] for cell in cells]
    for row, cell in zip(rows, cells, strict=True):
        assert (row["release"], row["label"]) == ("small", publish.SAMPLE_LABEL)
        for name in ("potential", "position_p05", "b_market", "exports_usd"):
            assert row[name] == ("" if cell.get(name) is None else str(cell[name]))


def test_what_may_not_be_handed_on_is_left_out(data_root: Path, tmp_path: Path) -> None:
    rows = small.tables()
    rows["method_parameters"] = [{"name": "trade_variant", "value": "reported"}]
    manifest = small.write("customs", rows)
    assert {"mart_chain_trade", "mart_export_potential_chain"} <= redistribution.closed_marts(manifest)
    done = small.atlas(tmp_path / "site", languages=["en"])
    assert {"mart_chain_trade", "mart_export_potential_chain", *small.RESTRICTED} <= set(done.left_out)
    found = pages(tmp_path / "site")
    check_links(tmp_path / "site", found)
    dairy = found["en/chain-dairy.html"]
    assert dairy.text.count(words("en").say("left_out")) == 3
    assert found["en/country-kgz.html"].text.count(words("en").say("left_out")) == 1
    assert not [svg for svg in dairy.all("svg") if "trend" in svg.classes]
    assert not list((tmp_path / "site").rglob("trade-*")) + list((tmp_path / "site").rglob("markets-*"))
    sources = found["en/sources.html"].text
    assert all(name in sources for name in done.left_out)


def test_a_release_without_its_trade_on_record_is_closed(data_root: Path) -> None:
    rows = small.tables()
    rows["method_parameters"] = []
    assert "mart_chain_trade" in redistribution.closed_marts(small.write("unrecorded", rows))


def test_an_older_release_is_refused_by_name(data_root: Path, tmp_path: Path) -> None:
    rows = small.tables()
    del rows["mart_cluster_progress"]
    small.write("old", rows)
    with pytest.raises(UsageError, match=r"old is older than the atlas; it lacks .*mart_cluster_progress"):
        small.atlas(tmp_path / "site")


def test_a_release_without_any_window_is_refused(data_root: Path, tmp_path: Path) -> None:
    rows = small.tables()
    rows["dim_baseline"] = [{**line, "first_year": None, "last_year": None} for line in rows["dim_baseline"]]
    small.write("empty", rows)
    with pytest.raises(UsageError, match="No baseline"):
        small.atlas(tmp_path / "site")


def test_a_release_with_its_reference_window_alone_shows_no_change(data_root: Path, tmp_path: Path) -> None:
    rows = small.tables()
    rows["dim_baseline"] = rows["dim_baseline"][:1]
    small.write("first", rows)
    small.atlas(tmp_path / "site", languages=["en"])
    found = pages(tmp_path / "site")
    check_links(tmp_path / "site", found)
    assert "2018–2020" in found["en/index.html"].text
    assert words("en").column("verdict") not in found["en/country-kgz.html"].text


def test_rows_of_closed_publishers_are_not_read(made: small.Made, site_pages: dict[str, Node]) -> None:
    picked = {name for name in READ if catalog().marts[name].redistribution == "by_source"}
    assert picked == {"mart_lifecycle_mobilisation"}
    assert small.SHUT in redistribution.restricted_sources()
    assert [i["name_en"] for i in made.rows["mart_lifecycle_mobilisation"] if i["source"] == small.SHUT]
    assert not [path for path, page in site_pages.items() if "Shut" in page.text]


def test_the_folder_must_be_new_and_stays_away_when_writing_fails(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.write("small", small.tables())
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        small.atlas(tmp_path / "there")
    monkeypatch.setattr(Path, "write_bytes", _refuse)
    with pytest.raises(Exception, match="disk"):
        small.atlas(tmp_path / "site", languages=["en"])
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "data") == ["there"]


def _refuse(path: Path, data: bytes) -> int:
    raise OSError(28, "no room on disk")


def test_the_command_writes_the_languages_and_release_it_is_asked_for(data_root: Path, tmp_path: Path) -> None:
    small.write("older", small.tables())
    small.write("newer", small.tables())
    asked = ["atlas", str(tmp_path / "site"), "--release", "older", "--lang", "ru"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "site").iterdir()) == ["briefs", "index.html", "ru"]
    assert {p.name[-7:] for p in (tmp_path / "site/briefs").iterdir()} == {"-ru.pdf"}
    found = pages(tmp_path / "site")
    check_links(tmp_path / "site", found)
    assert "older" in found["ru/index.html"].all("footer")[0].text
    assert not [a for a in found["ru/index.html"].all("a") if "hreflang" in a.attributes]
    unknown = CliRunner().invoke(main, ["atlas", str(tmp_path / "other"), "--release", "none"])
    assert unknown.exit_code == 1
    assert not (tmp_path / "other").exists()


def test_figures_on_a_country_page_are_those_of_the_mart(made: small.Made, site_pages: dict[str, Node]) -> None:
    for lang in ("en", "ru"):
        w = words(lang)  # type: ignore[arg-type]
        for iso3 in catalog().focus():
            shown = table(site_pages[f"{lang}/country-{iso3.lower()}.html"], "ranking")
            for line, cell in zip(shown, made.cells(iso3), strict=True):
                assert cell[f"chain_{lang}"] == line[1]
                if cell["potential"] is None:
                    assert (line[0], line[2]) == (w.say("unranked"), w.say("unknown"))
                    continue
                ends = w.language.range(cell["potential_p05"], cell["potential_p95"], 1)
                assert line[2] == f"{w.points(cell['potential'])} {ends}"
                assert line[0].split()[0] == str(cell["rank_country"])
                assert line[6] == cell["grade"]


def test_figures_on_a_chain_page_are_those_of_the_mart(made: small.Made, site_pages: dict[str, Node]) -> None:
    w, focus = words("ru"), list(catalog().focus())
    page = site_pages["ru/chain-dairy.html"]
    shown = {line[0]: line[1:] for line in table(page, "side")}
    cells = [next(c for c in made.cells(iso3) if c["chain"] == "dairy") for iso3 in sorted(focus)]
    assert shown[f"{w.column('exports_usd')} {w.unit('USD')}"] == [w.money(c["exports_usd"]) for c in cells]
    assert shown[f"{w.column('ssr')} %"] == [w.share(c["ssr"]) for c in cells]
    assert shown[f"{w.column('c_mir')} %"] == [w.say("unknown")] * 4
    lines = table(page, "indicators")
    held = [
        next(
            i
            for i in made.rows["mart_baseline_indicators"]
            if (i["baseline_id"], i["iso3"], i["chain"], i["indicator"]) == ("Bcurrent", c["iso3"], "dairy", "plq")
        )
        for c in cells
    ]
    assert lines[0][4:] == [f(i) for i in held for f in (_raw, _score, _weight)]
    assert lines[1][5] == w.reason("no_oblast_data")


def _raw(line: small.Row) -> str:
    return words("ru").raw(line["raw_value"])


def _score(line: small.Row) -> str:
    return words("ru").points(line["score"])


def _weight(line: small.Row) -> str:
    return words("ru").number(line["effective_weight"], 3)


def test_marks_on_the_map_stand_where_their_scores_are(made: small.Made, site_pages: dict[str, Node]) -> None:
    drawing = next(s for s in site_pages["en/country-kaz.html"].all("svg") if {"map", "wide"} <= s.classes)
    cells = {f"chain-{c['chain']}.html": c for c in made.cells("KAZ") if c["potential"] is not None}
    marks = {a.attributes["href"]: a for a in drawing.all("a")}
    assert set(marks) == set(cells)
    order = sorted(cells, key=lambda href: cells[href]["position"])
    grades = {"A": "circle", "B": "rect", "C": "path", "D": "path"}
    places = []
    for href in order:
        (shape,) = [n for n in marks[href].walk() if "shape" in n.classes]
        assert shape.name == grades[cells[href]["grade"]]
        assert cells[href]["quadrant"] in marks[href].classes
        line = [n for n in marks[href].all("line") if "whisker" in n.classes][1]
        places.append(float(line.attributes["x1"]))
    assert places == sorted(places)
    note = site_pages["en/country-kaz.html"].text
    assert words("en").say("frozen_note", frozen="B2018_2020@v1") in note
    assert "(1 of 23 here)" in note


def test_a_chain_without_a_score_is_named_beside_the_map(site_pages: dict[str, Node]) -> None:
    page = site_pages["en/country-tjk.html"]
    assert words("en").say("map_missing", chains="Silk") in page.text
    assert "chain-silk.html" not in {a.attributes["href"] for svg in page.all("svg") for a in svg.all("a")}


def test_the_glossary_explains_every_column_of_every_download(made: small.Made, site_pages: dict[str, Node]) -> None:
    for lang in ("en", "ru"):
        entries = {
            tr.attributes.get("id", "").partition(".")[2] for tr in site_pages[f"{lang}/glossary.html"].all("tr")
        }
        for path in sorted((made.folder / lang / "data").glob("*.csv")):
            header = path.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
            assert set(header) - {"release", "label"} <= entries, path.name


def test_limits_partners_and_environment_are_those_of_the_marts(made: small.Made, site_pages: dict[str, Node]) -> None:
    w = words("ru")
    limits = table(site_pages["ru/chain-dairy.html"], "limits", 4)
    assert limits[0] == ["Рынки", "12,5", "Логистика: Почему так"]
    assert [line[0] for line in limits] == ["Рынки", *(f"Предел {n}" for n in range(1, 5)), "Разрыв"]
    page = site_pages["ru/country-kgz.html"]
    held = [m for m in made.rows["mart_market_ease"] if (m["iso3"], m["baseline_id"]) == ("KGZ", "Bcurrent")]
    sold = sorted((m for m in held if m["exports_usd"]), key=lambda m: -m["exports_usd"])
    assert [line[1] for line in table(page, "partners")] == [w.thousands(m["exports_usd"]) for m in sold]
    credit, quality = table(page, "firms")
    assert (credit[0], credit[2:]) == ("Кредит", ["%", "2023", "31,25", "Взрослые"])
    assert quality == [
        "Качество",
        *([w.say("unknown"), "%"] + [w.say("unknown")] * 2),
        f"Взрослые ({w.reason('no_source')})",
    ]


def test_the_page_of_quality_counts_what_the_release_says(made: small.Made, site_pages: dict[str, Node]) -> None:
    page, w = site_pages["en/quality.html"], words("en")
    grades = {line[0]: line[1:] for line in table(page, "grades")}
    for country in catalog().focus():
        held = [cell["grade"] for cell in made.cells(country)]
        assert grades[catalog().countries[country].name.en] == [str(held.count(g)) for g in "ABCD"]
    shares = {line[0]: line[1:] for line in table(page, "shares")}
    known = [c["coverage"] for c in made.cells("KAZ") if c.get("coverage") is not None]
    ends = (w.share(min(known)), w.share(max(known)))
    assert shares[w.column("coverage")][0] == w.language.numbers.range.format(low=ends[0], high=ends[1])
    assert shares[w.column("c_mir")] == [w.say("unknown")] * 4
    assert table(page, "gaps") == [[w.part("p1"), w.reason("too_few_indicators"), "0", "0", "1", "0"]]
    assert table(page, "rules") == [["Value chains dim_chain", "a_rule", ""]]
    assert table(page, "ages") == [["BACI", "1", "2026-09-01", "unknown", "365", "2024"]]


def test_sources_are_those_of_the_release(made: small.Made, site_pages: dict[str, Node]) -> None:
    (line,) = table(site_pages["en/sources.html"], "provenance")
    (held,) = made.rows["mart_provenance"]
    assert (held["vintage_id"] in line[2], line[3], line[4]) == (True, "2026-09-01", "2012–2024")
    assert (line[5:8], held["attribution"] in line[8]) == (["10", "1", "2"], True)
    assert "a_rule" in site_pages["en/sources.html"].text
