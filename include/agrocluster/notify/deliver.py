"""Says what has to be said, once, to every channel that wants to know; whatever fails here fails nothing else.

The channels are given as a function, because asking for them may cost a question to Airflow and is mostly not needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

from agrocluster.errors import AgroclusterError
from agrocluster.http import redact
from agrocluster.notify.alert import Alert, State
from agrocluster.notify.channels import Channel
from agrocluster.notify.ledger import Ledger, told
from agrocluster.notify.words import Message

log = logging.getLogger(__name__)
Channels = Callable[[], Sequence[Channel]]


class SomeUnknown(Exception):
    """Raised by a ``Channels`` where not all channels could be looked up. ``found``: those that could."""

    def __init__(self, found: Sequence[Channel]) -> None:
        super().__init__("not all channels could be looked up")
        self.found = found


def announce(alert: Alert, channels: Channels, ledger: Ledger | None = None) -> list[str]:
    """Raise an alert; returns the names of the channels that were told. It raises nothing.

    Where not all channels can be had, the alert is written down for ``repeat``.
    """
    try:
        known, complete = _looked_up(channels)
        return _announce(alert, known, ledger or Ledger(), pending=not complete)
    except Exception:
        log.exception("The alert %s could not be reported.", alert.key)
        return []


def resolve(kinds: Collection[str], holder: str, channels: Channels, ledger: Ledger | None = None) -> list[str]:
    """``holder`` is well again: close its alerts and say so to those who knew; returns their keys. Raises nothing."""
    try:
        closed = (ledger or Ledger()).healed(kinds, holder)
        if any(told(entry) for entry in closed):
            known = {channel.name: channel for channel in _looked_up(channels)[0]}
            for entry in closed:
                listening = [known[name] for name in told(entry) if name in known]
                _tell(Alert.from_dict(entry["alert"]), "resolved", entry["opened_at"], listening, ledger or Ledger())
        return [Alert.from_dict(entry["alert"]).key for entry in closed]
    except Exception:
        log.exception("The alerts of %s could not be closed.", holder)
        return []


def repeat(channels: Channels, ledger: Ledger | None = None, *, pending: bool = False) -> list[str]:
    """Tell those who do not know yet of open alerts and late events, because a channel was down or is new.

    Raises nothing. Returns the channels that were reached.

    ``pending``: only of those that somebody is known to have missed, which costs nothing where there are none.
    """
    book: Ledger = ledger or Ledger()
    reached: list[str] = []
    try:
        missed = book.missed(pending=pending)
        known, complete = _looked_up(channels) if missed else ((), True)
        for entry in missed if complete else ():
            alert = Alert.from_dict(entry["alert"])
            wanted = _wanting(alert, known)
            due = book.untold(alert, [channel.name for channel in wanted])
            reached += _tell(alert, _state(alert), entry["opened_at"], [c for c in wanted if c.name in due], book)
    except Exception:
        log.exception("Alerts could not be repeated.")
    return reached


def _looked_up(channels: Channels) -> tuple[Sequence[Channel], bool]:
    """The channels that can be had, and whether these are all."""
    try:
        return channels(), True
    except SomeUnknown as error:
        return error.found, False
    except Exception:
        log.exception("The channels could not be looked up.")
        return (), False


def _announce(alert: Alert, channels: Iterable[Channel], ledger: Ledger, *, pending: bool) -> list[str]:
    wanted = _wanting(alert, channels)
    names = [channel.name for channel in wanted]
    try:
        due = ledger.raised(alert, names, pending=pending)
    except (AgroclusterError, OSError) as error:
        # A full disk, or a setting that makes no sense, is itself something to tell: better twice than not at all.
        log.error("What was reported cannot be written down: %s", error)
        due = names
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return _tell(alert, _state(alert), at, [channel for channel in wanted if channel.name in due], ledger)


def _state(alert: Alert) -> State:
    return "event" if alert.spec.heals == "never" else "open"


def _wanting(alert: Alert, channels: Iterable[Channel]) -> list[Channel]:
    return [channel for channel in channels if not channel.kinds or alert.kind in channel.kinds]


def _tell(alert: Alert, state: State, since: str, channels: Iterable[Channel], ledger: Ledger) -> list[str]:
    reached = []
    for channel in channels:
        message = Message(alert, state, at=datetime.now(UTC).isoformat(timespec="seconds"), since=since)
        problem = sent(channel, message)
        if problem is None:
            reached.append(channel.name)
        try:
            ledger.settled(alert, state, channel.name, problem)
        except (AgroclusterError, OSError) as error:
            log.error("What was reported cannot be written down: %s", error)
    return reached


def sent(channel: Channel, message: Message) -> str | None:
    """None when the channel took the message, else why not."""
    try:
        channel.send(message)
    except Exception as error:
        known = isinstance(error, AgroclusterError)
        problem = redact(str(error)) if known else f"{type(error).__name__} while sending"
        log.error("The alert %s could not be sent to %s: %s", message.alert.key, channel.name, problem)
        return problem
    log.info("The alert %s (%s) was sent to %s.", message.alert.key, message.state, channel.name)
    return None
