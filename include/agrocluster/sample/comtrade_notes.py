"""What UN Comtrade tells about its datasets: availability, metadata, live updates, entries of the bulk list.

Each function turns one row of the stored ``datasets`` table into the object one endpoint answers.
"""

from __future__ import annotations

import hashlib
from typing import Any

from agrocluster.sample.comtrade_lists import areas
from agrocluster.sample.tables import LABEL

Row = dict[str, Any]


def dataset_code(row: Row) -> int:
    """Frequency, reporter and period are inside, as in the service's own codes."""
    period = row["period"] if row["freq"] == "M" else row["period"] * 100 + 1
    return int(f"{2 if row['freq'] == 'M' else 1}0{row['reporter']:03d}{period}18{16 + row['edition']}00")


def _head(row: Row) -> Row:
    return {
        "datasetCode": dataset_code(row),
        "typeCode": "C",
        "freqCode": row["freq"],
        "period": row["period"],
        "reporterCode": row["reporter"],
    }


def availability(row: Row) -> Row:
    name, iso3 = next((area[1], area[3]) for area in areas() if area[0] == row["reporter"])
    return _head(row) | {
        "reporterISO": iso3,
        "reporterDesc": name,
        "classificationCode": f"H{row['edition']}",
        "classificationSearchCode": "HS",
        "isOriginalClassification": True,
        "isExtendedFlowCode": True,
        "isExtendedPartnerCode": False,
        "isExtendedPartner2Code": True,
        "isExtendedCmdCode": True,
        "isExtendedCustomsCode": True,
        "isExtendedMotCode": True,
        "totalRecords": row["records"],
        "datasetChecksum": row["checksum"],
        "firstReleased": row["first_released"],
        "lastReleased": row["last_released"],
    }


def metadata(row: Row) -> Row:
    note = _head(row) | {
        "currency": "US Dollar",
        "importConvFactor": 1.0,
        "exportConvFactor": 1.0,
        "tradeSystem": "General",
        "classificationCode": f"H{row['edition']}",
        "importValuation": row["valuation"],
        "exportValuation": "FOB",
        "importPartnerCountry": "Origin",
        "exportPartnerCountry": "Last known destination",
        "importPartner2Country": "Consignment",
        "exportPartner2Country": "",
        "publicationNote": LABEL,
        "publicationDate": row["last_released"],
        "publicationDateShort": row["last_released"][:10],
    }
    return {"notes": [note]}


def live_update(row: Row) -> Row:
    released = row["last_released"].replace("T", " ") + "Z"
    return {
        "size": row["records"],
        "startedAt": released,
        "completedAt": released,
        "status": "Completed",
        "lastUpdated": row["last_released"][:10],
        "queuedAt": released,
        "releaseStatus": "Released",
        "reporterCode": str(row["reporter"]),
        "freqCode": row["freq"],
        "typeCode": "C",
        "classificationCode": f"H{row['edition']}",
        "period": str(row["period"]),
    }


def bulk_entry(row: Row, vintage: str) -> Row:
    key = hashlib.sha256(f"{dataset_code(row)} {row['last_released']} {vintage}".encode()).hexdigest()
    period = row["period"]
    return {
        "fileUrl": key,
        "fileSize": f"{row['records'] * 0.045:,.2f} KB",
        "isOriginalClassification": True,
        "reporterCode": row["reporter"],
        "freqCode": row["freq"],
        "typeCode": "C",
        "classificationCode": f"H{row['edition']}",
        "refPeriodId": period if row["freq"] == "M" else period * 100 + 1,
        "period": period,
        "publicationDate": row["last_released"] + "Z",
        "partitionKey": str(row["reporter"]),
        "rowKey": key,
        "timestamp": row["last_released"] + "+00:00",
        "eTag": f"W/\"datetime'{row['last_released'].replace(':', '%3A')}Z'\"",
    }
