"""What this process has noticed of accounts, and keeps in memory only.

What may be a discrepancy, and may pass; what was asked about and failed; and
accounts that are to be compared soon.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from exchanges.domain import VenueError
from exchanges.trading import NotNow, SignInRefused

SOON_SECONDS = 5.0
"""A comparison that is asked for comes no earlier after the last one."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0

_seen: dict[tuple[str, int], tuple[float, float]] = {}
"""When something was first and last seen (monotonic, as all times here)."""

_failed: dict[int, tuple[int, float]] = {}
"""How often in a row a question about a discrepancy failed, and when it is asked again."""

_wanted: set[int] = set()
_compared: dict[int, float] = {}


def lasts(what: tuple[str, int], seconds: float, apart: float) -> bool:
    """Whether it was seen again and again for so long, never more than `apart` between."""
    now = time.monotonic()
    first, last = _seen.get(what, (now, now))
    if now - last > apart:
        first = now
    _seen[what] = first, now
    return now - first > seconds


def passed(what: tuple[str, int]) -> None:
    _seen.pop(what, None)


def concerns_all(error: VenueError) -> bool:
    """Whether it is the venue or the account, not one order or market, that has the trouble."""
    whole = isinstance(error, (NotNow, SignInRefused))
    return whole or error.code in ("VENUE_UNREACHABLE", "VENUE_RATE_LIMITED")


def attempt(key: int, work: Callable[[], bool]) -> bool:
    """`work` on the discrepancy `key`; False while it is put off, for the venue fails at it alone.

    Raises VenueError that concerns all.
    """
    count, again = _failed.get(key, (0, 0.0))
    if time.monotonic() < again:
        return False
    try:
        done = work()
    except VenueError as error:
        if concerns_all(error):
            raise
        pause = min(_FIRST_PAUSE * 2.0 ** min(count, 10), _LONGEST_PAUSE)
        _failed[key] = count + 1, time.monotonic() + pause
        return False
    _failed.pop(key, None)
    return done


def ask(account_id: int) -> None:
    """Has the account's trader in this process compare its books soon, balances too."""
    _wanted.add(account_id)


def is_asked(account_id: int) -> bool:
    """Whether a comparison is wanted and the last one is not just over."""
    last = _compared.get(account_id)
    rested = last is None or time.monotonic() - last >= SOON_SECONDS
    return account_id in _wanted and rested


def compared(account_id: int) -> None:
    """A comparison begins: what was wanted until now is answered by it."""
    _wanted.discard(account_id)
    _compared[account_id] = time.monotonic()


def forget() -> None:
    """As a new process begins."""
    for kept in (_seen, _failed, _wanted, _compared):
        kept.clear()
