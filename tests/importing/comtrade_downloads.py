"""Small UN Comtrade downloads with invented figures: the same records in every format the service has handed out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NAMES = {0: "World", 156: "China", 384: "C\u00f4te d'Ivoire", 398: "Kazakhstan", 417: "Kyrgyzstan", 643: "Russia"}
ISO = {0: "W00", 156: "CHN", 384: "CIV", 398: "KAZ", 417: "KGZ", 643: "RUS", 762: "TJK", 860: "UZB"}
FLOWS = {"M": "Import", "X": "Export", "RX": "Re-export", "RM": "Re-import"}
OLD_FLOWS = {"M": 1, "X": 2, "RX": 3, "RM": 4}


def names(text: str, separator: str = " ") -> list[str]:
    """The column names of a header."""
    return text.split(separator)


V1 = names(
    "typeCode freqCode refPeriodId refYear refMonth period reporterCode reporterISO reporterDesc flowCode flowDesc "
    "partnerCode partnerISO partnerDesc partner2Code partner2ISO partner2Desc classificationCode "
    "classificationSearchCode isOriginalClassification cmdCode cmdDesc aggrLevel isLeaf customsCode customsDesc "
    "mosCode motCode motDesc qtyUnitCode qtyUnitAbbr qty isQtyEstimated altQtyUnitCode altQtyUnitAbbr altQty "
    "isAltQtyEstimated netWgt isNetWgtEstimated grossWgt isGrossWgtEstimated cifvalue fobvalue primaryValue "
    "legacyEstimationFlag isReported isAggregate"
)
BULK = names(
    "datasetCode typeCode freqCode refPeriodId refYear refMonth period reporterCode flowCode partnerCode partner2Code "
    "classificationSearchCode classificationCode isOriginalClassification cmdCode customsCode mosCode motCode "
    "qtyUnitCode qty isQtyEstimated altQtyUnitCode altQty isAltQtyEstimated netWgt isnetWgtEstimated grossWgt "
    "isgrossWgtEstimated CIFValue FOBValue primaryValue legacyEstimationFlag isReported isAggregate"
)
OLD_22 = names(
    "Classification,Year,Period,Period Desc.,Aggregate Level,Is Leaf Code,Trade Flow Code,Trade Flow,Reporter Code,"
    "Reporter,Reporter ISO,Partner Code,Partner,Partner ISO,Commodity Code,Commodity,Qty Unit Code,Qty Unit,Qty,"
    "Netweight (kg),Trade Value (US$),Flag",
    ",",
)
OLD_35 = names(
    "Classification,Year,Period,Period Desc.,Aggregate Level,Is Leaf Code,Trade Flow Code,Trade Flow,Reporter Code,"
    "Reporter,Reporter ISO,Partner Code,Partner,Partner ISO,2nd Partner Code,2nd Partner,2nd Partner ISO,"
    "Customs Proc. Code,Customs,Mode of Transport Code,Mode of Transport,Commodity Code,Commodity,Qty Unit Code,"
    "Qty Unit,Qty,Alt Qty Unit Code,Alt Qty Unit,Alt Qty,Netweight (kg),Gross weight (kg),Trade Value (US$),"
    "CIF Trade Value (US$),FOB Trade Value (US$),Flag",
    ",",
)


@dataclass(frozen=True)
class Record:
    """What a customs service reported, in the terms of UN Comtrade; ``flag`` is the old estimation code."""

    reporter: int = 398
    partner: int = 156
    flow: str = "X"
    period: str = "2020"
    edition: str = "H5"
    code: str = "080221"
    value: float | str = 1250.5
    kg: float | str | None = 640.0
    qty: float | None = None
    unit: int = 8
    flag: int = 0
    original: bool = True
    partner2: int = 0
    customs: str = "C00"
    mot: int = 0
    mos: str = "0"
    type: str = "C"

    @property
    def monthly(self) -> bool:
        return len(self.period) == 6

    def flow_key(self) -> tuple[object, ...]:
        """What stands once in a file."""
        return (self.reporter, self.partner, self.flow, self.period, self.edition, self.code)

    @property
    def leaf(self) -> bool:
        return len(self.code) == 6

    @property
    def level(self) -> int:
        return 0 if self.code == "TOTAL" else len(self.code)

    def v1(self) -> dict[str, Any]:
        """The 47 fields of today's service."""
        values = dict.fromkeys(V1)
        values |= {
            "typeCode": self.type,
            "freqCode": "M" if self.monthly else "A",
            "refPeriodId": f"{self.period[:4]}{self.period[4:] or '01'}01",
            "refYear": self.period[:4],
            "refMonth": self.period[4:] or "52",
            "period": self.period,
            "flowCode": self.flow,
            "flowDesc": FLOWS.get(self.flow, self.flow),
            "partner2Code": self.partner2,
            "partner2ISO": "W00",
            "classificationCode": self.edition,
            "classificationSearchCode": "HS",
            "isOriginalClassification": self.original,
            "cmdCode": self.code,
            "cmdDesc": 'Hazelnuts; "filberts", shelled, n.e.c.',
            "aggrLevel": self.level,
            "isLeaf": self.leaf,
            "customsCode": self.customs,
            "mosCode": self.mos,
            "motCode": self.mot,
            "qtyUnitCode": self.unit,
            "qty": self.qty,
            "isQtyEstimated": self.flag in (2, 6),
            "altQtyUnitCode": -1,
            "isAltQtyEstimated": False,
            "netWgt": self.kg,
            "isNetWgtEstimated": self.flag in (4, 6),
            "isGrossWgtEstimated": False,
            "cifvalue": self.value if self.flow == "M" else None,
            "fobvalue": None if self.flow == "M" else self.value,
            "primaryValue": self.value,
            "legacyEstimationFlag": self.flag,
            "isReported": self.leaf,
            "isAggregate": not self.leaf,
        }
        for side, code in (("reporter", self.reporter), ("partner", self.partner)):
            values |= {f"{side}Code": code, f"{side}ISO": ISO.get(code, "S19"), f"{side}Desc": NAMES.get(code, "nes")}
        return values

    def old(self) -> dict[str, Any]:
        """The columns of the old site, by title."""
        values: dict[str, Any] = dict.fromkeys(OLD_35)
        return values | {
            "Classification": self.edition,
            "Year": self.period[:4],
            "Period": self.period,
            "Period Desc.": self.period,
            "Aggregate Level": self.level,
            "Is Leaf Code": int(self.leaf),
            "Trade Flow Code": OLD_FLOWS[self.flow],
            "Trade Flow": FLOWS[self.flow],
            "Reporter Code": self.reporter,
            "Reporter": NAMES.get(self.reporter, "nes"),
            "Partner Code": self.partner,
            "Partner": NAMES.get(self.partner, "nes"),
            "Partner ISO": "WLD" if self.partner == 0 else ISO.get(self.partner, ""),
            "Commodity Code": self.code,
            "Commodity": 'Hazelnuts; "filberts", shelled, n.e.c.',
            "Qty Unit Code": 1 if self.unit == -1 else self.unit,
            "Qty": self.qty,
            "Netweight (kg)": self.kg,
            "Trade Value (US$)": self.value,
            "Flag": self.flag,
        }


