"""What people do at a venue account themselves: orders by hand, and the kill switch.

Nothing here talks to a venue.  What is wanted is written down, the trader does
it, and for a moment is waited for that.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exchanges import audit
from exchanges.domain import InvalidInput, Purpose, Symbol
from exchanges.models import Account
from runs import recorder, services
from runs.models import Protection, Run, VenueOrder

from . import killing, levels, outbox
from .killing import STEPS
from .naming import MANUAL, client_id
from .protecting import request_cancel

PATIENCE = 3.0
"""Seconds that an order, or a cancel, is waited for before it is answered as it stands."""
LOOK = 0.03
LATE_MS = 60_000
"""An order that could not be sent for so long is not sent any more."""
MARGIN = 2.0
"""Seconds beyond all that an order may take which the kill switch waits for one."""

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,48}", re.ASCII)

State = VenueOrder.State


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as a person wants it; `price` of limit orders only."""

    symbol: str
    side: str
    type: str
    amount: Decimal
    price: Decimal | None = None


def place(
    account: Account, run: Run | None, wish: Wish, owner: str, name: str, scopes: Collection[str],
    *, confirmed: bool, by: str = "",
) -> VenueOrder:  # fmt: skip
    """Records the order and waits until the trader has sent it; the order as it then is.

    Asked again under the same `name` by the same owner for the same account it
    is the same order.  One that somebody else (staff) places within a run is its
    owner's, under a name of its own.  `by`: whom the audit trail names.  Raises
    LIVE_TRADING_DISABLED, RUN_NOT_ACTIVE, ACCOUNT_KILLED, INVALID_SYMBOL,
    INVALID_VALUE, IDEMPOTENCY_MISMATCH.
    """
    services.allow_live(scopes, confirmed=confirmed)
    _check(wish)
    symbol = _symbol(account, run, wish.symbol)
    if run is not None and run.owner != owner:
        owner, name = run.owner, name and f"{owner}/{name}"
    order = _record(account, run, symbol, wish, owner, MANUAL + _named(name), by)
    under_way = {State.NEW, State.SUBMITTED}
    if wish.type == VenueOrder.Type.MARKET:
        under_way |= {*VenueOrder.WORKING}
    return _settled(order, lambda now: now.state not in under_way)


def _check(wish: Wish) -> None:
    limit = wish.type == VenueOrder.Type.LIMIT
    if limit != (wish.price is not None):
        what = "a limit order needs a price" if limit else "a market order has no price"
        raise InvalidInput("INVALID_VALUE", f"price: {what}", field="price")


def _symbol(account: Account, run: Run | None, name: str) -> str:
    symbol = str(Symbol(name[:42]))
    if run is not None:
        if symbol not in run.symbols:
            raise InvalidInput(
                "INVALID_SYMBOL", f"The run does not trade {symbol}", supported_symbols=run.symbols
            )
        return symbol
    markets = account.exchange.markets
    if markets and symbol not in markets:
        raise InvalidInput("INVALID_SYMBOL", f"{account.exchange.name} has no market {symbol}")
    return symbol


def _named(name: str) -> str:
    """Short enough for the run's books, and by any text the same at each repetition."""
    if not name:
        return uuid4().hex
    if _NAME.fullmatch(name):
        return name
    return hashlib.sha256(name.encode()).hexdigest()[:40]


