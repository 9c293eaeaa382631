"""Product space, ECI, PCI, COI and COG of 226 countries and 5,000 products, against the PyPI package ecomplexity 0.5.3.

Both read a Parquet file and give one row per country, product and year. The peer does so in pandas, after a check for
log-supermodularity that can be switched off; it never returns proximities, so a design of ours does and one does not.
"""

from __future__ import annotations

import time

BEGAN = time.time()

from collections.abc import Callable  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.measure import Result, child, compare  # noqa: E402

PEER = "ecomplexity: one year"
UNCHECKED = "ecomplexity: one year, log-supermodularity not checked"
PEER_TWO = "ecomplexity: two years"
PEER_FUNCTION = "ecomplexity: the function, after imports and reading"
FUNCTION = "agrocluster: the function, after imports and reading"
SPACE = "agrocluster: one year, with the matrix of proximities"


def _ours(years: int) -> str:
    return f"agrocluster: {years} year" + ("s" if years > 1 else "")


YEARS = (1, 3, 10)
COUNTRIES, PRODUCTS = 226, 5000


def _exports(folder: Path, years: int) -> Path:
    return folder / f"exports_{COUNTRIES}_{PRODUCTS}_{years}.parquet"


def _generate(folder: Path, years: int) -> None:
    """Exports by country, product and year, a third of the cells filled, each year drawn anew."""
    import duckdb

    target = _exports(folder, years)
    if target.exists():
        return
    temporary = target.with_suffix(".part")
    duckdb.execute(
        f"""
        COPY (
          WITH c AS (SELECT range AS c, exp(1 + 8.0 * (hash(range) % 997) / 997) AS size FROM range({COUNTRIES})),
          k AS (SELECT range AS k, exp(6.0 * (hash(range * 31) % 991) / 991) AS trade FROM range({PRODUCTS})),
          cells AS (SELECT 2000 + y AS year, c, k, size * trade AS usual, hash(y * 7919 + c * 104729 + k * 13) AS h
                    FROM range({years}) t(y), c, k)
          SELECT year::INTEGER AS year, printf('C%03d', c) AS country, printf('%06d', k * 197 % 999983) AS product,
            usual * exp(6.0 * (h // 1000 % 100003) / 100003) AS value
          FROM cells WHERE h % 100 < 35 ORDER BY year, country, product
        ) TO '{temporary}' (FORMAT parquet)
        """
    )
    temporary.replace(target)


def _peer(years: int, folder: Path, *, check: bool = True) -> float:
    import pandas as pd
    from ecomplexity import ecomplexity

    frame = pd.read_parquet(_exports(folder, years))
    columns = {"time": "year", "loc": "country", "prod": "product", "val": "value"}
    began = time.time()
    ecomplexity(frame, columns, check_logsupermodularity=check, verbose=False)
    return time.time() - began


def _table(years: int, folder: Path) -> None:
    from agrocluster.measures.complexity_table import complexity_table

    complexity_table(_exports(folder, years))


def _function(folder: Path) -> float:
    import pyarrow.parquet as pq

    from agrocluster.measures.complexity_table import complexity_table

    table = pq.read_table(_exports(folder, 1))
    began = time.time()
    complexity_table(table)
    return time.time() - began


def _space(folder: Path) -> None:
    from agrocluster.measures.complexity_table import complexity_table
    from agrocluster.measures.product_space import ProductSpace

    table = complexity_table(_exports(folder, 1)).table
    rows = len(table["country"].combine_chunks().dictionary)
    ProductSpace(table["m"].to_numpy().reshape(rows, -1)).proximity()


def _whole(design: Callable[[Path], float]) -> Callable[[Path], None]:
    def run_it(folder: Path) -> None:
        design(folder)

    return run_it


DESIGNS: dict[str, Callable[[Path], object]] = {
    PEER: _whole(partial(_peer, 1)),
    UNCHECKED: _whole(partial(_peer, 1, check=False)),
    PEER_TWO: _whole(partial(_peer, 2)),
    PEER_FUNCTION: partial(_peer, 1),
    FUNCTION: _function,
    SPACE: _space,
    **{_ours(years): partial(_table, years) for years in YEARS},
}


def run(folder: Path, repetitions: int) -> tuple[list[Result], list[Result]]:
    """Whole processes, and the functions alone. The peer takes most of a minute, so it runs twice at most."""
    for years in (*YEARS, 2):
        _generate(folder, years)
    slow, fast = [PEER, UNCHECKED, PEER_TWO], [_ours(years) for years in YEARS] + [SPACE]
    whole = compare("benchmarks.complexity", folder, slow + fast, min(repetitions, 2))
    alone = compare("benchmarks.complexity", folder, [PEER_FUNCTION, FUNCTION], min(repetitions, 2))
    return whole, alone


def ten_years(results: list[Result]) -> str:
    """The peer's ten years by its one and two, over our measured ten; and what a further year costs."""
    seconds = {result.name: result.seconds for result in results}
    peer = seconds[PEER] + 9 * (seconds[PEER_TWO] - seconds[PEER])
    ours, first, third = (seconds[_ours(years)] for years in (10, 1, 3))
    return (
        f"Ten years: {ours:.2f} s against {peer:.0f} s (the peer's, extended from its one and two years): "
        f"{peer / ours:.0f} times faster. A further year costs {(third - first) / 2:.2f} s from one to three "
        f"and {(ours - third) / 7:.2f} s from three to ten.\n"
    )


if __name__ == "__main__":
    child(DESIGNS, BEGAN)
