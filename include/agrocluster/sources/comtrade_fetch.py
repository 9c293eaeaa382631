"""Asks the questions of one slice until every record has arrived, within the daily allowance.

Every answer is checked and written down at once, with the question it answers, so that a fetch that is killed or runs
out of calls goes on where it stopped, days later. An answer that reaches the limit of records is not kept; its question
is split (``comtrade_plan``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agrocluster.errors import SourceContractError
from agrocluster.http import Client, Fetched
from agrocluster.model.fetching import RawFile
from agrocluster.model.loader import catalog
from agrocluster.sources import comtrade_api as api
from agrocluster.sources import comtrade_carry as carry
from agrocluster.sources import comtrade_json, comtrade_plan, comtrade_reference
from agrocluster.sources.comtrade_api import Filed, Question
from agrocluster.sources.comtrade_areas import areas
from agrocluster.sources.comtrade_fields import FIELDS
from agrocluster.sources.comtrade_plan import Limits, Scope
from agrocluster.storage import atomic
from agrocluster.storage.budget import Budget

FORMAT = "comtrade_json"
PIECE = 1 << 20
_EXAMINED = ("reporterCode", "partnerCode", "cmdCode")


@dataclass
class SliceFetch:
    """The questions of one slice, asked in turn.

    Args:
        client, budget: how to ask, and what may still be asked.
        scope, limits: what the dataset asks for, and how large a question may be.
        dataset_id, slice_id, filed: the slice, and what is on file for it.
        into: work folder.
    """

    client: Client
    budget: Budget
    scope: Scope
    limits: Limits
    dataset_id: str
    slice_id: str
    filed: Sequence[Filed]
    into: Path
    _lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def run(self) -> list[RawFile]:
        """All files of the slice: those taken over from earlier fetches and the new ones.

        Raises QuotaExhausted when the allowance is spent (what was fetched is kept), SourceContractError for an answer
        that does not follow the contract.
        """
        wanted = comtrade_plan.signatures(self.scope, self.filed)
        files, covered = carry.take_over(self.dataset_id, self.slice_id, self.scope, wanted, self.into)
        left = [entry for entry in self.filed if self.scope.unit(entry) not in covered]
        waiting = comtrade_plan.questions(self.scope, left, self.limits)
        while waiting:
            question = waiting.pop(0)
            answer = self._answered(question) or self._ask(question)
            if isinstance(answer, RawFile):
                files.append(answer)
            else:
                waiting[:0] = answer
        return sorted(files, key=lambda file: file.name)

    def _answered(self, question: Question) -> RawFile | list[Question] | None:
        record = carry.asked_record(self.into, self._name(question))
        if not record.exists():
            return None
        known = atomic.read_json(record)
        if known["file"]:
            return RawFile(**known["file"])
        return [Question.of(part) for part in known["parts"]]

    def _ask(self, question: Question) -> RawFile | list[Question]:
        name = self._name(question)
        answer = self._get(question)
        columns, frame = comtrade_json.tables(
            lambda: _cut(answer.content), f"The answer to {answer.url}", _EXAMINED, tuple(FIELDS)
        )
        frame.require(f"The answer to {answer.url}")
        if frame.count is None:
            raise comtrade_json.unlike(f"The answer to {answer.url}", "does not say how many records it holds")
        reporters, partners, products = (
            {code for table in columns for code in table[field].unique().to_pylist()} for field in _EXAMINED
        )
        self._require_known(reporters | partners)
        if api.is_truncated(frame.count, self.limits.records):
            guess = comtrade_plan.parts_needed(self.scope, self.filed, question, reporters, self.limits)
            parts = comtrade_plan.split(
                question, self.limits, lambda level: self._codes(question, level, products), guess
            )
            carry.note_asked(self.into, name, parts=[part.as_dict() for part in parts])
            return parts
        atomic.write_bytes(self.into / f"{name}.json", answer.content)
        file = self._file(f"{name}.json", question, answer, frame.records)
        carry.note_asked(self.into, name, file=asdict(file))
        return file

    def _get(self, question: Question) -> Fetched:
        keyed = self.budget.key is not None
        answer = self.client.get(
            question.path(keyed=keyed),
            params=question.parameters(self.limits.records),
            expect="json",
            accept=api.REFUSALS,
            period=", ".join(question.periods),
            before=self.budget.spend,
        )
        if resume_at := api.replenished_at(answer, self.budget.now()):
            raise self.budget.close(resume_at)
        if answer.status >= 300:
            api.refuse(answer, keyed=keyed)
        return answer

    def _file(self, name: str, question: Question, answer: Fetched, records: int) -> RawFile:
        asked = [e for e in self.filed if e.reporter in question.reporters and e.period in question.periods]
        return RawFile(
            name=name,
            format=FORMAT,
            url=answer.url,
            sha256=answer.sha256,
            size=len(answer.content),
            retrieved_at=answer.retrieved_at,
            headers=answer.headers,
            details={
                "slice": self.slice_id,
                "scope": self.scope.as_dict(),
                "reporters": list(question.reporters),
                "periods": list(question.periods),
                "products": list(question.products),
                "flows": list(question.flows),
                "signatures": comtrade_plan.signatures(self.scope, asked),
                "whole": question.products == self.scope.products and not question.flows,
                "count": records,
            },
        )

    def _name(self, question: Question) -> str:
        """File name of an answer: the slice, and a digest of the question and its limit."""
        asked = json.dumps([question.as_dict(), self.limits.records], sort_keys=True)
        return f"{self.slice_id}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"

    def _require_known(self, codes: set[int | None]) -> None:
        known = set(areas().codes.tolist())
        if lost := sorted(code for code in codes if code is not None and code not in known):
            raise SourceContractError(
                f"The answer names area code(s) that the catalogue does not know: {', '.join(map(str, lost[:10]))}.",
                remedy="Look them up in UN Comtrade's partnerAreas.json and add them to "
                f"catalog/mappings/{comtrade_reference.MAPPING}, or the country to catalog/countries.csv.",
            )

    def _codes(self, question: Question, level: str, seen: set[str]) -> list[str]:
        """All products of a level in the editions in which the question's reports were filed.

        ``seen`` are products of the answer that was cut off; one that no list has would be lost, and is refused.
        """
        asked = [e for e in self.filed if e.reporter in question.reporters and e.period in question.periods]
        found: set[str] = set()
        for edition in sorted({entry.edition for entry in asked}):
            found.update(comtrade_reference.codes_of(self._list(f"{edition}.json"), level))
        if lost := sorted(code for code in seen if len(code) == comtrade_reference.LEVELS[level] and code not in found):
            raise SourceContractError(
                f"UN Comtrade's lists of products lack code(s) that stand in its answers: {', '.join(lost[:10])}.",
                remedy="The lists may be newer or older than the data; until they agree, ask with a larger limit of "
                f"records (AGROCLUSTER_{catalog().dataset(self.dataset_id).source.upper()}_RECORDS_PER_CALL, a key).",
            )
        return sorted(found)

    def _list(self, name: str) -> list[dict[str, Any]]:
        if name not in self._lists:
            self._lists[name] = api.read_list(self.client.get(f"{api.REFERENCE}/{name}", expect="json"))
        return self._lists[name]


def _cut(content: bytes) -> Iterator[bytes]:
    view = memoryview(content)
    return (bytes(view[start : start + PIECE]) for start in range(0, len(view), PIECE))
