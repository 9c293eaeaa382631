"""Typed specifications of everything the catalogue declares.

The catalogue is YAML; these models are its grammar. A mistake in the catalogue is reported with file and
field when it is loaded, never in the middle of a run. Nothing here reads files (see ``loader``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ColumnType = Literal["string", "bool", "int16", "int32", "int64", "float64", "date32"]


class Spec(BaseModel):
    """Base of all specs: immutable, unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """What a failed rule means: critical stops the release, warning publishes with a flag, info records."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Text(Spec):
    """A text people read, in both languages of the product."""

    en: str = Field(min_length=1)
    ru: str = Field(min_length=1)


class Column(Spec):
    """One column of a table contract.

    ``unit`` is a unit symbol (``USD``, ``t``, ``%``, ``index``) or None for codes and labels.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: ColumnType
    text: Text
    unit: str | None = None
    nullable: bool = True
    codelist: str | None = None


class RuleKind(StrEnum):
    """Rules a contract can state. ``sql`` is a query that returns the violating rows of ``{table}``."""

    BETWEEN = "between"
    IN_SET = "in_set"
    REGEX = "regex"
    NOT_NULL = "not_null"
    ROW_COUNT = "row_count"
    COVERS = "covers"
    SQL = "sql"


class Rule(Spec):
    """A table-level rule with its reason. Parameters by kind:

    between: column, min?, max?, mostly?      in_set: column, values        regex: column, pattern
    not_null: column, mostly?                 row_count: min?, max?         covers: column, values
    sql: query (DuckDB; ``{table}`` is the table under test, other marts and facts by their name)
    ``where`` limits a rule to rows (SQL condition, kinds other than ``sql`` and ``row_count``).
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: RuleKind
    severity: Severity
    reason: str = Field(min_length=10)
    column: str | None = None
    min: float | None = None
    max: float | None = None
    mostly: float = 1.0
    values: tuple[str, ...] = ()
    pattern: str | None = None
    where: str | None = None
    query: str | None = None


class RowRule(Spec):
    """A row-level rule: rows for which the SQL condition ``reject_if`` holds go to quarantine."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    reject_if: str
    reason: str = Field(min_length=10)


class TableContract(Spec):
    """Contract of a staged table kind, a fact or a mart: the one place where its columns are defined.

    ``redistribution``: open; restricted (near-raw figures of a publisher that keeps them for itself); by_source
    (figures of several publishers side by side, rows follow the publisher named in ``source``); by_variant (open as
    long as the parameter ``trade_variant`` is ``baci``, restricted when it brings in customs reports).

    ``group``: marts of one group are built by one task, inputs first; starting a task costs more than building a mart.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: Text
    description: Text
    key: tuple[str, ...]
    sort: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    row_rules: tuple[RowRule, ...] = ()
    inputs: tuple[str, ...] = ()
    group: str = ""
    licence: str = "CC-BY-4.0"
    redistribution: Literal["open", "restricted", "by_source", "by_variant"] = "open"
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column called ``name``; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


class Quota(Spec):
    """What a publisher allows beyond a polite pace.

    Attributes:
        calls_per_day: data calls that a key may make on one UTC day.
        records_per_call, records_without_key: an answer ends there without saying so.
        periods_per_call: most periods one question may name.
        url_characters: longest address the service accepts.
    """

    calls_per_day: int = Field(gt=0)
    records_per_call: int = Field(gt=0)
    records_without_key: int = Field(gt=0)
    periods_per_call: int = Field(gt=0)
    url_characters: int = Field(gt=500)


class SourceSpec(Spec):
    """A publisher: where it lives, how politely to ask, under which licence it publishes."""

    id: str
    title: Text
    base_url: str
    allowed_hosts: tuple[str, ...] = ()
    homepage: str
    licence: str
    licence_url: str
    attribution: str
    redistribution: Literal["open", "restricted"] = "open"
    max_connections: int = 2
    min_interval_s: float = 0.0
    timeout_s: tuple[float, float] = (10.0, 120.0)
    max_bytes: int = 4 * 1024**3
    retry_html_400: bool = False
    key_header: str | None = None
    pool_slots: int = 2
    quota: Quota | None = None


class TableKind(StrEnum):
    """The shapes that staged statistics take: series, farm output, reconciled flows, customs reports."""

    INDICATOR = "indicator"
    PRODUCTION = "production"
    TRADE = "trade"
    CUSTOMS = "customs"

    @property
    def country(self) -> str:
        """Column of the country a row is about."""
        return {TableKind.TRADE: "exporter", TableKind.CUSTOMS: "reporter"}.get(self, "iso3")

    @property
    def partner(self) -> str | None:
        """Column of the other country, where rows have one."""
        return {TableKind.TRADE: "importer", TableKind.CUSTOMS: "partner"}.get(self)

    @property
    def figure(self) -> str:
        """Column of the figure."""
        return "value_usd" if self.partner else "value"


class Correction(Spec):
    """A known upstream error: where, what to do, why, and a guard that notices when the source mends it."""

    id: str
    dataset: str
    where: str
    action: Literal["drop", "override", "scale", "flag"]
    value: float | None = None
    flag: str | None = None
    expect: str
    reason: str
    provider: str
    reported: str
    status: Literal["open", "fixed_upstream"] = "open"


class DatasetSpec(Spec):
    """A dataset of a publisher: how to fetch it, which shape it takes, how fresh it should be.

    ``by_period``: years can be asked for; otherwise the publisher gives the whole archive or nothing.
    ``in_parts``: an archive so large that workers may stage parts of it at the same time.
    """

    id: str = Field(pattern=r"^[a-z0-9]+__[a-z0-9_]+$")
    source: str
    dataset: str
    kind: TableKind
    adapter: str
    title: Text
    citation: str
    licence: str | None = None
    first_year: int
    last_year: int | None = None
    cadence_days: int
    expected_lag_days: int
    schedule: str = "0 5 * * *"
    params: dict[str, Any] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    row_rules: tuple[RowRule, ...] = ()
    by_period: bool = False
    in_parts: bool = False
    optional: bool = False


class IndicatorSpec(Spec):
    """One line of the indicator list: a series, where it comes from and how it is read."""

    code: str
    dataset: str
    theme: str
    unit: str
    direction: Literal["+", "-", "context"]
    text: Text
    se_code: str | None = None
    enabling: str | None = None
    archived: bool = False


class Country(Spec):
    """An economy with its codes at each publisher. ``focus`` marks the four countries of the product."""

    iso3: str
    iso2: str
    m49: int
    name: Text
    fao_code: int | None = None
    comtrade_code: int | None = None
    wb_code: str | None = None
    region: str = ""
    focus: bool = False
    panel: bool = False
    yield_peer: bool = False


class Parameter(Spec):
    """A default of the method: read by the code, published as a row, never repeated elsewhere."""

    name: str
    value: float | str
    unit: str
    reason: str
    version: str
