"""The HS correspondences against UN Comtrade's own code lists."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from agrocluster.model.loader import ROOT, read_csv


def codes(real_data: Path, name: str) -> set[str]:
    """Six-digit codes of a Comtrade classification list."""
    packed = real_data / "comtrade" / "legacy_reference" / f"classification{name}.json.gz"
    listed = json.loads(gzip.decompress(packed.read_bytes()).decode("utf-8-sig"))["results"]
    return {entry["id"] for entry in listed if len(entry["id"]) == 6}


def test_codes_left_and_entered_as_the_lists_say(real_data: Path) -> None:
    hs07, hs17 = codes(real_data, "H3"), codes(real_data, "H5")
    crosswalk = read_csv(ROOT / "value_chains" / "crosswalk.csv").to_pylist()
    hs12 = {line["code"] for line in crosswalk if line["system"] == "HS12"}
    reached = set()
    for link in read_csv(ROOT / "concordance" / "hs.csv").to_pylist():
        if link["edition_from"] != "HS07":
            continue
        source, target = link["code_from"], link["hs12_code"]
        reached.add(target)
        assert source in hs07, source
        assert target in hs17 | hs12, target
        assert source[:4] == target[:4], "correspondences derived from lists stay within their heading"
        if "kept its number" in link["source"]:
            assert source in hs17, f"{source} is said to have stayed"
        else:
            assert source not in hs17, f"{source} is said to have left"
    assert hs12 - hs07 == reached & (hs12 - hs07), "every chain code that HS2012 brought in is reached from HS2007"
