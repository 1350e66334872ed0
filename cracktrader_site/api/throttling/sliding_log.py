"""A sliding log: each limit remembers its requests of the last 60 seconds, one by one.

A counter per minute lets twice the limit through around the turn of the
minute, and two limits asked one after the other would charge the first for
what the second refuses; here all limits of a request are asked in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

WINDOW_SECONDS = 60
WINDOW = WINDOW_SECONDS * 1_000_000_000


class Limit(NamedTuple):
    """At most `most` requests under the name `bucket` in any 60 seconds, both ends included."""

    bucket: str
    most: int


class Seen(NamedTuple):
    """What a store found of one limit, before the request itself.  Times in ns from now.

    `counted`: requests of the last 60 seconds; `frees_in`: until the oldest of
    them is forgotten; `opens_in`: until there is room, 0 if there is.
    """

    counted: int
    frees_in: int
    opens_in: int


class Store(Protocol):
    def hit(self, limits: Sequence[Limit]) -> list[Seen]:
        """Counts a request in all the limits if each has room for it, else in none.

        Raises StoreFailed.
        """


class StoreFailed(Exception):
    """The store cannot be asked."""


class Verdict(NamedTuple):
    """What is said of a request: the numbers are those of its tightest limit.

    `reset_in`: seconds until its oldest request is forgotten; `retry_in`: seconds
    after which a refused request passes, None if it was admitted.
    """

    limit: int
    remaining: int
    reset_in: float
    retry_in: int | None


def verdict(limits: Sequence[Limit], seen: Sequence[Seen]) -> Verdict:
    """Of at least one limit."""
    found = list(zip(limits, seen, strict=True))
    limit, tightest = max(found, key=lambda pair: pair[1].opens_in)
    if tightest.opens_in:
        seconds = -(-tightest.opens_in // 1_000_000_000)
        return Verdict(limit.most, 0, tightest.opens_in / 1e9, seconds)
    limit, tightest = min(found, key=lambda pair: (pair[0].most - pair[1].counted, pair[0].most))
    return Verdict(limit.most, limit.most - tightest.counted - 1, tightest.frees_in / 1e9, None)
