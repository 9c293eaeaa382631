"""Loads the catalogue: YAML and CSV in, typed and cross-checked specs out.

Every mistake is reported with the file that holds it. The catalogue is read once per process.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.csv as pv
import yaml
from pydantic import ValidationError

from agrocluster.errors import UsageError
from agrocluster.model.specs import (
    Correction,
    Country,
    DatasetSpec,
    IndicatorSpec,
    Parameter,
    SourceSpec,
    Spec,
    TableContract,
    TableKind,
    Text,
)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C loader reads the catalogue ten times faster, in every process anew."""
ROOT = Path(__file__).resolve().parent.parent / "catalog"
HASHED = frozenset({".yaml", ".csv", ".sql", ".py", ".css"})
"""Endings of files that shape a release."""
S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Catalog:
    """Everything the catalogue declares, by id. ``fingerprint`` changes with any byte of it."""

    sources: Mapping[str, SourceSpec]
    datasets: Mapping[str, DatasetSpec]
    tables: Mapping[TableKind, TableContract]
    marts: Mapping[str, TableContract]
    countries: Mapping[str, Country]
    indicators: Mapping[str, tuple[IndicatorSpec, ...]]
    parameters: Mapping[str, Parameter]
    corrections: tuple[Correction, ...]
    root: Path
    fingerprint: str

    def dataset(self, dataset_id: str) -> DatasetSpec:
        """The dataset, or a UsageError that lists the known ids."""
        if dataset_id not in self.datasets:
            known = ", ".join(sorted(self.datasets))
            raise UsageError(f"There is no dataset {dataset_id!r} in the catalogue.", remedy=f"Use one of: {known}.")
        return self.datasets[dataset_id]

    def focus(self) -> tuple[str, ...]:
        """ISO3 codes of the countries the product is about, sorted."""
        return tuple(sorted(c.iso3 for c in self.countries.values() if c.focus))

    def mart_order(self) -> tuple[str, ...]:
        """Mart names, inputs before the marts that read them, ties by name."""
        done: list[str] = []
        left = dict(sorted(self.marts.items()))
        while left:
            ready = [name for name, mart in left.items() if not set(mart.inputs) & (set(left) - {name})]
            if not ready:
                raise UsageError(f"These marts read each other in a circle: {', '.join(left)}.")
            done.extend(ready)
            for name in ready:
                del left[name]
        return tuple(done)


@cache
def catalog(root: Path = ROOT) -> Catalog:
    """The catalogue under ``root``, checked. Raises UsageError naming file and field on a mistake."""
    dictionary = _columns(root / "columns.yaml")
    loaded = Catalog(
        sources=_by_id(root / "sources", SourceSpec),
        datasets=_by_id(root / "datasets", DatasetSpec),
        tables={TableKind(p.stem): _contract(p, dictionary) for p in sorted((root / "tables").glob("*.yaml"))},
        marts={p.stem: _contract(p, dictionary) for p in sorted((root / "marts").glob("*.yaml"))},
        countries={c.iso3: c for c in _countries(root / "countries.csv")},
        indicators={p.stem: tuple(_indicators(p)) for p in sorted((root / "indicators").glob("*.csv"))},
        parameters={p.name: p for p in _list(root / "parameters.yaml", Parameter)},
        corrections=tuple(c for p in sorted((root / "corrections").glob("*.yaml")) for c in _list(p, Correction)),
        root=root,
        fingerprint=tree_fingerprint(root),
    )
    _cross_check(loaded)
    return loaded


def tree_fingerprint(*roots: Path) -> str:
    """SHA-256 over names and bytes of all data and code files below ``roots``; caches are left out."""
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(p for p in root.rglob("*") if p.suffix in HASHED and p.is_file()):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_csv(path: Path) -> pa.Table:
    """A catalogue CSV as text columns (empty cells are empty text, codes keep their zeros)."""
    with path.open(newline="", encoding="utf-8") as handle:
        header = next(csv.reader(handle))
    options = pv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
    return pv.read_csv(path, convert_options=options, parse_options=pv.ParseOptions(newlines_in_values=True))


def _yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are safe
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"The catalogue file {path.name} cannot be read: {error}") from error


def _make(model: type[S], data: Any, path: Path) -> S:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(whole entry)"
        raise UsageError(
            f"Catalogue file {path.parent.name}/{path.name}: {field}: {first['msg']}.",
            remedy="Correct the entry; agrocluster/model/specs.py describes each field.",
        ) from error


