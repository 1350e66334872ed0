"""Events in order, and how long a broken stream is tried again: pure bookkeeping."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ._model import Model
from ._waiting import OVER
from .errors import APIError, CrackTraderError
from .models import EventSchema

CHANNELS = ("status", "orders", "trades", "equity", "logs")
"""Each event of a run is in one of these; some of `status` are in `logs` too."""

TORN_SECONDS = 5.0
STUCK_SECONDS = 60.0
MENDED_AT_ONCE = 100
GIVE_UP_SECONDS = 300.0
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent(Model):
    """Something that happened to a run.  `seq` counts a run's events from 1 without a hole."""

    channel: str
    """status, orders, trades, equity, logs or ticker."""
    run_id: str
    seq: int
    data: dict[str, Any]
    """As docs/websocket.md of the server lists it for the channel."""
    symbol: str | None = None
    """Of ticker only."""

    @property
    def is_last(self) -> bool:
        """Whether it says that the run is over."""
        return self.channel == "status" and self.data.get("status") in OVER


Events: TypeAlias = Generator[StreamEvent, None, None]
AsyncEvents: TypeAlias = AsyncGenerator[StreamEvent, None]


def event_of(message: dict[str, Any] | None) -> StreamEvent | None:
    """None of what is no event: heartbeats, and answers to requests."""
    if message is None or "channel" not in message or "type" in message:
        return None
    return StreamEvent.from_dict(message)


class InOrder:
    """One run's events of all channels, put in order again: each once, none left out."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.over = False
        self._heard: dict[str, int] = {}
        self._early: dict[int, StreamEvent] = {}
        self._torn_since: float | None = None

    def since(self, channel: str) -> int:
        """Where the channel goes on: each tells its events in order."""
        return max(self.last, self._heard.get(channel, 0))

    def add(self, event: StreamEvent) -> list[StreamEvent]:
        """Those whose turn has come."""
        self._heard[event.channel] = max(event.seq, self._heard.get(event.channel, 0))
        told_in_status_too = event.channel == "logs" and str(event.data.get("event")).startswith(
            "run."
        )
        if event.seq <= self.last or event.seq in self._early or told_in_status_too:
            return []
        self._early[event.seq] = event
        return self._due()

    def is_torn(self, quiet: float) -> bool:
        """Whether an event is missing that is not on its way: of a kind no channel tells.

        `quiet`: the seconds for which the connection has told nothing.
        """
        if self._torn_since is None:
            return False
        return quiet > TORN_SECONDS or time.monotonic() - self._torn_since > STUCK_SECONDS

    def mend(self, run_id: str, events: Iterable[EventSchema]) -> list[StreamEvent]:
        """With the run's record from `last` on; what that lacks does not come any more."""
        due: list[StreamEvent] = []
        for event in events:
            self.last = max(self.last, event.seq - 1)
            due += self.add(_recorded(run_id, event))
        return due

    def _due(self) -> list[StreamEvent]:
        due = []
        while (event := self._early.pop(self.last + 1, None)) is not None:
            self.last += 1
            self.over = self.over or event.is_last
            due.append(event)
        if not self._early:
            self._torn_since = None
        elif due or self._torn_since is None:
            self._torn_since = time.monotonic()
        return due


def _recorded(run_id: str, event: EventSchema) -> StreamEvent:
    """An event of `/runs/{run_id}/events` as the stream tells it."""
    begins = event.kind.partition(".")[0]
    channel = {"run": "status", "order": "orders", "trade": "trades", "equity": "equity"}.get(
        begins, "logs"
    )
    data = event.data
    if channel == "status":
        word = event.kind.removeprefix("run.")
        data = {**data, "event": event.kind, "status": word if word in OVER else None}
    elif channel == "logs":
        data = {"event": event.kind, "details": data}
    found = {"channel": channel, "run_id": run_id, "seq": event.seq, "data": data}
    return StreamEvent.from_dict(found)


class Ticks:
    """One run's ticker: an event is a message for each symbol, all with one `seq`."""

    def __init__(self, last: int) -> None:
        self.last = last
        self._symbols: set[str | None] = set()

    @property
    def since(self) -> int:
        """Where to go on: the newest event is asked for again, in case it came in part."""
        return self.last - 1 if self._symbols else self.last

    def is_new(self, tick: StreamEvent) -> bool:
        if tick.seq < self.last or (tick.seq == self.last and not self._symbols):
            return False
        if tick.seq > self.last:
            self.last, self._symbols = tick.seq, set()
        if tick.symbol in self._symbols:
            return False
        self._symbols.add(tick.symbol)
        return True


class Reconnecting:
    """When to connect again: at once first, then ever more seldom."""

    def __init__(self) -> None:
        self._failures = 0
        self._failing_since: float | None = None

    def succeeded(self) -> None:
        self._failures, self._failing_since = 0, None

    def pause(self, error: CrackTraderError) -> float:
        """Seconds.  Raises the error where it will not pass, or has lasted for too long."""
        asked = None
        if isinstance(error, APIError):
            if error.status != 429 and error.status < 500:
                raise error
            asked = error.retry_after
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since > GIVE_UP_SECONDS:
            raise error
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self._failures)
        self._failures += 1
        return max(asked or 0.0, pause * random.uniform(0.5, 1.0))
