"""What an alert is: its kind, what it is about, and everything a reader needs to act on it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from agrocluster.errors import UsageError
from agrocluster.http import redact
from agrocluster.model.specs import Spec, Text

State = Literal["open", "resolved", "event"]
LONGEST = 1500
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class Kind(Spec):
    """One line of ``kinds.yaml``, whose head explains the fields."""

    severity: Literal["critical", "warning", "info"]
    title: Text
    raised_by: str = Field(pattern=r"^[a-z_]+(\.[a-z_]+)+$")
    heals: Literal["dag", "check", "never"]
    one_at_a_time: bool = False


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds of alerts by name."""
    text = Path(__file__).with_name("kinds.yaml").read_text(encoding="utf-8")
    return {name: Kind.model_validate(fact) for name, fact in yaml.safe_load(text).items()}


def healed_by_success() -> frozenset[str]:
    """Kinds that end when the Dag that raised them succeeds."""
    return frozenset(name for name, kind in kinds().items() if kind.heals == "dag")


@dataclass(frozen=True)
class Alert:
    """Something people should know.

    Attributes:
        kind: a name of ``kinds.yaml``.
        subject: what it is about (a Dag, a dataset, a publisher, a release).
        cause: what tells this trouble from another one of the same subject; equal causes are told once.
        problem, remedy: a sentence each: what happened, what to do.
        holder: who has to succeed for it to end; by default the subject. Several may hold one alert.
        details: further JSON-able facts for programs.
        label: what everything made of sample data says about itself, else empty.
        board, run: addresses in Airflow's interface, empty where its address is not known.
    """

    kind: str
    subject: str
    cause: str
    problem: str
    remedy: str = ""
    source: str = ""
    dataset: str = ""
    period: str = ""
    holder: str = ""
    dag_id: str = ""
    run_id: str = ""
    label: str = ""
    board: str = ""
    run: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in kinds():
            raise UsageError(f"There is no alert {self.kind!r}.", remedy=f"Use one of: {', '.join(kinds())}.")
        for f in fields(self):
            if isinstance(value := getattr(self, f.name), str):
                object.__setattr__(self, f.name, plain(value))
        object.__setattr__(self, "holder", self.holder or self.subject)

    @property
    def spec(self) -> Kind:
        """What ``kinds.yaml`` says of its kind."""
        return kinds()[self.kind]

    @property
    def key(self) -> str:
        """Name of its file: the same for the same kind, subject and cause."""
        digest = hashlib.sha256(f"{self.subject}\0{self.cause}".encode()).hexdigest()
        return f"{self.kind}-{digest[:16]}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-able fields; ``from_dict`` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> Alert:
        """The alert that ``as_dict`` described."""
        return cls(**{f.name: known[f.name] for f in fields(cls)})


def plain(text: str) -> str:
    """``text`` without secrets and control characters, cut to a readable length."""
    clean = _CONTROL.sub(" ", redact(text))
    return clean if len(clean) <= LONGEST else f"{clean[: LONGEST - 2]} …"


def cause_of(kind: str, problem: str) -> str:
    """What makes two failures the same trouble: the kind of error and how its sentence begins.

    Numbers, addresses and what follows the first colon differ from task to task and from day to day.
    """
    begin = re.sub(r"https?://\S+", "", problem.removeprefix(f"{kind}: ")).partition(":")[0]
    return f"{kind} {re.sub(r'[0-9]+', '#', begin).strip()[:160]}"
