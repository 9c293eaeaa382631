"""Who is told, and who is not told again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agrocluster.errors import DeliveryFailed, StorageError, UsageError
from agrocluster.notify import deliver
from agrocluster.notify import ledger as ledgers
from agrocluster.notify.alert import Alert, cause_of, kinds
from agrocluster.notify.ledger import Ledger, told
from agrocluster.notify.words import Message
from agrocluster.storage import atomic
from agrocluster.storage.paths import layout

START = datetime(2026, 7, 13, 9, 0, tzinfo=UTC)


@dataclass
class Clock:
    time: datetime = START

    def __call__(self) -> datetime:
        return self.time

    def after(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass
class Heard:
    """A channel that keeps what it is sent, or fails."""

    name: str = "heard"
    kinds: tuple[str, ...] = ()
    messages: list[Message] = field(default_factory=list)
    broken: bool = False

    def send(self, message: Message) -> None:
        if self.broken:
            raise DeliveryFailed("It is closed.")
        self.messages.append(message)

    @property
    def states(self) -> list[str]:
        return [message.state for message in self.messages]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(data_root: Path, clock: Clock) -> Ledger:
    return Ledger(clock)


def failure(cause: str = "SourceUnavailable", subject: str = "ingest_faostat__qcl", **more: str) -> Alert:
    return Alert("failure", subject, cause, "No answer.", **more)


def test_the_same_trouble_is_told_once_until_it_is_over(book: Ledger, clock: Clock) -> None:
    heard = Heard()
    for _ in range(3):
        deliver.announce(failure(), lambda: [heard], book)
        clock.after(days=2)
    deliver.announce(failure("another"), lambda: [heard], book)
    deliver.announce(failure(subject="marts"), lambda: [heard], book)
    assert heard.states == ["open"] * 3
    deliver.resolve({"failure"}, "ingest_faostat__qcl", lambda: [heard], book)
    assert heard.states == ["open"] * 3 + ["resolved"] * 2
    assert [entry["alert"]["subject"] for entry in book.open()] == ["marts"]
    deliver.resolve({"failure"}, "ingest_faostat__qcl", lambda: [heard], book)
    assert len(heard.messages) == 5


def test_trouble_that_comes_and_goes_is_told_again_only_after_the_quiet_time(
    book: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGROCLUSTER_ALERTS_QUIET_HOURS", "6")
    heard = Heard()

    def comes_and_goes() -> None:
        deliver.announce(failure(), lambda: [heard], book)
        deliver.resolve({"failure"}, "ingest_faostat__qcl", lambda: [heard], book)

    comes_and_goes()
    clock.after(hours=5)
    comes_and_goes()
    assert heard.states == ["open", "resolved"], "nobody was told the second time, so there is nothing to take back"
    clock.after(hours=2)
    comes_and_goes()
    assert heard.states == ["open", "resolved"] * 2


def test_what_stays_open_past_the_quiet_time_is_told_although_it_began_within(book: Ledger, clock: Clock) -> None:
    heard = Heard()
    deliver.announce(failure(), lambda: [heard], book)
    deliver.resolve({"failure"}, "ingest_faostat__qcl", lambda: [heard], book)
    clock.after(hours=1)
    deliver.announce(failure(), lambda: [heard], book)
    clock.after(hours=24)
    deliver.announce(failure(), lambda: [heard], book)
    assert heard.states == ["open", "resolved", "open"]


def test_an_alert_of_several_ends_with_the_last(book: Ledger) -> None:
    heard = Heard()
    for holder in ("ingest_a", "ingest_b"):
        deliver.announce(Alert("quota", "comtrade", "quota", "Spent.", holder=holder), lambda: [heard], book)
    assert deliver.resolve({"quota"}, "ingest_a", lambda: [heard], book) == []
    assert heard.states == ["open"]
    deliver.resolve({"quota"}, "ingest_b", lambda: [heard], book)
    assert heard.states == ["open", "resolved"]


def test_of_warnings_of_releases_only_the_newest_stands(book: Ledger) -> None:
    heard = Heard()
    for cause in ("one", "two", "two"):
        deliver.announce(Alert("quality_warning", "release", cause, "Broken."), lambda: [heard], book)
    assert [entry["alert"]["cause"] for entry in book.open()] == ["two"]
    assert heard.states == ["open", "open"]


def test_an_event_is_never_open(book: Ledger) -> None:
    heard = Heard()
    for _ in range(2):
        deliver.announce(Alert("release", "2026-01-01-live-abc", "release", "New."), lambda: [heard], book)
    assert heard.states == ["event"]
    assert book.open() == []


def test_a_channel_that_was_down_is_told_later_and_the_others_are_not_told_twice(book: Ledger, clock: Clock) -> None:
    down, up = Heard("down", broken=True), Heard("up")
    assert deliver.announce(failure(), lambda: [down, up], book) == ["up"]
    (entry,) = book.open()
    assert told(entry) == ["up"]
    assert "It is closed." in entry["channels"]["down"]["problem"]
    down.broken = False
    assert deliver.repeat(lambda: [down, up], book, pending=True) == [], (
        "each attempt costs the task that makes it time"
    )
    clock.after(minutes=31)
    assert deliver.repeat(lambda: [down, up, Heard("new")], book) == ["down", "new"]
    assert deliver.repeat(lambda: [down, up], book) == []
    assert (down.states, up.states) == (["open"], ["open"])
    assert book.open()[0]["times"] == 1


def test_what_was_raised_where_no_channel_can_be_had_is_told_by_the_next_who_can(book: Ledger) -> None:
    heard, known = Heard(), Heard("known")

    def some() -> list[Heard]:
        raise deliver.SomeUnknown([known])

    def none() -> list[Heard]:
        raise RuntimeError("Airflow does not answer")

    deliver.announce(failure("one"), some, book)
    deliver.announce(failure("two"), none, book)
    assert known.states == ["open"]
    assert deliver.repeat(some, book, pending=True) == []
    assert sorted(deliver.repeat(lambda: [heard, known], book, pending=True)) == ["heard", "heard", "known"]
    assert deliver.repeat(none, book, pending=True) == [], "nothing is pending, nobody is looked up"


def test_a_receiver_that_is_down_is_asked_by_one_of_many_tasks(book: Ledger, clock: Clock) -> None:
    tries: list[str] = []

    class Down(Heard):
        def send(self, message: Message) -> None:
            tries.append(message.state)
            raise DeliveryFailed("It is closed.")

    for _ in range(20):
        deliver.announce(failure(), lambda: [Down()], book)
    assert len(tries) == 1
    clock.after(hours=1)
    deliver.repeat(lambda: [Down()], book, pending=True)
    assert len(tries) == 2


@pytest.mark.parametrize(("days", "reached"), [(1, ["heard"]), (4, [])])
def test_an_event_that_was_missed_is_told_while_it_is_news(
    book: Ledger, clock: Clock, days: int, reached: list[str]
) -> None:
    heard = Heard(broken=True)
    deliver.announce(Alert("release", "2026-01-01-live-abc", "release", "New."), lambda: [heard], book)
    heard.broken = False
    clock.after(days=days)
    assert deliver.repeat(lambda: [heard], book, pending=True) == reached
    assert deliver.repeat(lambda: [heard], book) == []
    assert set(heard.states) <= {"event"}


def test_a_channel_gets_the_kinds_it_wants(book: Ledger) -> None:
    some, all_ = Heard("some", kinds=("release",)), Heard("all")
    deliver.announce(failure(), lambda: [some, all_], book)
    deliver.announce(Alert("release", "r", "release", "New."), lambda: [some, all_], book)
    deliver.repeat(lambda: [some, all_], book)
    assert [m.alert.kind for m in some.messages] == ["release"]
    assert [m.alert.kind for m in all_.messages] == ["failure", "release"]


def test_without_channels_nothing_is_sent_and_nothing_is_wrong(book: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    assert deliver.announce(failure(), list, book) == []
    assert deliver.resolve({"failure"}, "ingest_faostat__qcl", list, book) == [failure().key]
    assert caplog.records == []


def test_of_processes_with_the_same_trouble_one_tells(data_root: Path) -> None:
    script = (
        "from agrocluster.notify.alert import Alert\nfrom agrocluster.notify.ledger import Ledger\n"
        "print(Ledger().raised(Alert('failure', 'marts', 'c', 'p'), ['a', 'b']))"
    )
    command = [sys.executable, "-c", script]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate()[0].strip() for process in started)
    assert said == ["['a', 'b']", "[]"]


def test_who_died_before_sending_holds_up_the_others_for_a_while_only(book: Ledger, clock: Clock) -> None:
    assert book.raised(failure(), ["a"]) == ["a"]
    assert book.raised(failure(), ["a"]) == []
    clock.after(minutes=16)
    assert book.raised(failure(), ["a"]) == ["a"]


def test_a_full_disk_is_told_all_the_same(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(atomic, "write_json", full)
    heard = Heard()
    assert deliver.announce(failure(), lambda: [heard], book) == ["heard"]


@pytest.mark.parametrize("entry", [None, [], {}, {"alert": {"kind": "nonsense"}}, {"alert": {}}])
def test_a_damaged_record_counts_as_absent(book: Ledger, entry: object) -> None:
    book.raised(failure("other"), [])
    known = atomic.read_json(layout().alerts)
    atomic.write_json(layout().alerts, {**known, failure().key: entry})
    assert [found["alert"]["cause"] for found in book.open()] == ["other"]
    assert book.raised(failure(), ["a"]) == ["a"]


def test_a_damaged_file_hides_no_alert(book: Ledger) -> None:
    layout().alerts.parent.mkdir(parents=True)
    layout().alerts.write_text("{")
    heard = Heard()
    assert deliver.announce(failure(), lambda: [heard], book) == ["heard"]


def test_old_alerts_are_removed_and_open_ones_are_kept(book: Ledger, clock: Clock) -> None:
    for cause in ("one", "two"):
        book.raised(failure(cause, holder=cause), [])
    book.healed({"failure"}, "one")
    clock.after(days=10)
    assert book.prune(timedelta(days=11)) == 0
    assert book.prune(timedelta(days=9)) == 1
    assert [entry["alert"]["cause"] for entry in book.open()] == ["two"]


def test_nothing_escapes_from_a_channel_or_its_making(book: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    class Mad(Heard):
        def send(self, message: Message) -> None:
            raise ZeroDivisionError("https://hooks.example.org/secret-path")

    def none_to_be_had() -> list[Heard]:
        raise RuntimeError("no Airflow")

    assert deliver.announce(failure(), lambda: [Mad()], book) == []
    assert deliver.announce(failure(), none_to_be_had, book) == []
    assert deliver.resolve({"failure"}, "ingest_faostat__qcl", none_to_be_had, book) == [failure().key]
    assert "secret-path" not in caplog.text
    assert "secret-path" not in layout().alerts.read_text()


def test_a_setting_that_makes_no_sense_hides_no_alert(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROCLUSTER_ALERTS_QUIET_HOURS", "soon")
    heard = Heard()
    assert deliver.announce(failure(), lambda: [heard], book) == ["heard"]


@pytest.mark.parametrize("given", ["soon", "-1", "1.5"])
def test_a_quiet_time_that_is_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGROCLUSTER_ALERTS_QUIET_HOURS", given)
    with pytest.raises(UsageError, match="no number of hours"):
        ledgers.quiet_time()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("No answer (3 attempts): https://a.example/1?p=2", "No answer (5 attempts): https://a.example/9", True),
        ("x breaks the critical rule a: 3 rows", "x breaks the critical rule a: 9 rows", True),
        ("x breaks the critical rule a: 3 rows", "x breaks the critical rule b: 3 rows", False),
        ("E: one thing", "E: another thing", False),
        ("The file of 2026-07-13 lacks the column Area.", "The file of 2026-08-13 lacks the column Area.", True),
    ],
)
def test_numbers_and_addresses_make_no_new_trouble(one: str, other: str, same: bool) -> None:
    assert (cause_of("E", one) == cause_of("E", other)) is same
    assert cause_of("E", one) != cause_of("F", one)


def test_every_kind_is_raised_where_the_table_says(project_file: Callable[[str], str]) -> None:
    for name, kind in kinds().items():
        module, _, function = kind.raised_by.rpartition(".")
        text = project_file(module.replace(".", "/") + ".py")
        assert f"def {function}(" in text, name
    assert {name for name, kind in kinds().items() if kind.heals == "never"} == {"release", "test"}


@pytest.fixture
def project_file() -> Callable[[str], str]:
    import agrocluster

    return lambda path: (Path(agrocluster.__file__).parent / path).read_text(encoding="utf-8")


def test_an_alert_is_kept_as_it_was(book: Ledger) -> None:
    alert = failure(remedy="Wait.", source="faostat", period="2026")
    book.raised(alert, [])
    (entry,) = book.open()
    assert Alert.from_dict(json.loads(json.dumps(entry["alert"]))) == alert