def _by_id(folder: Path, model: type[S]) -> dict[str, S]:
    return {p.stem: _make(model, _yaml(p), p) for p in sorted(folder.glob("*.yaml"))}


def _list(path: Path, model: type[S]) -> list[S]:
    return [_make(model, entry, path) for entry in (_yaml(path) or [])] if path.exists() else []


def _columns(path: Path) -> dict[str, dict[str, Any]]:
    return dict(_yaml(path) or {}) if path.exists() else {}


def _contract(path: Path, dictionary: dict[str, dict[str, Any]]) -> TableContract:
    data = dict(_yaml(path))
    columns = []
    for entry in data.get("columns", []):
        own = {"name": entry} if isinstance(entry, str) else dict(entry)
        columns.append(_make_column(own, dictionary))
    data["columns"] = columns
    contract = _make(TableContract, data, path)
    names = [column.name for column in contract.columns]
    for what in (*contract.key, *contract.sort):
        if what not in names:
            raise UsageError(f"Contract {path.name}: key or sort column {what!r} is not among its columns.")
    if contract.redistribution == "by_source" and "source" not in names:
        raise UsageError(f"Contract {path.name}: redistribution by_source needs the column source.")
    if contract.name != path.stem or len(set(names)) != len(names):
        raise UsageError(f"Contract {path.name}: name must equal the file's and columns must be unique.")
    return contract


def _make_column(own: dict[str, Any], dictionary: dict[str, dict[str, Any]]) -> dict[str, Any]:
    merged = {**dictionary.get(own["name"], {}), **own}
    if "en" in merged or "ru" in merged:
        merged["text"] = {"en": merged.pop("en", ""), "ru": merged.pop("ru", "")}
    return merged


def _countries(path: Path) -> Iterator[Country]:
    for row in read_csv(path).to_pylist():
        yield Country(
            iso3=row["iso3"],
            iso2=row["iso2"],
            m49=int(row["m49"]),
            name=Text(en=row["name_en"], ru=row["name_ru"]),
            fao_code=int(row["fao_code"]) if row["fao_code"] else None,
            comtrade_code=int(row["comtrade_code"]) if row["comtrade_code"] else None,
            wb_code=row["wb_code"] or None,
            region=row["region"],
            focus=row["focus"] == "true",
            panel=row["panel"] == "true",
            yield_peer=row["yield_peer"] == "true",
        )


def _indicators(path: Path) -> Iterator[IndicatorSpec]:
    for row in read_csv(path).to_pylist():
        yield _make(
            IndicatorSpec,
            {
                "code": row["code"],
                "dataset": path.stem,
                "theme": row["theme"],
                "unit": row["unit"],
                "direction": row["direction"],
                "text": {"en": row["en"], "ru": row["ru"]},
                "se_code": row["se_code"] or None,
                "enabling": row["enabling"] or None,
                "archived": row["archived"] == "true",
            },
            path,
        )


def _cross_check(found: Catalog) -> None:
    for spec in found.datasets.values():
        if spec.source not in found.sources:
            raise UsageError(f"Dataset {spec.id} names the unknown source {spec.source!r}.")
        if spec.id != f"{spec.source}__{spec.dataset}":
            raise UsageError(f"Dataset {spec.id} must be called {spec.source}__{spec.dataset}.")
    for dataset_id in found.indicators:
        if dataset_id not in found.datasets:
            raise UsageError(f"The indicator list {dataset_id}.csv belongs to no dataset.")
    codes = [spec.code.upper() for specs in found.indicators.values() for spec in specs]
    if doubled := sorted({code for code in codes if codes.count(code) > 1}):
        raise UsageError(f"These indicators are listed twice: {', '.join(doubled)}.")
    relations = {f"{prefix}_{kind}" for prefix in ("current", "all") for kind in TableKind}
    frozen = {"frozen_baseline", "frozen_indicators", "frozen_goalposts"}
    known = set(found.marts) | relations | frozen | {"vintages", "vintage_files", "practitioner_overlay"}
    for mart in found.marts.values():
        if unknown := [name for name in mart.inputs if name not in known and not name.startswith("cat_")]:
            raise UsageError(f"Mart {mart.name} reads unknown inputs: {', '.join(unknown)}.")
