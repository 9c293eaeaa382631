"""SDMX-CSV 2.0 of the indicator and baseline marts, with an SDMX-ML 3.0 message of their structure.

For statistical offices, whose tools read SDMX. Figures are those of the marts, in rows: one value with its dimensions,
unit and status, in the order of the mart. A missing value is NaN with status O. Which rows and columns go in is
declared in the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agrocluster.release.documents.folder import Folder, labelled, quoted
from agrocluster.release.documents.plan import Dataflow, plan
from agrocluster.release.documents.sdmx_structure import MEASURE, MISSING, NORMAL, code, structure, urn


def write(folder: Folder) -> None:
    """Write ``sdmx/<dataflow>.csv`` for every dataflow whose marts are in the release, and ``sdmx/structure.xml``."""
    flows = [flow for flow in plan().sdmx.dataflows if _held(folder, flow)]
    for flow in flows:
        name = f"sdmx/{flow.id}.csv"
        folder.con.execute(f"COPY ({_query(folder, flow)}) TO {quoted(str(folder.file(name)))} (FORMAT csv, HEADER)")
        folder.note(name, labelled(folder.manifest, f"{flow.title.en}, SDMX-CSV 2.0"), "application/vnd.sdmx.data+csv")
    if flows:
        message = structure(folder, flows).encode()
        folder.add("sdmx/structure.xml", message, "Structure of the SDMX files, SDMX-ML 3.0", "application/xml")


def _held(folder: Folder, flow: Dataflow) -> bool:
    lists = {codelist.id: codelist.mart for codelist in plan().sdmx.codelists}
    needed = {lists[dimension.codelist] for dimension in flow.dimensions if dimension.codelist}
    return {flow.mart, *needed} <= set(folder.marts)


def _query(folder: Folder, flow: Dataflow) -> str:
    """The columns of the standard over the rows of the mart; a mart with measures gives a row for each."""
    values = dict(_values(folder.marts[flow.mart], flow))
    inner = [f"{d.value if d.id == 'TIME_PERIOD' else code(d.value)} AS {d.id}" for d in flow.dimensions]
    inner += [f"{expression} AS {name}" for name, expression in values.items()]
    inner += [f"{attribute.value} AS {attribute.id}" for attribute in flow.attributes]
    shown = [dimension.id for dimension in flow.dimensions if dimension.id != "TIME_PERIOD"]
    shown += [MEASURE] if flow.measures else []
    shown += ["TIME_PERIOD", "coalesce(OBS_VALUE::VARCHAR, 'NaN') AS OBS_VALUE", "UNIT_MEASURE"]
    shown += [f"CASE WHEN OBS_VALUE IS NULL THEN '{MISSING}' ELSE '{NORMAL}' END AS OBS_STATUS"]
    shown += [name for name in ("LOWER_BOUND", "UPPER_BOUND") if name in values]
    shown += [attribute.id for attribute in flow.attributes]
    release = labelled(folder.manifest, f"agrocluster {folder.manifest['release']}")
    return (
        f"SELECT 'dataflow' AS STRUCTURE, {quoted(urn(folder, flow))} AS STRUCTURE_ID, 'I' AS ACTION, "
        f"{', '.join(shown)}, {quoted(release)} AS COMMENT_DSET FROM (SELECT row_at, {', '.join(inner)} "
        f'FROM (SELECT *, row_number() OVER () AS row_at FROM "{flow.mart}") AS m WHERE {flow.where}) '
        f"ORDER BY row_at{', measure_at' if flow.measures else ''}"
    )


def _values(mart: dict[str, Any], flow: Dataflow) -> Iterator[tuple[str, str]]:
    """Column and SQL expression of the value, its unit and interval; with measures each unfolds a list."""
    if not flow.measures:
        yield "OBS_VALUE", str(flow.value)
        yield "UNIT_MEASURE", str(flow.unit)
        return
    units = {column["name"]: column["unit"] or "" for column in mart["columns"]}
    yield "measure_at", f"unnest(range({len(flow.measures)}))"
    yield MEASURE, _each(quoted(measure.column.upper()) for measure in flow.measures)
    yield "OBS_VALUE", _each(f"{measure.column}::DOUBLE" for measure in flow.measures)
    yield "UNIT_MEASURE", _each(measure.unit or quoted(units[measure.column]) for measure in flow.measures)
    if any(measure.lower for measure in flow.measures):
        yield "LOWER_BOUND", _each(f"{measure.lower or 'NULL'}::DOUBLE" for measure in flow.measures)
        yield "UPPER_BOUND", _each(f"{measure.upper or 'NULL'}::DOUBLE" for measure in flow.measures)


def _each(expressions: Iterable[str]) -> str:
    return f"unnest([{', '.join(expressions)}])"
