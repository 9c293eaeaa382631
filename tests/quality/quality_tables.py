"""A small contract and rows that keep it, shared by the tests of quality and of the Parquet writer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from agrocluster.model.specs import Rule, TableContract


def contract(*rules: dict[str, Any], **changes: Any) -> TableContract:
    """A contract of yields per country, crop and year, with ``rules`` and with fields replaced by ``changes``."""
    label = {"en": "a label", "ru": "подпись"}
    columns = [
        {"name": "iso3", "type": "string", "nullable": False, "text": label},
        {"name": "crop", "type": "string", "nullable": False, "text": label},
        {"name": "year", "type": "int16", "nullable": False, "text": label},
        {"name": "value", "type": "float64", "unit": "kg/ha", "text": {"en": "Yield", "ru": "Урожайность"}},
        {"name": "reports", "type": "int32", "text": label},
    ]
    fields = {
        "name": "yields",
        "version": "1.2.0",
        "title": label,
        "description": label,
        "key": ["iso3", "crop", "year"],
        "sort": ["iso3", "crop", "year"],
        "columns": columns,
        "rules": [rule(**given) for given in rules],
    }
    return TableContract.model_validate(fields | changes)


def rule(**given: Any) -> Rule:
    """A rule with a reason, critical unless said otherwise."""
    return Rule.model_validate({"severity": "critical", "reason": "A reason that people read.", **given})


def rows(**replaced: Any) -> pa.Table:
    """Four rows in the contract's order; columns may be replaced."""
    columns: dict[str, Any] = {
        "iso3": ["KAZ", "KAZ", "TJK", "UZB"],
        "crop": ["wheat", "wheat", "wheat", "cotton"],
        "year": [2020, 2021, 2021, 2021],
        "value": [1200.0, 1100.5, None, 2600.0],
        "reports": [3, None, 1, 2],
    }
    return pa.table(columns | replaced)


def many(n: int) -> pa.Table:
    """``n`` rows sorted by the contract's key, some values missing."""
    at = np.arange(n)
    value = pa.array(np.sin(at) * 1000, mask=at % 7 == 0)
    countries = pa.array(np.array(["KAZ", "TJK", "UZB"])[at * 3 // max(n, 1)])
    crops = pa.array([f"crop {i:06d}" for i in at // 40])
    table = {"iso3": countries, "crop": crops, "year": 1980 + at % 40, "value": value, "reports": at}
    return pa.table(table).sort_by([(name, "ascending") for name in contract().sort])
