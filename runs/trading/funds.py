"""What there is: a run's or an account's money and positions, as the API shows them.

Of a paper run its books tell, of a live run its orders; the money of an account
is asked of the venue, at most once a second however many want to know.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from exchanges.domain import Busy, InvalidInput, VenueError
from exchanges.exact import plain
from exchanges.models import Account
from exchanges.services import accounts
from exchanges.trading import Balance, NotNow, SignInRefused, VenueAccount
from runs import payloads, tables
from runs.engine.config import RunConfig
from runs.models import Protection, Run, VenueOrder

from . import queries, sending

FRESH_SECONDS = 1.0

NOTHING: dict[str, Any] = {
    "mode": None,
    "run_id": None,
    "account_id": None,
    "exchange": None,
    "sandbox": None,
    "balances": [],
    "total_value": 0.0,
}


# --- balances ---


def of_run(run: Run) -> dict[str, Any]:
    """A run's money: by its books, or all of the venue account that a live run is on.

    Raises what `of_account` does.
    """
    if run.account is not None:
        whole = of_account(run.account)
        return whole | {"run_id": str(run.public_id), "total_value": run.value}
    cash = float(run.cash or 0.0)
    quote = str(run.symbols[0]).partition("/")[2]
    rows = [_row(quote, cash)]
    rows += [_row(p["symbol"].partition("/")[0], p["size"]) for p in payloads.positions(run)]
    return NOTHING | {
        "mode": run.mode,
        "run_id": str(run.public_id),
        "exchange": run.exchange.name,
        "balances": rows,
        "total_value": run.value,
    }


def _row(currency: str, amount: float) -> dict[str, Any]:
    return {"currency": currency, "free": amount, "used": 0.0, "total": amount, "exact": None}


def of_account(account: Account, *, in_line: bool = True) -> dict[str, Any]:
    """What the venue says the account holds.

    Raises VENUE_RATE_LIMITED while the venue wants fewer requests,
    CREDENTIALS_REFUSED, VENUE_UNREACHABLE, CREDENTIALS_UNREADABLE; and BUSY
    where somebody else is asking already and the caller does not stand in line.
    """
    return NOTHING | {
        "mode": "live",
        "account_id": str(account.public_id),
        "exchange": account.exchange.name,
        "sandbox": account.sandbox,
        "balances": _rows(_ask(account, in_line)),
        "total_value": None,
    }


def last_known(account: Account) -> tuple[list[dict[str, Any]], int] | None:
    """What the venue last said to this process, and when: the rows and UTC ms.  Asks nobody."""
    way = _ways.get(account.pk)
    if way is None or way.known is None:
        return None
    told, at_ms = way.known
    return _rows(told), at_ms


def _rows(told: dict[str, Balance]) -> list[dict[str, Any]]:
    return [_exact(name, balance) for name, balance in sorted(told.items())]


def _exact(currency: str, told: Balance) -> dict[str, Any]:
    amounts = {"free": told.free, "used": told.total - told.free, "total": told.total}
    return {
        "currency": currency,
        **{name: float(amount) for name, amount in amounts.items()},
        "exact": {name: plain(amount) for name, amount in amounts.items()},
    }


@dataclass(slots=True)
class _Way:
    """Into one account, for one caller at a time; and what it said last."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    credential: int | None = None
    venue: VenueAccount | None = None
    at: float = -FRESH_SECONDS
    told: dict[str, Balance] | VenueError | None = None
    known: tuple[dict[str, Balance], int] | None = None
    """What it said when it last answered, and when by the wall clock."""


_ways: dict[int, _Way] = {}


def _ask(account: Account, in_line: bool) -> dict[str, Balance]:
    if accounts.is_paused(account):
        assert account.paused_until is not None
        raise _wait((account.paused_until - timezone.now()).total_seconds())
    way = _ways.setdefault(account.pk, _Way())
    if not way.lock.acquire(timeout=settings.ORDER_TIMEOUT if in_line else 0):
        if not in_line:
            raise Busy("BUSY", "The venue is being asked already", retry_after_seconds=2)
        raise _unreachable("VENUE_UNREACHABLE")
    try:
        if time.monotonic() - way.at >= FRESH_SECONDS:
            way.told = _told(account, way)
            way.at = time.monotonic()
            if isinstance(way.told, dict):
                way.known = way.told, int(time.time() * 1000)
        told = way.told
    finally:
        way.lock.release()
    if isinstance(told, dict):
        return told
    if isinstance(told, SignInRefused):
        raise InvalidInput("CREDENTIALS_REFUSED", "The venue does not take the account's key")
    if isinstance(told, NotNow) and told.code == "VENUE_RATE_LIMITED":
        raise _wait(float(told.details.get("retry_after_seconds", 1)))
    raise _unreachable(told.code if told is not None else "VENUE_UNREACHABLE")


