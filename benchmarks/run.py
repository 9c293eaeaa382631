"""All benchmarks: ``python -m benchmarks.run [--cache FOLDER] [--repetitions 5] [--scale 1.0]``.

Inputs are generated once into the cache folder (default: a temporary one, removed afterwards) and take about
3 GB there, and as much again while a year of customs reports is staged. Every table compares designs measured in
the same run; read the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks import baci, complexity, comtrade, faostat, measures_rca, reading, synthetic, uncertainty, world
from benchmarks.measure import table


def main() -> None:
    """Generate the inputs, run every comparison and print the tables."""
    options = argparse.ArgumentParser(description="Compare ingestion with named peers on synthetic files of real size.")
    options.add_argument("--cache", type=Path, help="folder for the generated inputs")
    options.add_argument("--repetitions", type=int, default=5, help="runs of each design (median is printed)")
    options.add_argument("--scale", type=float, default=1.0, help="share of the full number of rows")
    options.add_argument("--release", action="store_true", help="also a release of thirty years (10 GB, half an hour)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.cache or Path(temporary)
        archive = synthetic.faostat_zip(folder, int(synthetic.FAOSTAT_ROWS * chosen.scale))
        year = synthetic.baci_csv(folder, int(synthetic.BACI_ROWS * chosen.scale))
        rows, areas = faostat.run(archive, chosen.repetitions)
        flows = baci.run(year, chosen.repetitions)
        page = synthetic.comtrade_page(folder, int(synthetic.COMTRADE_ROWS * chosen.scale))
        answers = comtrade.run(page, chosen.repetitions)
        spaces, functions = complexity.run(folder, chosen.repetitions)
        mirrors = comtrade.run_year(folder, chosen.repetitions, int(comtrade.YEAR_ROWS * chosen.scale))
        advantage = measures_rca.run(year, chosen.repetitions, int(synthetic.BILATERAL_ROWS * chosen.scale))
        drawn = uncertainty.run(folder, chosen.repetitions)
        cold, warm, alone = reading.run(folder, chosen.repetitions)
        release = world.run(synthetic.baci_release(folder), 1) if chosen.release else []
    print(f"{os.cpu_count()} processors, medians of {chosen.repetitions} runs, whole processes\n")
    millions = synthetic.FAOSTAT_ROWS * chosen.scale / 1e6
    print(table(f"FAOSTAT zip of {millions:.1f} million rows to staged Parquet, all rows", faostat.ALL_ROWS[0], rows))
    print(table("The same zip, four areas only", faostat.FOUR_AREAS[0], areas))
    millions = synthetic.BACI_ROWS * chosen.scale / 1e6
    print(table(f"BACI year of {millions:.1f} million flows to staged Parquet", baci.PEER, flows))
    title = "Product space, ECI, PCI, COI and COG of 226 countries and 5,000 products"
    print(table(title, complexity.PEER, spaces))
    print(complexity.ten_years(spaces))
    print(table(f"{title}: the function alone", complexity.PEER_FUNCTION, functions))
    records = int(synthetic.COMTRADE_ROWS * chosen.scale)
    print(table(f"UN Comtrade answer of {records:,} records", comtrade.PEER, answers))
    records = int(comtrade.YEAR_ROWS * chosen.scale)
    print(table(f"A year of {records:,} mirror records from a local server", comtrade.YEAR[0], mirrors))
    for years, results in advantage.items():
        millions = synthetic.BILATERAL_ROWS * chosen.scale * years / 1e6
        print(table(f"Specialisation from {millions:.1f} million bilateral rows", measures_rca.PEER, results))
    print(table("Uncertainty of the index: 4 countries x 23 chains", uncertainty.ONE_BY_ONE, drawn))
    print(table("Baseline mart of the latest release in a cold Python", reading.BARE, cold))
    print(table("The same after imports", reading.BARE_AFTER, warm))
    print(f"{alone.name}: {alone.seconds:.2f} s\n")
    if release:
        millions = synthetic.RELEASE_ROWS / 1e6
        print(table(f"BACI release of thirty years, {millions:.0f} million flows (one run)", world.name(1), release))


if __name__ == "__main__":
    main()
