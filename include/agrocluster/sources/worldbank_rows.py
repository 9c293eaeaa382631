"""From pages of the World Bank API to staged indicator rows.

Rows of aggregates (regions, income groups), rows without a value and rows that are not annual are left out and
counted by reason. An economy that neither the catalogue nor the mapping file knows stops the reading: a new
economy must be classified by a person, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from agrocluster.errors import SourceContractError
from agrocluster.model.fetching import RawFile, StageLog
from agrocluster.model.loader import catalog, read_csv
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources import worldbank_api as api

MAPPING = "worldbank_aggregates.csv"
COLUMNS = ("iso3", "year", "indicator", "value", "unit", "flag")

_LABEL = pa.struct([("id", pa.string()), ("value", pa.string())])
_RAW = pa.schema(
    [
        ("indicator", _LABEL),
        ("country", _LABEL),
        ("countryiso3code", pa.string()),
        ("date", pa.string()),
        ("value", pa.float64()),
        ("obs_status", pa.string()),
    ]
)


def read_worldbank_json(path: Path, file: RawFile, spec: DatasetSpec, log: StageLog) -> Iterator[pa.RecordBatch]:
    """Rows of one page with the columns ``COLUMNS``; indicator codes in the catalogue's spelling.

    Raises SourceContractError for a damaged page, a missing field or an unknown economy.
    """
    if left_out := file.details.get("left_out"):
        log.notes.setdefault("not_served", {}).update(left_out)
    answer = api.parse(path.read_text(encoding="utf-8-sig"))
    if "message" in answer[0]:
        raise SourceContractError(
            f"{file.name} holds a message of the service and no data: {answer[0]['message']}.",
            source=spec.source,
            dataset=spec.dataset,
            remedy="Download the file again.",
        )
    raw = _table(api.rows_of(answer), file, spec)
    if raw.num_rows:
        yield from stage_rows(flatten(raw), spec, log).to_batches()


def stage_rows(raw: pa.Table, spec: DatasetSpec, log: StageLog) -> pa.Table:
    """Staged rows from a flat table with the text columns economy, economy2, name, indicator, date, obs_status
    and the number value; shared by every format in which the Bank hands out annual values."""
    places = _resolve(raw, spec)
    raw = raw.append_column("iso3", places["iso3"])
    raw = _keep(raw, pc.not_equal(places["kind"], "aggregate"), "aggregate", log)
    raw = _keep(raw, pc.is_valid(raw["iso3"]), "not_an_iso_economy", log)
    raw = _keep(raw, pc.match_substring_regex(raw["date"], r"^\d{4}$"), "not_annual", log)
    codes = pc.index_in(pc.utf8_upper(raw["indicator"]), pa.array([c.upper() for c in _units(spec.id)]))
    raw = raw.append_column("position", codes)
    unknown = pc.unique(raw.filter(pc.is_null(codes))["indicator"]).to_pylist()
    if unknown:
        log.notes.setdefault("indicators_not_in_catalogue", []).extend(unknown)
    raw = _keep(raw, pc.is_valid(raw["position"]), "indicator_not_in_catalogue", log)
    raw = _keep(raw, pc.is_valid(raw["value"]), "no_value", log)
    catalogue = _units(spec.id)
    return pa.table(
        {
            "iso3": raw["iso3"],
            "year": raw["date"].cast(pa.int16()),
            "indicator": pa.chunked_array([pa.array(catalogue, pa.string())]).take(raw["position"]),
            "value": raw["value"],
            "unit": pa.chunked_array([pa.array(catalogue.values(), pa.string())]).take(raw["position"]),
            "flag": pc.fill_null(raw["obs_status"], ""),
        }
    )


def flatten(raw: pa.Table) -> pa.Table:
    """The API's nested rows as the flat table that ``stage_rows`` reads."""
    return pa.table(
        {
            "economy": raw["countryiso3code"],
            "economy2": pc.struct_field(raw["country"], "id"),
            "name": pc.struct_field(raw["country"], "value"),
            "indicator": pc.struct_field(raw["indicator"], "id"),
            "date": raw["date"],
            "value": raw["value"],
            "obs_status": raw["obs_status"],
        }
    )


def _table(rows: list[dict[str, Any]], file: RawFile, spec: DatasetSpec) -> pa.Table:
    if missing := sorted({"indicator", "country", "date", "value"} - set(rows[0])) if rows else []:
        problem = f"lacks the field(s) {', '.join(missing)}"
    else:
        try:
            return pa.Table.from_pylist(rows, schema=_RAW)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
            problem = f"holds a field of another type than its contract says ({error})"
    raise SourceContractError(
        f"{file.name} {problem}.",
        source=spec.source,
        dataset=spec.dataset,
        remedy="Compare the file with the contract of the API; if the service changed, adapt the reader.",
    )


def _keep(rows: pa.Table, mask: pa.ChunkedArray, reason: str, log: StageLog) -> pa.Table:
    kept = rows.filter(pc.fill_null(mask, fill_value=False))
    log.exclude(reason, rows.num_rows - kept.num_rows)
    return kept


def _resolve(raw: pa.Table, spec: DatasetSpec) -> pa.Table:
    """iso3 and kind of every row's economy, by either of its two codes."""
    known = _places()
    at = [pc.index_in(pc.utf8_upper(raw[name]), known["code"]) for name in ("economy", "economy2")]
    position = pc.coalesce(*at)
    if position.null_count:
        lost = raw.filter(pc.is_null(position)).select(["economy", "economy2", "name"])
        names = lost.group_by(["economy", "economy2", "name"]).aggregate([]).to_pylist()
        listed = ", ".join(
            sorted(f"{n['economy'] or n['economy2'] or '(no code)'} {n['name'] or ''}".strip() for n in names)[:10]
        )
        raise SourceContractError(
            f"Unknown economies: {listed}.",
            source=spec.source,
            dataset=spec.dataset,
            remedy=f"Add a line for each to catalog/mappings/{MAPPING}, or to catalog/countries.csv.",
        )
    return pa.table({name: pa.chunked_array([known[name]]).take(position) for name in ("iso3", "kind")})


@cache
def _places() -> dict[str, pa.Array]:
    """Every code the Bank uses for a place: the catalogue's countries and the mapping file."""
    found: dict[str, tuple[str | None, str]] = {}
    for country in catalog().countries.values():
        for code in (country.iso3, country.iso2, country.wb_code):
            if code:
                found[code] = (country.iso3, "economy")
    for row in read_csv(catalog().root / "mappings" / MAPPING).to_pylist():
        for code in (row["code"], row["code2"]):
            if code:
                found[code] = (row["iso3"] or None, row["kind"])
    return {
        "code": pa.array(found, pa.string()),
        "iso3": pa.array([iso3 for iso3, _ in found.values()], pa.string()),
        "kind": pa.array([kind for _, kind in found.values()], pa.string()),
    }


@cache
def _units(dataset_id: str) -> dict[str, str]:
    """Indicator code -> unit, for the indicators of a dataset."""
    return {i.code: i.unit for i in catalog().indicators.get(dataset_id, ())}