def _told(account: Account, way: _Way) -> dict[str, Balance] | VenueError:
    if way.venue is None or way.credential != account.credential_id:
        way.venue, way.credential = accounts.venue_account(account), account.credential_id
    try:
        return way.venue.balances()
    except NotNow as error:
        if error.code == "VENUE_RATE_LIMITED":
            # Whoever trades there is to be as quiet.
            sending.pause(account, error)
        else:
            way.venue.resync()
        return error
    except VenueError as error:
        return error


def _wait(seconds: float) -> Busy:
    return Busy(
        "VENUE_RATE_LIMITED",
        "The venue wants fewer requests for this account",
        retry_after_seconds=max(int(seconds) + 1, 1),
    )


def _unreachable(cause: str) -> InvalidInput:
    return InvalidInput(
        "VENUE_UNREACHABLE",
        "The venue did not answer about the account; try again",
        cause=cause,
        retry_after_seconds=max(int(FRESH_SECONDS), 1),
    )


# --- positions ---


def positions_of_run(run: Run) -> list[dict[str, Any]]:
    return live_positions([run]) if run.is_live else _simulated(run)


def positions_of_account(account: Account, owner: str = "") -> list[dict[str, Any]]:
    """Of the caller's runs on it that go on, or whose position is still looked after."""
    mine = Run.objects.filter(account=account).order_by("id")
    if owner:
        mine = mine.filter(owner=owner)
    active = mine.filter(status__in=Run.ACTIVE) | mine.filter(protections__isnull=False)
    return live_positions(active.distinct())


def live_positions(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """By their own orders, to the last digit.

    Until the books have a purchase its own price stands for the newest.
    """
    runs = list(runs)
    owned = queries.holdings(runs)
    guarded = {(held.run_id, held.symbol): held for held in Protection.objects.filter(run__in=runs)}
    bought = VenueOrder.objects.filter(run__in=runs, side="buy").exclude(filled="0").order_by("id")
    paid = {
        (run_id, symbol): float(cost / filled)
        for run_id, symbol, cost, filled in bought.values_list("run", "symbol", "cost", "filled")
    }
    rows = []
    for run in runs:
        booked = {row["symbol"]: row for row in payloads.positions(run)}
        holdings = owned[run.pk]
        for symbol, size in zip(holdings.symbols, holdings.positions, strict=True):
            if size <= 0:
                continue
            entry = last = paid.get((run.pk, symbol), 0.0)
            if symbol in booked:
                entry, last = booked[symbol]["entry_price"], booked[symbol]["last_price"]
            held = guarded.get((run.pk, symbol))
            rows.append(
                tables.position(symbol, float(size), entry, last)
                | {"run_id": str(run.public_id)}
                | _levels(held)
                | {
                    "exact": {
                        "size": plain(size),
                        "stop": _text(held and held.stop),
                        "target": _text(held and held.target),
                    }
                }
            )
    return rows


def _levels(held: Protection | None) -> dict[str, Any]:
    stop, target = (held.stop, held.target) if held is not None else (None, None)
    watched = "venue" if held is not None and held.at_venue else "desk"
    return {
        "stop": None if stop is None else float(stop),
        "stop_at": None if stop is None else watched,
        "target": None if target is None else float(target),
        "target_at": None if target is None else "desk",
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _simulated(run: Run) -> list[dict[str, Any]]:
    levels = _simulated_levels(run)
    return [
        {**row, "run_id": str(run.public_id), **levels.get(row["symbol"], _levels(None))}
        | {"exact": None}
        for row in payloads.positions(run)
    ]


def _simulated_levels(run: Run) -> dict[str, dict[str, Any]]:
    """Stops of a run that goes on, as the engine reckons them."""
    if run.outcome or not run.checkpoint:
        return {}
    config = RunConfig.from_dict(run.config["engine"])
    found = {}
    for symbol, market in zip(config.symbols, run.checkpoint["state"]["markets"], strict=True):
        position = market["position"]
        if position is None:
            continue
        stop = target = None
        if config.stop_loss is not None:
            stop = position["price"] * (1 - config.stop_loss)
        elif config.trailing_stop is not None:
            stop = position["peak"] * (1 - config.trailing_stop)
        if config.take_profit is not None:
            target = position["price"] * (1 + config.take_profit)
        found[str(symbol)] = {
            "stop": stop,
            "stop_at": None if stop is None else "simulated",
            "target": target,
            "target_at": None if target is None else "simulated",
        }
    return found
