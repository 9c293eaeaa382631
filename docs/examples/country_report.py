"""Example of a reporting job: a Dag that waits for the baseline mart and writes a report per focus country.

Each release gets a folder of its own with ``<country>.<language>.md`` and ``<country>.csv``, which appears whole or not
at all. What was opened stays one release, whatever is published in the meantime.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, task

BASELINE = Asset("agrocluster://marts/mart_cluster_baseline")
WORDS = {
    "en": {
        "title": "{country}: cluster potential of its value chains, {first}-{last}",
        "header": "chain | potential | 90% interval | rank | quadrant | grade | coverage",
        "unknown": "unknown",
        "source": "Release {release}. Points of 0 to 100. Country figures show potential, not that a cluster exists.",
    },
    "ru": {
        "title": "{country}: кластерный потенциал цепочек, {first}-{last}",
        "header": "цепочка | потенциал | 90% интервал | место | квадрант | оценка | покрытие",
        "unknown": "неизвестно",
        "source": "Выпуск {release}. Баллы от 0 до 100. Данные страны показывают потенциал, а не наличие кластера.",
    },
}


def write_reports() -> str:
    """Report on the current release; returns the folder. Does nothing where it is there already."""
    import agrocluster as ac

    release = ac.open()
    home = Path(os.environ.get("AGROCLUSTER_REPORTS") or "reports").resolve()
    final = home / release.id
    if final.exists():
        return str(final)
    rows = release.sql("""
        SELECT * FROM mart_cluster_baseline WHERE baseline_id = 'Bcurrent' AND focus
        ORDER BY iso3, potential DESC NULLS LAST, chain
    """)
    table = rows.arrow()
    home.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".tmp-", dir=home))
    try:
        for iso3 in sorted(set(table["iso3"].to_pylist())):
            cells = [cell for cell in table.to_pylist() if cell["iso3"] == iso3]
            for lang in WORDS:
                page = report(cells, lang, f"{release.id} {release.label}".rstrip())
                (temporary / f"{iso3}.{lang}.md").write_text(page, encoding="utf-8")
            frame = rows.df()
            mine = frame[frame["iso3"] == iso3].assign(release=release.id, label=release.label)
            mine.to_csv(temporary / f"{iso3}.csv", index=False, encoding="utf-8-sig")
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return str(final)


def report(cells: list[dict[str, Any]], lang: str, release: str) -> str:
    """Markdown of one country's cells, the highest potential first, with the sentence about each scored chain."""
    words, first = WORDS[lang], cells[0]
    title = words["title"].format(country=first[f"country_{lang}"], first=first["first_year"], last=first["last_year"])
    header = words["header"].split(" | ")
    lines = [header, ["---"] * len(header), *(_line(cell, lang) for cell in cells)]
    table = "\n".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |" for line in lines)
    said = [cell[f"explain_{lang}"] for cell in cells if cell["potential"] is not None and cell[f"explain_{lang}"]]
    return "\n\n".join([f"# {title}", words["source"].format(release=release), table, *said]) + "\n"


def _line(cell: dict[str, Any], lang: str) -> list[str]:
    unknown = WORDS[lang]["unknown"]

    def points(name: str) -> str:
        return unknown if cell[name] is None else f"{cell[name]:.1f}"

    interval = f"{points('potential_p05')}-{points('potential_p95')}" if cell["potential_p05"] is not None else unknown
    rank = unknown if cell["rank_country"] is None else str(cell["rank_country"])
    coverage = unknown if cell["coverage"] is None else f"{cell['coverage']:.0%}"
    quadrant = cell[f"quadrant_{lang}"] or cell["quadrant"] or unknown
    return [cell[f"chain_{lang}"], points("potential"), interval, rank, quadrant, cell["grade"] or unknown, coverage]


with DAG(
    "country_report",
    description="Writes a report per focus country whenever the baseline mart was published",
    schedule=[BASELINE],
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags={"tier:example"},
    doc_md=__doc__,
) as dag:
    task(multiple_outputs=False)(write_reports)()
