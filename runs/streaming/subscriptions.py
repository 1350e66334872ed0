"""What one client is told, and how far it has been told: pure bookkeeping.

A run's Events are numbered without a hole.  A cursor lets an Event through
only when it is the next one; anything else (a hole, a full outbox, a replay
that is under way) leaves it behind, and then the database is read from its
position on until nothing is missing.  So what comes out is always every
Event, in order, once, whatever came in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from exchanges.domain import InvalidInput
from runs.channels import ENDS, UPDATES, Happening, Message

MAX_SUBSCRIPTIONS = 10


class Key(NamedTuple):
    """What makes two subscriptions the same.  None: every run, every symbol."""

    channel: str
    run_id: str | None = None
    symbol: str | None = None


class Cursor:
    """How far one subscription has been told of one run."""

    __slots__ = ("behind", "position", "run", "target")

    def __init__(self, run: int, position: int, *, behind: bool = False) -> None:
        self.run = run
        self.position = position
        self.behind = behind
        self.target = position

    def offer(self, seq: int, room: bool) -> bool:
        """Whether a live Event is to be told now; it then counts as told."""
        if seq <= self.position:
            return False
        self.target = max(self.target, seq)
        if self.behind or not room or seq != self.position + 1:
            self.behind = True
            return False
        self.position = seq
        return True

    def told(self, seq: int) -> None:
        self.position = max(self.position, seq)

    def caught_up(self, through: int, complete: bool) -> None:
        """All up to `through` has been read; `complete`: that was all there was."""
        self.told(through)
        self.behind = not complete or self.position < self.target


class Subscription:
    def __init__(self, key: Key, cursor: Cursor | None = None) -> None:
        self.key = key
        self.cursors = {cursor.run: cursor} if cursor else {}

    def cursor(self, event: Happening) -> Cursor | None:
        """For the Event's run; None where that is not of interest."""
        cursor = self.cursors.get(event.run)
        if cursor is None and self.key.run_id is None:
            cursor = self.cursors[event.run] = Cursor(event.run, event.seq - 1)
        return cursor

    def forget(self, event: Happening) -> None:
        """A run that is over need not be remembered by those who follow them all."""
        if self.key.run_id is None and event.kind in ENDS:
            cursor = self.cursors.get(event.run)
            if cursor is not None and not cursor.behind:
                del self.cursors[event.run]


class Subscriptions:
    """One client's."""

    def __init__(self) -> None:
        self._held: dict[Key, Subscription] = {}

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._held.values()))

    def __contains__(self, subscription: Subscription) -> bool:
        return self._held.get(subscription.key) is subscription

    def get(self, key: Key) -> Subscription | None:
        return self._held.get(key)

    def check_room(self) -> None:
        """Raises TOO_MANY_SUBSCRIPTIONS."""
        if len(self.shown()) >= MAX_SUBSCRIPTIONS:
            raise InvalidInput(
                "TOO_MANY_SUBSCRIPTIONS",
                f"A connection holds at most {MAX_SUBSCRIPTIONS} subscriptions",
                maximum=MAX_SUBSCRIPTIONS,
                subscriptions=self.shown(),
            )

    def add(self, subscription: Subscription) -> None:
        self._held[subscription.key] = subscription

    def remove(self, key: Key) -> None:
        """Raises NOT_SUBSCRIBED."""
        if self._held.pop(key, None) is None:
            raise InvalidInput(
                "NOT_SUBSCRIBED", "There is no such subscription", subscriptions=self.shown()
            )

    def shown(self) -> list[dict[str, str | None]]:
        return [key._asdict() for key in self._held if key.channel != UPDATES]

    def messages(self, subscription: Subscription, event: Happening) -> list[Message]:
        """What this one of the client's subscriptions tells of the Event.

        Where several ask for the same message the narrower tells it, the
        others keep quiet: a client reads it once.
        """
        channel = subscription.key.channel
        return [
            message
            for message in event.messages.get(channel, ())
            if self._server(channel, event.run_id, message.symbol) is subscription
        ]

    def _server(self, channel: str, run_id: str, symbol: str | None) -> Subscription | None:
        for key in (
            Key(channel, run_id),
            Key(channel, run_id, symbol),
            Key(channel),
            Key(channel, None, symbol),
        ):
            if key in self._held:
                return self._held[key]
        return None
