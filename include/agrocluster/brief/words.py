"""The words of the brief that the atlas does not have, from ``catalog/brief/<language>.yaml``."""

from __future__ import annotations

from functools import cache

import yaml

from agrocluster.explain.language import Lang
from agrocluster.model.loader import ROOT


@cache
def texts(lang: Lang) -> dict[str, str]:
    """Text by key."""
    read = yaml.safe_load((ROOT / "brief" / f"{lang}.yaml").read_text(encoding="utf-8"))
    return {str(key): str(text) for key, text in read.items()}