@transaction.atomic
def _record(
    account: Account, run: Run | None, symbol: str, wish: Wish, owner: str, order_id: str, by: str
) -> VenueOrder:
    # Of two at once under one name the second finds the first.
    locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    mine = VenueOrder.objects.filter(account=account, owner=owner, order_id=order_id)
    earlier = mine.select_related("run", "account__exchange").first()
    if earlier is not None:
        return _same(earlier, run, symbol, wish)
    if locked.is_killed:
        raise InvalidInput(
            "ACCOUNT_KILLED",
            "The account's kill switch was thrown; it lasts until it is released",
            account_id=str(account.public_id),
        )
    if run is not None:
        status = Run.objects.values_list("status", flat=True).get(pk=run.pk)
        if status != Run.Status.RUNNING:
            raise InvalidInput(
                "RUN_NOT_ACTIVE",
                f"Orders go into a run that is running; this one is {status}",
                run_id=str(run.public_id),
                status=status,
            )
    # An account is several owners', a run is one's.
    whose = f"{account.public_id}|{owner}" if run is None else str(run.public_id)
    order = VenueOrder.objects.create(
        account=account,
        run=run,
        owner=owner,
        order_id=order_id,
        client_id=client_id(whose, order_id),
        symbol=symbol,
        side=wish.side,
        type=wish.type,
        purpose=Purpose.MANUAL.name.lower(),
        wanted=wish.amount,
        limit_price=wish.price,
        protect=outbox.protect(run) if run is not None and wish.side == "buy" else {},
        created_ms=(now := time.time_ns() // 1_000_000),
        late_ms=now + LATE_MS,
    )
    what = {"symbol": symbol, "side": wish.side, "type": wish.type}
    amounts = {"amount": str(wish.amount), "price": None if wish.price is None else str(wish.price)}
    audit.record(
        *(by or owner or "api", "order.placed", order.client_id),
        account=str(account.public_id), **what, **amounts,
    )  # fmt: skip
    return order


def _same(earlier: VenueOrder, run: Run | None, symbol: str, wish: Wish) -> VenueOrder:
    before = Wish(
        earlier.symbol, earlier.side, earlier.type, earlier.wanted or Decimal(0),
        earlier.limit_price,
    )  # fmt: skip
    asked = Wish(symbol, wish.side, wish.type, wish.amount, wish.price)
    if before != asked or earlier.run_id != (run and run.pk):
        raise InvalidInput(
            "IDEMPOTENCY_MISMATCH",
            "Another order was placed under this client_id",
            order_id=earlier.client_id,
        )
    return earlier


def cancel(order: VenueOrder, by: str = "api") -> VenueOrder:
    """Has the order taken back and waits for it; the order as it then is.

    One that was canceled before stays so.  The stop of a position is taken back
    for good once its run is over: the desk forgets the position.  Raises
    ORDER_NOT_OPEN for one that is over otherwise, PROTECTIVE_ORDER for a stop
    whose run is not.
    """
    protective = levels.is_protective(order)
    if protective and (order.run is None or order.run.is_active):
        raise InvalidInput(
            "PROTECTIVE_ORDER",
            "This stop protects a position; the desk would place it again",
            order_id=order.client_id,
            valid="stop the run with flatten, or throw the account's kill switch",
        )
    if not order.is_terminal:
        with transaction.atomic():
            request_cancel(order, "by_hand")
            audit.record(by, "order.canceled", order.client_id, symbol=order.symbol)
            if protective and order.run_id is not None:
                levels.end(order.run_id, order.symbol, "by_hand")
        order = _settled(order, lambda now: now.is_terminal)
    if order.is_terminal and order.state != State.CANCELED:
        raise InvalidInput(
            "ORDER_NOT_OPEN", f"The order is {order.state}", order_id=order.client_id,
            status=order.state,
        )  # fmt: skip
    return order


def _settled(order: VenueOrder, enough: Callable[[VenueOrder], bool]) -> VenueOrder:
    """The order as the trader has it, once that is enough or patience is at its end."""
    end = time.monotonic() + PATIENCE
    rows = VenueOrder.objects.select_related("run", "account__exchange")
    rows = rows.defer("account__exchange__markets")
    while True:
        now = rows.get(pk=order.pk)
        if enough(now) or time.monotonic() >= end:
            return now
        time.sleep(LOOK)


# --- the kill switch ---


def kill(
    account: Account, steps: Sequence[str] = STEPS, by: str = "command", reason: str = ""
) -> dict[str, Any]:
    """Throws the account's kill switch, and waits for what was on its way to the venue.

    Thrown again it carries out the steps that are named then, besides the
    earlier ones.  Once this has returned, the venue takes no order of the desk
    any more but the switch's own sales.  Returns

        {"blocked": True, "in_flight_resolved": 3, "unknown": [VenueOrder, …]}

    `unknown`: those of which nobody could learn in time whether the venue took
    them.  Cancels and sales go on in the trader: `Account.kill`.  Raises
    INVALID_VALUE for steps that are none.
    """
    unknown_steps = sorted(set(steps) - set(STEPS))
    if unknown_steps or not steps:
        raise InvalidInput(
            "INVALID_VALUE", "steps: expected some of block, cancel, flatten", valid=list(STEPS)
        )
    thrown, doubtful = _throw(account, steps, by, reason)
    killing.block(thrown)
    return {"blocked": True} | _wait_for(doubtful)


@transaction.atomic
def _throw(
    account: Account, steps: Sequence[str], by: str, reason: str
) -> tuple[Account, list[int]]:
    """The account as it is then, and the orders that may be on their way."""
    row = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    before = row.kill if row.is_killed else {}
    wanted = [step for step in STEPS if step in steps or step in before.get("steps", ())]
    active = list(
        Run.objects.filter(account=row, status__in=Run.ACTIVE).values_list("id", flat=True)
    )
    guarded = Protection.objects.filter(run__account=row).values_list("run_id", flat=True)
    again = killing.FLATTEN in steps
    if not row.is_killed:
        row.killed_at, row.killed_by = timezone.now(), by[:80]
    row.kill = {
        "steps": wanted,
        "done": [step for step in before.get("done", ()) if step not in steps],
        "under_way": True,
        "reason": (reason or before.get("reason", ""))[:300],
        "at": int(row.killed_at.timestamp() * 1000),
        "told": sorted({*before.get("told", ()), *active}),
        "runs": sorted({*before.get("runs", ()), *active, *guarded}),
        "rounds": 0 if again else before.get("rounds", 0),
        "left": [] if again else before.get("left", []),
    }
    row.save(update_fields=["killed_at", "killed_by", "kill"])
    audit.record(by, "account.killed", str(row.public_id), steps=list(steps), reason=reason[:300])
    data = {"account_id": str(row.public_id), "steps": wanted, "reason": row.kill["reason"]}
    for run_id in active:
        recorder.append(run_id, "account.killed", data)
    # Whoever sends says so under this row's lock: no order is on its way that is not among these.
    sent = VenueOrder.objects.filter(account=row, state__in=VenueOrder.IN_DOUBT)
    return row, list(sent.values_list("id", flat=True))


def _wait_for(doubtful: list[int]) -> dict[str, Any]:
    """Until the trader knows what became of each, or no request of ours can be on its way."""
    # They were signed before the switch was thrown: by now plus the window the venue refuses them,
    # whatever its clock says.
    window = (settings.RECV_WINDOW + settings.ORDER_SKEW) / 1000
    end = time.monotonic() + window + settings.ORDER_TIMEOUT + MARGIN
    waiting = VenueOrder.objects.filter(id__in=doubtful, state__in=VenueOrder.IN_DOUBT)
    while (left := waiting.count()) and time.monotonic() < end:
        time.sleep(LOOK)
    unknown = list(waiting.select_related("run", "account")) if left else []
    return {"in_flight_resolved": len(doubtful) - len(unknown), "unknown": unknown}


@transaction.atomic
def release(account: Account, by: str = "command") -> bool:
    """Takes the kill switch back; whether it was thrown.

    Orders pass again from then on.  Nothing that was decided before or
    meanwhile is sent, no step goes on, and no run is started.
    """
    row = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if not row.is_killed:
        return False
    killing.forget(row)
    steps, done = row.kill.get("steps", []), row.kill.get("done", [])
    row.killed_at, row.killed_by, row.kill = None, "", {}
    row.save(update_fields=["killed_at", "killed_by", "kill"])
    audit.record(by, "account.released", str(row.public_id), steps=steps, done=done)
    active = Run.objects.filter(account=row, status__in=Run.ACTIVE)
    for run_id in active.values_list("id", flat=True):
        recorder.append(run_id, "account.released", {"account_id": str(row.public_id)})
    return True
