"""What a manifest says about a mart from its contract: one shape for releases and facts as of a date."""

from __future__ import annotations

from typing import Any

from agrocluster.model.specs import Rule, TableContract


def columns(contract: TableContract) -> list[dict[str, Any]]:
    """What a manifest says about the columns of a mart."""
    return [
        {
            "name": c.name,
            "type": c.type,
            "unit": c.unit,
            "nullable": c.nullable,
            "codelist": c.codelist,
            "description_en": c.text.en,
            "description_ru": c.text.ru,
        }
        for c in contract.columns
    ]


def rules(contract: TableContract) -> list[dict[str, Any]]:
    """The rules a mart had to pass, with what they ask for; parameters a rule does not have are left out."""
    return [_rule(rule) for rule in contract.rules]


def _rule(rule: Rule) -> dict[str, Any]:
    said = rule.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    return {**said, "kind": rule.kind.value, "severity": rule.severity.value}
