"""The fields of a UN Comtrade record that are read, their types, and columns of them as arrays.

Readers of all formats hand over Arrow tables with the service's field names; a format that lacks a field means the
field's default (old files have no second partner: they give totals over it).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agrocluster.model.arrays import to_numpy
from agrocluster.sources.coded import Coded, coded

TEXT = pa.dictionary(pa.int32(), pa.string())
FIELDS: Mapping[str, pa.DataType] = {
    "typeCode": TEXT,
    "freqCode": TEXT,
    "period": TEXT,
    "reporterCode": pa.int32(),
    "flowCode": TEXT,
    "partnerCode": pa.int32(),
    "partner2Code": pa.int32(),
    "classificationCode": TEXT,
    "isOriginalClassification": pa.bool_(),
    "cmdCode": TEXT,
    "customsCode": TEXT,
    "mosCode": TEXT,
    "motCode": pa.int32(),
    "qtyUnitCode": pa.int32(),
    "qty": pa.float64(),
    "isQtyEstimated": pa.bool_(),
    "netWgt": pa.float64(),
    "isNetWgtEstimated": pa.bool_(),
    "cifvalue": pa.float64(),
    "fobvalue": pa.float64(),
    "primaryValue": pa.float64(),
    "legacyEstimationFlag": pa.int32(),
    "isReported": pa.bool_(),
    "isAggregate": pa.bool_(),
}
"""Fields and the types in which a reader hands them over; texts may also come as plain strings."""
REQUIRED = (
    "freqCode",
    "period",
    "reporterCode",
    "flowCode",
    "partnerCode",
    "classificationCode",
    "cmdCode",
    "primaryValue",
)
"""Fields without which a record says nothing."""
KEYS = ("typeCode", "freqCode", "reporterCode", "partnerCode")
"""Fields that tell which dataset a record belongs to."""
NOWHERE = -1
"""Code of an area where none is given."""

_NUMBERS = {"reporterCode": NOWHERE, "partnerCode": NOWHERE, "qtyUnitCode": -1}
_TEXTS = {"typeCode": "C", "customsCode": "C00", "mosCode": "0"}
_TRUE = ("isOriginalClassification", "isReported")


class Records:
    """Columns of a table of records; what is missing, as a column or in a row, has the field's default."""

    def __init__(self, table: pa.Table) -> None:
        self.table, self.rows = table, table.num_rows

    def text(self, name: str) -> Coded:
        """A column of texts without blanks around them."""
        default = _TEXTS.get(name, "")
        if name not in self.table.column_names:
            return Coded(np.zeros(self.rows, dtype=np.int32), [default])
        return coded(self.table[name]).mapped(lambda text: text or default)

    def number(self, name: str) -> NDArray[np.int32]:
        """A column of whole numbers: codes, or the estimation flag."""
        default = _NUMBERS.get(name, 0)
        if name not in self.table.column_names:
            return np.full(self.rows, default, dtype=np.int32)
        return to_numpy(self.table[name], missing=default)

    def truth(self, name: str) -> NDArray[np.bool_]:
        """A column of yes and no."""
        default = name in _TRUE
        if name not in self.table.column_names:
            return np.full(self.rows, default)
        return to_numpy(self.table[name], missing=default)

    def figure(self, name: str) -> NDArray[np.float64]:
        """A column of values, weights or quantities; NaN is missing."""
        if name not in self.table.column_names:
            return np.full(self.rows, np.nan)
        return to_numpy(self.table[name])
