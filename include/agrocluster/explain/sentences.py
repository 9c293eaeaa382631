"""A sentence or two per baseline cell in English and Russian, from the figures and flags of its row alone.

Which clauses a row gets is decided here, how they are worded in ``catalog/explain``. There is no word that judges
and no figure that is not in the row; sample data are called sample in the text itself.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from agrocluster.explain.facts import COLUMNS, PARTS_OF, Facts
from agrocluster.explain.language import LANGUAGES, Language, language
from agrocluster.model.loader import catalog

NAMED_TIES = 3
"""More tied chains than these are counted instead of named, so that a sentence stays one."""


def explain_rows(table: pa.Table, *, sample: bool) -> pa.Table:
    """Sentences about the rows of ``mart_cluster_baseline``.

    Args:
        table: rows with the columns ``facts.COLUMNS``; whole baselines, because "rank 3 of 21" counts the ranked.
        sample: whether the release is made of sample data.

    Returns a table of equal length and order with ``explain_en`` and ``explain_ru`` (string); null where ``focus`` is
    false. Raises KeyError when a column is missing.
    """
    rows = table.select(list(COLUMNS))
    counts = (
        rows.filter(pc.is_valid(rows["rank_country"])).group_by(["baseline_id", "iso3"]).aggregate([("chain", "count")])
    )
    ranked = {(line["baseline_id"], line["iso3"]): line["chain_count"] for line in counts.to_pylist()}
    facts = [
        Facts(row, ranked.get((row["baseline_id"], row["iso3"]), 0)) if row["focus"] else None
        for row in rows.to_pylist()
    ]
    return pa.table(
        {
            f"explain_{code}": pa.array(
                [None if cell is None else sentence(cell, language(code), sample=sample) for cell in facts], pa.string()
            )
            for code in LANGUAGES
        }
    )


def sentence(cell: Facts, lang: Language, *, sample: bool) -> str:
    """What ``lang`` says about a cell: where it stands, then what it trades and how sure that is."""
    standing = "; ".join(
        [_lead(cell, lang), *_half(cell, lang), *_rank(cell, lang), *_place(cell, lang), _bottleneck(cell, lang)]
    )
    behind = "; ".join([*_trade(cell, lang), _grade(cell, lang), *_notes(cell, lang)])
    first = lang.say("sample", text=standing) if sample else standing
    return f"{_capital(first)}. {_capital(behind)}."


def _lead(cell: Facts, lang: Language) -> str:
    fields = {
        "chain": lang.names.chains[cell["chain"]]["genitive"],
        "in_country": lang.names.countries[cell["iso3"]]["prepositional"],
        "window": _window(cell, lang),
    }
    weak = cell["grade"] == "D"
    if cell["potential"] is None:
        reasons = _reasons(cell.why_none(), lang) or lang.say("reason_unknown")
        return lang.say("unscored_weak" if weak else "unscored", **fields, reasons=reasons)
    fields["potential"] = lang.counted("point", cell["potential"], 1)
    fields["interval"] = _interval(cell, lang, "potential", decimals=1)
    for part in ("position", "headroom"):
        fields[part] = lang.number(cell[part], 1)
    return lang.say("weak" if weak else "scored", **fields)


def _half(cell: Facts, lang: Language) -> list[str]:
    """The sub-index that is known where the other is not."""
    known = [part for part in PARTS_OF if cell["potential"] is None and cell.known(part)]
    return [
        lang.say("known_part", part=lang.words["part"][part], points=lang.counted("point", cell[part], 1))
        for part in known
    ]


def _rank(cell: Facts, lang: Language) -> list[str]:
    if cell["potential"] is None or cell["grade"] == "D":
        return []
    if not cell.known("rank_country"):
        return [lang.say("unranked")]
    rank = lang.say(
        "rank",
        rank=lang.number(cell["rank_country"]),
        of=lang.counted("chain_of", cell.ranked),
        country=lang.names.countries[cell["iso3"]]["genitive"],
        interval=_interval(cell, lang, "rank"),
    )
    return [f"{rank}{lang.numbers.list}{lang.say('tied', chains=_tied(cell.tied, lang))}" if cell.tied else rank]


def _tied(chains: list[str], lang: Language) -> str:
    if len(chains) > NAMED_TIES:
        return lang.counted("chain_with", len(chains))
    names = [lang.names.chains[chain]["nominative"] for chain in chains]
    return lang.counted_as("chains_named", str(len(names)), names=lang.numbers.names.join(names))


def _place(cell: Facts, lang: Language) -> list[str]:
    if cell["potential"] is None:
        return []
    quadrant = cell["quadrant"]
    text = lang.words["quadrant"][quadrant or "none"]
    if quadrant and cell.known(f"p_{quadrant}"):
        text = lang.say("quadrant_chance", quadrant=text, share=lang.percent(cell[f"p_{quadrant}"]))
    said = [text]
    kind = cell["typology"]
    if kind == "import_substitution" and not cell.known("ssr"):
        kind = "import_substitution_unmeasured"
    if kind in lang.words["typology"]:
        ssr = lang.percent(cell["ssr"]) if cell.known("ssr") else ""
        said.append(lang.words["typology"][kind].format(ssr=ssr))
    return said


def _bottleneck(cell: Facts, lang: Language) -> str:
    stage = cell.bottleneck
    if stage is None:
        return lang.say("bottleneck_none" if cell.stages_known > 1 else "bottleneck_unknown")
    if not cell.known(f"b_{stage}", "bottleneck_margin"):
        return lang.say("bottleneck_only", stage=lang.words["stage"][stage])
    return lang.say(
        "bottleneck",
        stage=lang.words["stage"][stage],
        score=lang.counted("point", cell[f"b_{stage}"], 1),
        margin=lang.counted("point", cell["bottleneck_margin"], 1),
    )


def _trade(cell: Facts, lang: Language) -> list[str]:
    exports, untapped = cell["exports_usd"], cell["untapped_usd"]
    said = ["exports_unknown" if exports is None else "exports" if exports > 0 else "exports_none"]
    said = [lang.say(said[0], usd=lang.money(exports or 0))]
    if exports:
        said.append(_market(cell, lang))
    left = "untapped_unknown" if untapped is None else "untapped"
    return [*said, lang.say(left, usd=lang.money(untapped or 0))]


def _market(cell: Facts, lang: Language) -> str:
    code = cell["largest_market"]
    if not code:
        return lang.say("market_unknown")
    known = catalog().countries.get(code)
    name = getattr(known.name, lang.plural) if known else code
    share = cell["share_largest"]
    if share is None:
        return lang.say("market_only", market=name)
    return lang.say("market", market=name, share=lang.percent(share))


def _grade(cell: Facts, lang: Language) -> str:
    if not cell["grade"]:
        return lang.say("grade_unknown")
    if not cell["weakest_part"]:
        return lang.say("grade_only", grade=cell["grade"])
    return lang.say("grade", grade=cell["grade"], part=lang.words["confidence"][cell["weakest_part"]])


def _notes(cell: Facts, lang: Language) -> list[str]:
    said = []
    if cell["grade"] not in ("A", "B") and cell.known("coverage"):
        said.append(lang.say("coverage", share=lang.percent(cell["coverage"])))
    if missing := _reasons(cell.left_out(), lang):
        said.append(lang.say("missing", parts=missing))
    if cell["territory_unknown"]:
        said.append(lang.say("territory"))
    said += [lang.word("reexport", code) for code in (cell["reexport_flag"] or "").split(";") if code]
    said += [lang.word("caveat", code, "caveat_code") for code in cell.caveats]
    return list(dict.fromkeys(said))


def _reasons(parts: list[tuple[str, str]], lang: Language) -> str:
    return lang.listed(
        [
            lang.word("reason", reason)
            if part == reason
            else lang.say("part", part=lang.word("part", part), reason=lang.word("reason", reason))
            for part, reason in parts
        ]
    )


def _window(cell: Facts, lang: Language) -> str:
    first, last = cell["first_year"], cell["last_year"]
    if first is None or last is None:
        return lang.say("no_window")
    return lang.say("year" if first == last else "years", first=str(first), last=str(last))


def _interval(cell: Facts, lang: Language, figure: str, decimals: int = 0) -> str:
    low, high = f"{figure}_p05", f"{figure}_p95"
    if not cell.known(low, high):
        return lang.say("no_interval")
    return lang.say("interval", range=lang.range(cell[low], cell[high], decimals))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
