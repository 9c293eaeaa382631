"""A small release for the atlas: all chains in the four countries, figures from a seed, written as publishing does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from agrocluster.atlas import site
from agrocluster.atlas.content import READ, read
from agrocluster.explain.language import LANGUAGES, Lang
from agrocluster.model.loader import ROOT, catalog
from agrocluster.release import publish
from agrocluster.storage import atomic
from agrocluster.storage.parquet import arrow_schema
from agrocluster.storage.paths import layout

Row = dict[str, Any]
BASELINES = (("B2018_2020", 2018, 2020, True), ("Bcurrent", 2022, 2024, False))
MARKETS = ("CHN", "RUS", "TUR", "POL", "DEU", "IND", "IRN", "ARE", "FRA", "ITA")
MEDIANS = (47.0, 44.0)
STAGES = ("input", "primary", "processed", "final")
RESTRICTED = ("mart_trade_cell", "mart_practitioner_overlay")
SHUT = "comtrade"
"""A publisher whose rows may not be handed on."""
UNSCORED = ("TJK", "silk")
"""A cell without scores."""
SILENT = ("UZB", 2019)
"""A country and year without reported exports."""


class Made(NamedTuple):
    """The rows a release was made of, and the folder of its atlas."""

    rows: dict[str, list[Row]]
    folder: Path

    def cells(self, iso3: str) -> list[Row]:
        """Cells of a country in the current window, by rank."""
        held = [c for c in self.rows["mart_cluster_baseline"] if (c["iso3"], c["baseline_id"]) == (iso3, "Bcurrent")]
        return sorted(held, key=lambda c: (c.get("rank_country") or 99, c["chain"]))


@cache
def chains() -> tuple[dict[str, str], ...]:
    return tuple(yaml.safe_load((ROOT / "value_chains" / "chains.yaml").read_text(encoding="utf-8")))


def tables() -> dict[str, list[Row]]:
    """Rows of every mart the atlas reads; columns that are left out are null."""
    focus = catalog().focus()
    rng = np.random.default_rng(7)
    made: dict[str, list[Row]] = {name: [] for name in (*READ, "method_parameters", *RESTRICTED)}
    made["method_parameters"] = [{"name": "trade_variant", "value": "baci"}]
    made["dim_baseline"] = [
        {"baseline_id": b, "first_year": first, "last_year": last, "name_en": b, "name_ru": b, "is_reference": ref}
        for b, first, last, ref in BASELINES
    ]
    made["dim_country"] = [
        {"iso3": c.iso3, "name_en": c.name.en, "name_ru": c.name.ru, "focus": c.focus}
        for c in catalog().countries.values()
    ]
    made["dim_chain"] = [
        {"chain": c["chain"], "chain_en": c["en"], "chain_ru": c["ru"], "essence_en": "essence", "essence_ru": "суть"}
        for c in chains()
    ]
    made["mart_provenance"] = [
        {"source": "cepii", "dataset": "baci_hs12", "title": "BACI", "vintage_id": "cepii__baci_hs12@1", "stamp": "1"}
        | {"retrieved_at": "2026-09-01T06:00:00Z", "first_year": 2012, "last_year": 2024, "rows": 10}
        | {"rows_excluded": 1, "rows_quarantined": 2, "licence": "etalab-2.0", "attribution": "Source: CEPII."}
    ]
    for baseline, first, last, _ in BASELINES:
        for iso3 in focus:
            cells = [_cell(rng, iso3, c["chain"]) for c in chains()]
            scored = sorted((c for c in cells if c["potential"] is not None), key=lambda c: -c["potential"])
            for n, cell in enumerate(scored, 1):
                cell |= {"rank_country": n, "rank_p05": max(1, n - 2), "rank_p95": min(len(scored), n + 3)}
            for cell in cells:
                window = {"baseline_id": baseline, "first_year": first, "last_year": last}
                made["mart_cluster_baseline"].append(cell | window)
                made["mart_baseline_scores"].append(_scores(cell) | window)
                made["mart_baseline_indicators"] += [line | window for line in _indicators(rng, cell)]
                made["mart_chain_jobs"].append(
                    {"iso3": iso3, "chain": cell["chain"], "jobs_confidence": 0.3, "reason": ""} | window
                )
                made["mart_export_potential_chain"] += [line | window for line in _markets(rng, cell)]
                made["mart_lifecycle_support"] += [line | window for line in _support(cell)]
            made["mart_market_ease"] += [{"iso3": iso3, "baseline_id": baseline, **line} for line in _partners(rng)]
            made["mart_lifecycle_mobilisation"] += [line | window for line in _firms(rng, iso3)]
    for iso3 in focus:
        for chain in (c["chain"] for c in chains()):
            made["mart_chain_trade"] += _trade(rng, iso3, chain)
            made["mart_cluster_progress"].append(_progress(rng, iso3, chain))
    return made


def write(name: str, made: Mapping[str, list[Row]], data_mode: str = "sample") -> Row:
    """Publish ``made`` as release ``name``; returns its manifest."""
    folder = layout().releases / name
    folder.mkdir(parents=True)
    marts = []
    for mart, rows in made.items():
        schema = pa.schema([f.with_nullable(True) for f in arrow_schema(catalog().marts[mart])])
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"{mart}.parquet")
        marts.append(publish._mart(folder, mart, ["a_rule"] if mart == "dim_chain" else []))
    label = publish.SAMPLE_LABEL if data_mode == "sample" else ""
    manifest = {"release": name, "data_mode": data_mode, "label": label, "marts": marts}
    atomic.write_json(folder / "manifest.json", manifest)
    atomic.write_json(layout().latest, {"release": name, "data_mode": data_mode})
    return manifest


def atlas(folder: Path, languages: Sequence[Lang] = LANGUAGES) -> site.Written:
    """The pages of the current release in ``folder``, without briefs, which take longer than all pages."""
    return site.write(folder, read(), languages)


def _cell(rng: np.random.Generator, iso3: str, chain: str) -> Row:
    country, about = catalog().countries[iso3], next(c for c in chains() if c["chain"] == chain)
    row: Row = {"iso3": iso3, "chain": chain, "focus": True, "panel": True, "index_version": "v1", "caveats": None}
    row |= {
        "country_en": country.name.en,
        "country_ru": country.name.ru,
        "chain_en": about["en"],
        "chain_ru": about["ru"],
    }
    row |= {"explain_en": f"Said of {iso3} {chain}.", "explain_ru": f"Сказано о {iso3} {chain}.", "reasons": ""}
    row |= {
        "policy_klaster_flag": False,
        "reexport_flag": "",
        "territory_unknown": False,
        "grade": "ABCD"[rng.integers(4)],
    }
    if (iso3, chain) == UNSCORED:
        return row | {
            "potential": None,
            "grade": None,
            "reasons": "p1:too_few_indicators",
            "bottleneck": "too_few_stages",
        }
    position, headroom = rng.uniform(12, 75, 2)
    scores = {"position": position, "headroom": headroom, "potential": float(np.sqrt(position * headroom))}
    for score, value in scores.items():
        row |= {score: value, f"{score}_p05": value - rng.uniform(1, 6), f"{score}_p95": value + rng.uniform(1, 9)}
    stages = dict(zip(("input", "primary", "processed", "final", "market"), rng.uniform(1, 99, 5), strict=True))
    tight = min(stages, key=lambda stage: stages[stage])
    row |= {f"b_{stage}": value for stage, value in stages.items()} | {"bottleneck": tight, "bottleneck_margin": 6.0}
    row |= dict(zip(("p1", "p2", "p3", "h1", "h2", "h3", "h4"), rng.uniform(1, 100, 7), strict=True))
    row |= dict(
        zip(
            ("c_cov", "c_src", "c_time", "confidence", "coverage", "p_build", "p_top3"),
            rng.uniform(0, 1, 7),
            strict=True,
        )
    )
    row |= {
        "exports_usd": rng.lognormal(16, 2),
        "untapped_usd": rng.lognormal(16, 2),
        "realised_share": rng.uniform(0, 1),
    }
    row |= {"largest_market": "CHN", "share_largest": rng.uniform(0, 1), "ssr": rng.uniform(0, 2)}
    row |= {"jobs_low": rng.uniform(100, 900), "jobs_high": rng.uniform(1000, 9000), "typology": "trader"}
    quadrant = {(True, True): "build", (True, False): "defend", (False, True): "prepare", (False, False): "leave"}
    return row | {"quadrant": quadrant[position >= MEDIANS[0], headroom >= MEDIANS[1]], "rank_chain": 2}


def _scores(cell: Row) -> Row:
    """Common scores on the same side of the medians as the published ones, but for dairy."""
    kept = {name: cell[name] for name in ("iso3", "chain", "focus")}
    kept |= {name: cell.get(name) for name in ("position", "headroom")}
    shift = 0.0 if cell["chain"] != "dairy" else 100.0
    common = {f"{n}_common": None if kept[n] is None else abs(kept[n] - shift) for n in ("position", "headroom")}
    return kept | common | {"median_position": MEDIANS[0], "median_headroom": MEDIANS[1]}


def _indicators(rng: np.random.Generator, cell: Row) -> list[Row]:
    key = {"iso3": cell["iso3"], "chain": cell["chain"], "focus": True, "goalpost_id": "v1-abc", "nominal_weight": 0.25}
    known = {
        "indicator": "plq",
        "pillar": "p1",
        "sub_index": "position",
        "name_en": "Quotient",
        "name_ru": "Коэффициент",
    }
    known |= {
        "raw_value": rng.uniform(0, 5),
        "unit": "ratio",
        "score": rng.uniform(1, 100),
        "effective_weight": 0.25,
        "reason": "",
    }
    missing = {"indicator": "stars", "pillar": "p4", "sub_index": "position", "name_en": "Stars", "name_ru": "Звёзды"}
    missing |= {"unit": "stars", "effective_weight": 0.0, "reason": "no_oblast_data"}
    return [key | known, key | missing]


def _markets(rng: np.random.Generator, cell: Row) -> list[Row]:
    key = {"iso3": cell["iso3"], "chain": cell["chain"]}
    rows = [
        {"market": m, "actual_usd": rng.lognormal(14, 1), "epi_usd": rng.lognormal(14, 1)}
        | {"untapped_usd": rng.lognormal(13, 1), "realised_share": rng.uniform(0, 1)}
        for m in MARKETS
    ]
    total = {n: sum(row[n] for row in rows) for n in ("actual_usd", "epi_usd", "untapped_usd")}
    return [key | row for row in (*rows, {"market": "WLD", "realised_share": 0.5, **total})]


def _partners(rng: np.random.Generator) -> list[Row]:
    """Every market with exports but the last, which buys nothing."""
    rows = [
        {"market": m, "first_year": 2020, "last_year": 2024, "exports_usd": rng.lognormal(16, 1), "epi_usd": 5e6}
        | {"untapped_usd": 2e6, "realised_share": 0.5, "ease": 1.25, "distance_km": rng.uniform(500, 5000)}
        for m in MARKETS
    ]
    rows[-1] |= {"exports_usd": 0.0, "ease": None}
    return rows


def _support(cell: Row) -> list[Row]:
    """The bottleneck, four costly indicators of which three are shown, and a gap of the country."""
    key = {"iso3": cell["iso3"], "chain": cell["chain"], "reason": "", "needed": True, "support": "logistics"}
    key |= {"support_en": "Logistics", "support_ru": "Логистика", "why_en": "Why so", "why_ru": "Почему так"}
    rows = [
        {"cause": "indicator", "place": n, "item": f"i{n}", "name_en": f"Limit {n}", "name_ru": f"Предел {n}"}
        | {"score": 30.0 + n, "loss": 9.0 - n}
        for n in range(1, 5)
    ]
    rows.append(
        {"cause": "stage", "place": 1, "item": "market", "name_en": "Markets", "name_ru": "Рынки", "score": 12.5}
    )
    rows.append(
        {"cause": "country", "place": 1, "item": "finance", "name_en": "Gap", "name_ru": "Разрыв", "score": 9.0}
    )
    return [key | row for row in rows]


def _firms(rng: np.random.Generator, iso3: str) -> list[Row]:
    """Two indicators of the environment, one of them unknown, and one of a publisher whose rows stay in the house."""
    key = {
        "iso3": iso3,
        "topic": "finance",
        "scope": "adults",
        "reason": "",
        "note_en": "Adults",
        "note_ru": "Взрослые",
    }
    named = [
        ("IC.FRM.FIN.FIN16", "Credit", "Кредит"),
        ("IC.FRM.INNOV.T1", "Quality", "Качество"),
        ("shut", "Shut", "Нет"),
    ]
    rows = [
        key | {"position": n, "indicator": code, "name_en": en, "name_ru": ru, "unit": "%", "source": "worldbank"}
        for n, (code, en, ru) in enumerate(named, 1)
    ]
    rows[0] |= {"value": rng.uniform(5, 60), "value_year": 2023, "peer_median": 31.25}
    rows[1] |= {"source": None, "reason": "no_source"}
    rows[2] |= {"value": 1.0, "value_year": 2023, "source": SHUT}
    return rows


def _trade(rng: np.random.Generator, iso3: str, chain: str) -> list[Row]:
    return [
        {"iso3": iso3, "chain": chain, "stage": stage, "year": year, "focus": True}
        | {"exports_usd": None if (iso3, year) == SILENT else rng.lognormal(15, 1)}
        for stage in (*STAGES, "total")
        for year in range(2012, 2025)
    ]


def _progress(rng: np.random.Generator, iso3: str, chain: str) -> Row:
    row = {"baseline_id": "B2018_2020", "followup_id": "Bcurrent", "iso3": iso3, "chain": chain}
    row |= {"frozen_id": "B2018_2020@v1"}
    return row | {"s_baseline": 40.0, "d_real": rng.uniform(-9, 9), "mdc": 5.0, "verdict": "no_detectable_change"}
