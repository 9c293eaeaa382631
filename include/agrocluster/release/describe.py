"""What lies beside the marts of a release so that people and tools understand them.

``marts.sql`` (DuckDB views with a comment on every column), ``dictionary.csv`` (all columns, English and
Russian), ``datapackage.json`` (Frictionless) and ``README.txt``. All are rendered from the manifest, so they
cannot disagree with it.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from agrocluster.model.loader import catalog
from agrocluster.model.specs import TableContract
from agrocluster.storage.atomic import to_json

FRICTIONLESS = {
    "string": "string",
    "bool": "boolean",
    "int16": "integer",
    "int32": "integer",
    "int64": "integer",
    "float64": "number",
    "date32": "date",
}


def files(manifest: dict[str, Any]) -> dict[str, bytes]:
    """File name -> content of everything that describes the release."""
    return {
        "marts.sql": marts_sql(manifest).encode(),
        "dictionary.csv": dictionary(manifest).encode(),
        "datapackage.json": to_json(data_package(manifest)),
        "README.txt": readme(manifest).encode(),
    }


def columns(contract: TableContract) -> list[dict[str, Any]]:
    """What a manifest says about the columns of a mart."""
    return [
        {
            "name": c.name,
            "type": c.type,
            "unit": c.unit,
            "nullable": c.nullable,
            "description_en": c.text.en,
            "description_ru": c.text.ru,
        }
        for c in contract.columns
    ]


def marts_sql(manifest: dict[str, Any]) -> str:
    """DuckDB script: one commented view per mart. To be run inside the release folder."""
    lines = [f"-- agrocluster {manifest['release']} {manifest['label']}".rstrip()]
    for mart in manifest["marts"]:
        name = mart["name"]
        lines.append(f"CREATE OR REPLACE VIEW {name} AS FROM '{mart['path']}';")
        lines.append(f"COMMENT ON VIEW {name} IS {_quoted(_labelled(manifest, mart['description_en']))};")
        lines += [f"COMMENT ON COLUMN {name}.{c['name']} IS {_quoted(_column(c))};" for c in mart["columns"]]
    return "\n".join(lines) + "\n"


def dictionary(manifest: dict[str, Any]) -> str:
    """CSV of every column of every mart with type, unit and both descriptions."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["mart", "column", "type", "unit", "key", "nullable", "description_en", "description_ru"])
    for mart in manifest["marts"]:
        for c in mart["columns"]:
            described = (c["type"], c["unit"] or "", c["name"] in mart["key"], c["nullable"])
            writer.writerow([mart["name"], c["name"], *described, c["description_en"], c["description_ru"]])
    return out.getvalue()


def data_package(manifest: dict[str, Any]) -> dict[str, Any]:
    """Frictionless Data Package descriptor of the release."""
    used = {catalog().datasets[v["dataset"]].source for v in manifest["vintages"]}
    sources = [catalog().sources[source] for source in sorted(used)]
    return {
        "profile": "data-package",
        "name": "agrocluster",
        "id": manifest["release"],
        "title": _labelled(manifest, "Cluster-potential baselines for Central Asia"),
        "version": manifest["version"],
        "data_mode": manifest["data_mode"],
        "sources": [{"title": s.title.en, "path": s.homepage, "attribution": s.attribution} for s in sources],
        "resources": [_resource(manifest, mart) for mart in manifest["marts"]],
    }


def readme(manifest: dict[str, Any]) -> str:
    """Plain-text introduction for whoever opens the folder."""
    listed = "\n".join(f"  {m['path']:<38}{m['rows']:>10,} rows  {m['title_en']}" for m in manifest["marts"])
    label = f"{manifest['label']}\n\n" if manifest["label"] else ""
    return (
        f"{label}agrocluster release {manifest['release']}\nData mode: {manifest['data_mode']}\n\n{listed}\n\n"
        "Every column is explained in dictionary.csv (English, Russian) and in the Parquet files themselves.\n"
        "manifest.json names inputs, hashes and contract versions; this folder is never modified.\n\n"
        "  duckdb -c \"from 'mart_cluster_baseline.parquet'\"\n"
        "  duckdb -init marts.sql            # views with a comment on every column: describe, duckdb_columns()\n"
        "  python -c \"import pandas; print(pandas.read_parquet('mart_cluster_baseline.parquet'))\"\n"
    )


def _resource(manifest: dict[str, Any], mart: dict[str, Any]) -> dict[str, Any]:
    fields = [
        {
            "name": c["name"],
            "type": FRICTIONLESS[c["type"]],
            "description": c["description_en"],
            "description_ru": c["description_ru"],
            "unit": c["unit"] or "",
            "constraints": {"required": not c["nullable"]},
        }
        for c in mart["columns"]
    ]
    return {
        "name": mart["name"].replace("_", "-"),
        "path": mart["path"],
        "title": mart["title_en"],
        "description": _labelled(manifest, mart["description_en"]),
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "licenses": [_licence(mart["licence"])],
        "bytes": mart["bytes"],
        "hash": f"sha256:{mart['sha256']}",
        "schema": {"fields": fields, "primaryKey": mart["key"]},
    }


def _licence(name: str) -> dict[str, str]:
    known = {source.licence: source.licence_url for source in catalog().sources.values()}
    return {"name": name, "path": known[name]}


def _labelled(manifest: dict[str, Any], text: str) -> str:
    return f"[{manifest['label']}] {text}" if manifest["label"] else text


def _column(column: dict[str, Any]) -> str:
    unit = f" [{column['unit']}]" if column["unit"] else ""
    return f"{column['description_en']}{unit} / {column['description_ru']}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
