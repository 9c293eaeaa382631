"""Reads one year of BACI as a stream of bytes: parsed in blocks by a few threads, summed and selected in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from agrocluster.errors import SourceContractError
from agrocluster.model.arrays import to_numpy
from agrocluster.model.fetching import StageLog
from agrocluster.model.loader import catalog
from agrocluster.model.specs import DatasetSpec
from agrocluster.sources.baci_countries import Codes
from agrocluster.sources.baci_rows import CODES, PRODUCTS, Flows, Ints, Totals, bilateral
from agrocluster.sources.parallel import ordered_map
from agrocluster.sources.textblocks import Block, TextBlocks

COLUMNS = {"t": pa.int64(), "i": pa.int64(), "j": pa.int64(), "k": pa.int64(), "v": pa.float64(), "q": pa.float64()}
UNKNOWN = ["", *(" " * blanks + word for blanks in range(24) for word in ("NA", " "))]
"""Spellings of an unknown quantity: empty, blanks, ``NA`` padded to any width."""

Pieces = Callable[[], Iterator[bytes]]


class YearReader:
    """Reads one file of flows.

    Args:
        name: of the file or member, for errors.
        codes: country codes of the release.
        log: receives what is left out: flows of areas that are no countries, by kind.
    """

    def __init__(self, name: str, spec: DatasetSpec, codes: Codes, log: StageLog) -> None:
        self.name, self.spec, self.codes, self.log = name, spec, codes, log
        self.edition = str(spec.params["edition"])
        self.totals = Totals(codes.iso3)
        focus = catalog().focus() if spec.params.get("partners", "focus") == "focus" else self.totals.countries
        chosen = [code for code, iso in codes.iso3.items() if iso in focus]
        self._chosen = np.zeros(CODES, dtype=bool)
        self._chosen[chosen] = True
        self._outside = np.zeros(CODES, dtype=bool)
        self._outside[list(codes.outside)] = True
        self._known = self._outside | (self.totals.country_of >= 0)

    def batches(self, pieces: Pieces, year: int | None = None) -> Iterator[pa.RecordBatch]:
        """Totals first, then bilateral flows, sorted as the file is. ``pieces`` is called again to look for repeats.

        ``year`` is the year the file's name promises; without it the file must hold one year.
        """
        last, ascending = -1, True
        kept: list[Flows] = []
        for flows in self._flows(pieces()):
            year = self._one_year(flows, year)
            key = flows.key()
            ascending = ascending and (not key.size or bool(key[0] > last and (np.diff(key) > 0).all()))
            last = int(key[-1]) if key.size else last
            kept.append(self._account(flows))
        if year is None:
            return
        if not ascending:
            self._refuse_repeats(pieces, year)
        share = float(self.spec.params.get("known_quantity_share", 0.6))
        yield from self.totals.batches(year, self.edition, share)
        chosen = Flows(*(np.concatenate(column) for column in zip(*(vars(f).values() for f in kept), strict=True)))
        yield bilateral(chosen, self.totals, year, self.edition)

    def _account(self, flows: Flows) -> Flows:
        """Add a block to the totals; returns its flows in which a chosen country takes part."""
        self._refuse_impossible(flows)
        for kind in sorted(set(self.codes.outside.values())):
            of_kind = np.zeros(CODES, dtype=bool)
            of_kind[[code for code, why in self.codes.outside.items() if why == kind]] = True
            self.log.exclude(f"exporter is no country ({kind})", int(np.count_nonzero(of_kind[flows.i])))
        flows = flows.take(~self._outside[flows.i])
        self.totals.add(flows)
        chosen = flows.take(self._chosen[flows.i] | self._chosen[flows.j])
        nowhere = self._outside[chosen.j]
        self.log.exclude("importer is no country (counted in the exporter's total)", int(np.count_nonzero(nowhere)))
        return chosen.take(~nowhere)

    def _flows(self, pieces: Iterator[bytes]) -> Iterator[Flows]:
        blocks = iter(TextBlocks(pieces, self.name))
        first = next(blocks, None)
        line, _, body = (first.data if first else b"").partition(b"\n")
        columns = [column.strip().strip('"') for column in line.decode("utf-8", errors="replace").split(",")]
        if missing := [column for column in COLUMNS if column not in columns]:
            raise self._error(
                f"lacks the column(s) {', '.join(missing)}; its header is {','.join(columns)[:200]}",
                "CEPII changed the layout, or this is no BACI file; compare it with the release's Readme.txt.",
            )
        rest = Block(body, "ascii", len(line) + 1)
        parts = (part for part in chain([rest], blocks) if part.data.strip())
        yield from ordered_map(lambda part: self._parse(part, columns), parts)

    def _parse(self, part: Block, columns: list[str]) -> Flows:
        try:
            table = pv.read_csv(
                pa.BufferReader(part.data),
                read_options=pv.ReadOptions(use_threads=False, block_size=len(part.data) + 1, column_names=columns),
                convert_options=pv.ConvertOptions(
                    column_types=COLUMNS, include_columns=list(COLUMNS), null_values=UNKNOWN
                ),
            )
            return Flows(*(to_numpy(table[column]) for column in COLUMNS))
        except (pa.ArrowInvalid, ValueError) as error:
            raise self._error(
                f"cannot be read: {error}", "A flow has an impossible or missing code; download it again."
            ) from error

    def _one_year(self, flows: Flows, year: int | None) -> int | None:
        if not flows.t.size:
            return year
        first, last = int(flows.t.min()), int(flows.t.max())
        if first != last or first != (year or first):
            raise self._error(f"holds flows of {first} to {last} where one year is expected", "Give one file per year.")
        spec = self.spec
        if not spec.first_year <= first <= (spec.last_year or 9999):
            raise self._error(f"is of {first}, outside the dataset's years", "Take a year the dataset covers.")
        return first

    def _refuse_impossible(self, flows: Flows) -> None:
        for side, codes in (("exporter", flows.i), ("importer", flows.j)):
            if codes.size and (codes.min() < 0 or codes.max() >= CODES or not self._known[codes].all()):
                bad = sorted({c for c in codes.tolist() if not 0 <= c < CODES or not self._known[c]})
                raise self._error(
                    f"has the {side} code(s) {', '.join(map(str, bad[:10]))}, unknown to the release's country list",
                    "Add them to catalog/mappings/baci_countries.csv.",
                )
        if np.isnan(flows.v).any() or (flows.v < 0).any() or (flows.q < 0).any():
            raise self._error(
                "has flows without value, or with a negative value or quantity (negative tonnage)",
                "BACI lists positive flows only: the file is damaged or was changed; download it again.",
            )
        if flows.k.size and (flows.k.min() < 0 or flows.k.max() >= PRODUCTS):
            raise self._error("has a product code of more than six digits", "The file is damaged; download it again.")

    def _refuse_repeats(self, pieces: Pieces, year: int) -> None:
        """The file is not in CEPII's order; look through all its keys for repeated flows."""
        keys: Ints = np.sort(np.concatenate([flows.key() for flows in self._flows(pieces())]))
        repeated = keys[1:][keys[1:] == keys[:-1]]
        if repeated.size:
            pair, product = divmod(int(repeated[0]), PRODUCTS)
            exporter, importer = divmod(pair, CODES)
            raise SourceContractError(
                f"{self.name} repeats {repeated.size} flow(s), the first from {exporter} to {importer}, "
                f"product {product:06d} (duplicate key).",
                source=self.spec.source,
                dataset=self.spec.dataset,
                period=str(year),
                remedy="Download the release again; if it stays so, ask CEPII which copy is right.",
            )

    def _error(self, problem: str, remedy: str) -> SourceContractError:
        return SourceContractError(
            f"{self.name} {problem}.", source=self.spec.source, dataset=self.spec.dataset, remedy=remedy
        )
