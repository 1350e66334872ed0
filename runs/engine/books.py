"""Trades out of orders, and what is left pending: bookkeeping every engine shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars, Purpose, Side

from .results import PENDING_DTYPE, TRADE_DTYPE

NOTHING = 1e-12
"""Amounts and sums up to here are zero (vectorbt's absolute tolerance)."""

SMALLEST_CHANGE = 1e-6
"""Rebalancing orders up to this share of the run's value are not placed."""


def trades_from_orders(
    orders: NDArray[np.void], series: Sequence[Bars], positions: NDArray[np.float64]
) -> NDArray[np.void]:
    """One row a position, from flat to flat; see `results.TRADE_DTYPE`.

    `orders` name their trade; `series` are the run's bars, one per symbol, cut
    to [start, end); `positions` (n,) tells which trades are still open.  A fill
    within a bar counts as one at its open, one in a gap as one at the next bar's.
    """
    count = int(orders["trade"].max()) + 1 if len(orders) else 0
    trades = np.zeros(count, TRADE_DTYPE)
    if not count:
        return trades
    trade, notional = orders["trade"], orders["amount"] * orders["price"]
    buys = orders["side"] == Side.BUY
    sells = ~buys
    first = np.full(count, -1)
    first[trade[::-1]] = np.arange(len(orders))[::-1]
    last = np.full(count, -1)
    last[trade] = np.arange(len(orders))

    def total(values: NDArray[np.float64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        sums = np.bincount(trade[rows], weights=values[rows], minlength=count)
        return sums.astype(np.float64, copy=False)

    bought, cost = total(orders["amount"], buys), total(notional, buys)
    sold, proceeds = total(orders["amount"], sells), total(notional, sells)
    entry_fees = total(orders["fee"], buys)

    symbol = orders["symbol"][first]
    # A position ends with its last sell; what is open is each held symbol's newest trade.
    newest = np.full(len(series), -1)
    newest[symbol] = np.arange(count)
    is_open = (newest[symbol] == np.arange(count)) & (positions[symbol] > 0)
    last_close = np.array([bars.close[-1] if len(bars) else np.nan for bars in series])[symbol]

    trades["symbol"] = symbol
    trades["entry_time"] = orders["time"][first]
    trades["exit_time"] = np.where(is_open, -1, orders["time"][last])
    trades["entry_price"] = _mean_price(cost, bought, orders["price"][first], trade[buys])
    exits = _mean_price(proceeds, sold, orders["price"][last], trade[sells])
    trades["exit_price"] = np.where(is_open, last_close, exits)
    trades["amount"] = bought
    trades["fees"] = entry_fees + total(orders["fee"], sells)
    held = np.where(is_open, positions[symbol] * last_close, 0.0)
    trades["pnl"] = proceeds + held - cost - trades["fees"]
    trades["return"] = trades["pnl"] / (cost + entry_fees)
    trades["exit_purpose"] = np.where(is_open, -1, orders["purpose"][last])
    for column, bars in enumerate(series):
        mine, closed = symbol == column, bars.time + bars.timeframe.ms
        entered = np.searchsorted(closed, trades["entry_time"][mine], "right")
        left = np.searchsorted(closed, trades["exit_time"][mine], "right")
        trades["bars"][mine] = np.where(is_open[mine], len(bars), left) - entered
    return trades


def pending_orders(
    purpose: NDArray[np.int64],
    created: NDArray[np.int64],
    wanted: NDArray[np.float64],
    positions: NDArray[np.float64],
    marks: NDArray[np.float64],
    value: float,
) -> NDArray[np.void]:
    """What the last bars decided, per symbol (n,); see `results.PENDING_DTYPE`.

    `purpose` is -1 where nothing is pending.  A rebalancing to the weight
    `wanted` is given the side it would take at the last closes `marks`, where
    equity is `value`, and left out where it would change nothing.
    """
    rows = []
    marks = np.nan_to_num(marks)
    for s in np.flatnonzero(purpose >= 0):
        side: Side | None = Side.BUY if purpose[s] == Purpose.ENTRY else Side.SELL
        if purpose[s] == Purpose.REBALANCE:
            side = rebalancing_side(wanted[s], value, positions[s], positions[s] * marks[s])
        if side is not None:
            rows.append((s, side, purpose[s], created[s]))
    return np.array(rows, PENDING_DTYPE)


def rebalancing_side(wanted: float, value: float, position: float, held: float) -> Side | None:
    """What the weight `wanted` of `value` asks of a position worth `held`; None: nothing."""
    change = wanted * value - held
    leaves = wanted == 0 and position > 0
    if abs(change) <= SMALLEST_CHANGE * value and not leaves:
        return None
    return Side.BUY if change > 0 else Side.SELL


def _mean_price(
    notional: NDArray[np.float64],
    amount: NDArray[np.float64],
    only: NDArray[np.float64],
    trade: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Amount-weighted price; of a single fill its own, to the last bit."""
    single = np.bincount(trade, minlength=len(only)) == 1
    mean = np.divide(notional, amount, out=np.full(len(only), np.nan), where=amount > 0)
    return np.where(single, only, mean)
