"""How an account stands: what its page shows of our own books, without asking the venue."""

from __future__ import annotations

from typing import Any

from exchanges.exact import plain
from exchanges.models import Account
from exchanges.services.accounts import LIMITS
from runs import formats
from runs import queries as run_queries
from runs.models import Discrepancy, Run, VenueOrder
from runs.trading import discrepancies, funds, levels, queries
from runs.trading.words import EFFECTS, MEANINGS, sides

ORDERS_SHOWN = 100
DISCREPANCIES_SHOWN = 50

TONES = {"ok": "good", "killed": "bad", "failing": "bad", "paused": "warn"}
ORDER_TONES = {"unknown": "bad", "submitted": "warn", "new": "busy"}
STEP_WORDS = {
    "block": "Send no order any more, until the switch is released",
    "cancel": "Take back every order that rests at the venue, stops too",
    "flatten": "Sell at market what the runs hold, and stop the runs",
}


def of(account: Account, owner: str, *, may_act: bool) -> dict[str, Any]:
    """`owner`: whose runs, orders and discrepancies are shown; empty: everybody's."""
    row = queries.account_rows([account], owner)[0]
    runs = run_queries.list_runs(owner).filter(account=account, status__in=Run.ACTIVE)
    return {
        "account": account,
        "name": str(account),
        "row": row,
        "tone": TONES[row["state"]],
        "kill": row["kill"],
        "runs": list(runs),
        "positions": funds.positions_of_account(account, owner),
        "orders": _orders(account, owner),
        "discrepancies": _discrepancies(account, owner),
        "may_act": may_act,
    }


def limits(account: Account) -> list[tuple[str, str]]:
    """The guards that are set, in words."""
    found = []
    for name in LIMITS:
        value = getattr(account, name)
        if value is not None:
            text = formats.rate(value) if name == "price_collar" else f"{value:f}"
            found.append((name.replace("_", " ").capitalize(), text))
    return found


def _orders(account: Account, owner: str) -> list[dict[str, Any]]:
    """Those that are not over, newest first."""
    unfinished = queries.visible_orders(owner).filter(account=account, finished_at=None)
    return [_order(order) for order in unfinished.order_by("-id")[:ORDERS_SHOWN]]


def _order(order: VenueOrder) -> dict[str, Any]:
    amount = order.wanted if order.amount is None else order.amount
    price = order.limit_price or order.stop_price
    # A stop is the desk's to place while its run goes on, and it would do so again.
    guarded = levels.is_protective(order) and (order.run is None or order.run.is_active)
    return {
        "order": order,
        "tone": ORDER_TONES.get(order.state, "plain"),
        "state": order.state.replace("_", " "),
        "amount": formats.NOTHING if amount is None else plain(amount),
        "filled": plain(order.filled),
        "price": "market" if price is None else plain(price),
        "is_stop": levels.is_protective(order),
        "may_cancel": not guarded and order.cancel_requested_at is None,
    }


def _discrepancies(account: Account, owner: str) -> list[dict[str, Any]]:
    found = discrepancies.listed(owner, account)[:DISCREPANCIES_SHOWN]
    return [_discrepancy(row) for row in found]


def _discrepancy(row: Discrepancy) -> dict[str, Any]:
    kind = Discrepancy.Kind(row.kind)
    possible = [] if row.resolution else discrepancies.actions(row)
    return {
        "row": row,
        "what": row.kind.replace("_", " ").capitalize(),
        "meaning": MEANINGS[kind],
        "note": row.ours.get("note", ""),
        "sides": sides(row),
        "actions": [(action, EFFECTS[kind, action]) for action in possible],
    }