def portal(records: Iterable[Record], *, encoding: str = "latin-1") -> bytes:
    """The portal's CSV: names bare, values quoted unless missing, one empty field more than names, CRLF."""
    lines = [",".join(V1)]
    for record in records:
        cells = ["" if value is None else _quoted(_text(value)) for value in record.v1().values()]
        lines.append(",".join(cells) + ",")
    return "".join(f"{line}\r\n" for line in lines).encode(encoding)


def saved_again(records: Iterable[Record], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """The same table as a program writes it: as many fields as names, True and False."""
    rows = [list(record.v1().values()) for record in records]
    return _csv([V1, *rows], delimiter).encode(encoding)


def bulk(records: Iterable[Record]) -> str:
    """A bulk file: tabs, no names of anything, mode of supply -1."""
    lines = ["\t".join(BULK)]
    for record in records:
        values = {name.casefold(): value for name, value in record.v1().items()}
        values |= {"moscode": "-1" if record.mos == "0" else record.mos, "datasetcode": "20398202001H5100"}
        cells = [values.get(name.casefold()) for name in BULK]
        lines.append("\t".join("" if cell is None else _text(cell) for cell in cells))
    return "\n".join(lines) + "\n"


def old_csv(records: Iterable[Record], columns: Sequence[str] = OLD_22) -> str:
    """The old site's CSV with its byte order mark."""
    rows = [[record.old()[name] for name in columns] for record in records]
    return "\ufeff" + _csv([columns, *rows]).replace("\n", "\r\n")


def old_json(records: Iterable[Record], made: str = "2020-04-25") -> str:
    """An answer of the old API."""
    keys = (
        ("pfCode", "Classification"),
        ("rgCode", "Trade Flow Code"),
        ("ptCode", "Partner Code"),
        ("ptCode2", "2nd Partner Code"),
        ("cmdCode", "Commodity Code"),
        ("qtCode", "Qty Unit Code"),
        ("TradeQuantity", "Qty"),
        ("NetWeight", "Netweight (kg)"),
        ("TradeValue", "Trade Value (US$)"),
        ("CIFValue", "CIF Trade Value (US$)"),
        ("estCode", "Flag"),
        ("IsLeaf", "Is Leaf Code"),
    )
    rows = []
    for record in records:
        old = record.old()
        head = {"period": int(record.period), "rtCode": record.reporter, "cstCode": "", "motCode": ""}
        rows.append(head | {key: old[title] for key, title in keys})
    status = {"status": {"name": "Ok"}, "count": {"value": len(rows), "finished": f"{made}T18:18:14+02:00"}}
    return json.dumps({"validation": status, "dataset": rows})


def answer(records: Iterable[Record], *, pretty: bool = False) -> str:
    """An answer of today's API."""
    rows = [record.v1() for record in records]
    envelope = {"elapsedTime": "0.21 secs", "count": len(rows), "data": rows, "error": ""}
    return json.dumps(envelope, indent=2 if pretty else None)


def _csv(rows: Iterable[Sequence[Any]], delimiter: str = ",") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
