"""The backtest engine: all bars at once, every fill by vectorbt's kernels.

The rules, which every other engine repeats to 1e-9.  One row is one open time
of the union of the symbols' bars in [start, end); a symbol takes part in a row
only if it has a bar there.  Symbols go in the order of `RunConfig.symbols`.

At each row, in this order:

1. Sells due at the open.  A pending exit sells the position at this bar's open.
2. Buys due at the open.  A pending entry spends `position_size` of the cash
   then free (of the symbol's sleeve, or of the shared cash), fee included.
3. Stops, of every symbol held, the one just bought too.  `stop_loss` lies at
   entry x (1 - stop_loss), `trailing_stop` at peak x (1 - trailing_stop),
   `take_profit` at entry x (1 + take_profit), where entry is the price paid,
   slippage included, and peak begins there.  The stop is looked at first and
   excludes the target: at low <= level it fills at min(open, level); failing
   that, at high >= target the target fills at max(open, target).  (So slippage
   wider than the stop sells at the entry bar's own open.)  Afterwards the bar's
   high raises the peak, for the next bar.
4. Equity is marked: cash + sum of position x close, the last close in a gap.
5. Decisions at the close become pending until the symbol's next bar.  Entry
   and exit together do nothing; an entry while long, or in the bar the symbol
   was stopped out in, does nothing; an exit while flat does nothing.
6. Loss limits judge the equity of step 4, and `flatten_at` the close's time, as
   `limits` says.  At the first close that ends the trading all that is pending
   is dropped, this close's decisions too, and the sale of every position becomes
   pending, with the purpose LOSS_LIMIT or FLATTEN; nothing is decided any more.
   Later rows mark equity to the end of the window.

A buy pays price x (1 + slippage), a sell gets price x (1 - slippage); the fee
is a fraction of that notional.  What is still pending after the last row is
reported, not filled.

Target weights replace steps 1, 2 and 5; the cash is shared, and neither stops
nor `position_size` apply.  A row's weights become pending for every symbol,
taking the place of older ones; NaN leaves a symbol as it was.  At a row where a
pending symbol has a bar, value V is cash + sum of position x open (last close
where there is no bar), and the wanted amount is weight x V / open.  Sales come
first, then purchases as far as the free cash reaches, fee included.  Weight 0,
which step 6's sale is too, sells everything; other changes worth at most
a millionth of V are not placed.

Dust, as vectorbt has it: no order is placed for an amount, nor with money, of
at most 1e-12, and a remainder of at most 1e-12, or a billionth of the sum it
is left of, is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exchanges.domain import Bars, Purpose, Side
from exchanges.domain.timeframe import DAY
from strategies.base import Signals, Weights

from . import inputs
from .books import NOTHING, SMALLEST_CHANGE, pending_orders, trades_from_orders
from .config import CashMode, RunConfig
from .lean_import import without
from .limits import Ending, LimitHit
from .results import Simulation
from .window import Room, Window, frozen, joined

with without("anywidget", "ccxt", "ipywidgets"):
    from vectorbt.portfolio import nb as vbt  # noqa: TID251
    from vectorbt.portfolio.enums import Direction, ExecuteOrderState  # noqa: TID251

# Plain numbers for the kernel: numba freezes globals, and enums compile slowly.
_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_ENTRY, _EXIT = int(Purpose.ENTRY), int(Purpose.EXIT)
_STOP_LOSS, _TAKE_PROFIT = int(Purpose.STOP_LOSS), int(Purpose.TAKE_PROFIT)
_TRAILING_STOP, _REBALANCE = int(Purpose.TRAILING_STOP), int(Purpose.REBALANCE)
_LOSS_LIMIT, _FLATTEN = int(Purpose.LOSS_LIMIT), int(Purpose.FLATTEN)
_LONG_ONLY = int(Direction.LongOnly)
_NONE = -1
_DAY = DAY
_NEVER = np.iinfo(np.int64).max
_ENDINGS = (Ending.MAX_DRAWDOWN, Ending.DAILY_LOSS, Ending.FLATTEN)
_BY_DRAWDOWN, _BY_DAILY_LOSS, _BY_FLATTENING = range(3)


@njit(cache=True)
def _buy_nb(cash, position, amount, price, fee, slippage, share):  # type: ignore[no-untyped-def]
    state = ExecuteOrderState(cash, position, 0.0, cash)
    return vbt.buy_nb(
        state,
        amount,
        price,
        _LONG_ONLY,
        fee,
        0.0,
        slippage,
        0.0,
        np.inf,
        np.nan,
        False,
        True,
        share,
    )


@njit(cache=True)
def _sell_nb(cash, position, amount, price, fee, slippage):  # type: ignore[no-untyped-def]
    state = ExecuteOrderState(cash, position, 0.0, cash)
    return vbt.sell_nb(
        state,
        amount,
        price,
        _LONG_ONLY,
        fee,
        0.0,
        slippage,
        0.0,
        np.inf,
        np.nan,
        False,
        True,
        np.nan,
    )


@njit(cache=True)
def _book_nb(order, symbol, purpose, created, now, fill, trade):  # type: ignore[no-untyped-def]
    order["symbol"] = symbol
    order["side"] = fill.side
    order["purpose"] = purpose
    order["created"] = created
    order["time"] = now
    order["amount"] = fill.size
    order["price"] = fill.price
    order["fee"] = fill.fees
    order["trade"] = trade


@njit(cache=True)
def _rows_nb(  # type: ignore[no-untyped-def]
    time,
    bars,
    offsets,
    entries,
    exits,
    targets,
    weighted,
    step,
    wallets,
    costs,
    stops,
    limits,
    flatten_at,
    initial_cash,
    position_size,
    orders,
    equity,
    cash,
):
    """The row loop.  Fills `orders`, `equity` and `cash`.

    `bars` is (time, open, high, low, close), each with the symbols' series end
    to end, series s at offsets[s]:offsets[s + 1]; `entries` and `exits` alike.
    `targets` (t, n) is used if `weighted`.  `wallets` holds one sum, or one per
    symbol.  Returns the number of orders, the positions, and per symbol what is
    pending: purpose (-1: nothing), time of decision, weight; last what
    ended the trading, as an index into _ENDINGS (-1: nothing), and its row.
    """
    bar_time, opens, highs, lows, last_prices = bars
    fee, slippage = costs
    stop_loss, take_profit, trailing_stop = stops
    max_drawdown, daily_loss = limits
    n = len(offsets) - 1
    own = len(wallets) > 1
    position = np.zeros(n)
    entry_price = np.zeros(n)
    peak = np.zeros(n)
    stopped = np.zeros(n, np.bool_)
    trade = np.full(n, -1)
    pending = np.full(n, _NONE)
    created = np.zeros(n, np.int64)
    wanted = np.zeros(n)
    mark = np.full(n, np.nan)
    cursor = offsets[:-1].copy()
    here = np.zeros(n, np.bool_)
    any_stop = not (np.isnan(stop_loss) and np.isnan(take_profit) and np.isnan(trailing_stop))
    judged = flatten_at != _NEVER or not (np.isnan(max_drawdown) and np.isnan(daily_loss))
    limit = _NONE
    limit_row = _NONE
    top = initial_cash
    reference = initial_cash
    before = initial_cash
    day = _NONE
    order_count = 0
    trade_count = 0

    for t in range(len(time)):
        now = time[t]
        due = False
        for s in range(n):
            i = cursor[s]
            here[s] = i < offsets[s + 1] and bar_time[i] == now
            stopped[s] = False
            due = due or (here[s] and pending[s] != _NONE)

        if due:
            value = 0.0
            if weighted:
                value = wallets[0]
                for s in range(n):
                    if position[s] > 0:
                        value += position[s] * (opens[cursor[s]] if here[s] else mark[s])

            for side in (_SELL, _BUY):
                for s in range(n):
                    if not here[s] or pending[s] == _NONE:
                        continue
                    w = s if own else 0
                    price = opens[cursor[s]]
                    purpose = pending[s]
                    amount = np.inf
                    share = np.nan
                    if weighted:
                        amount = wanted[s] * value / price - position[s]
                        if (amount > 0) != (side == _BUY):
                            continue
                        amount = abs(amount)
                    elif side == _SELL:
                        if purpose == _ENTRY:
                            continue
                        amount = position[s]
                    else:
                        if purpose != _ENTRY:
                            continue
                        share = position_size
                    pending[s] = _NONE

                    worth = amount
                    if side == _BUY:
                        money = wallets[w] * (1.0 if weighted else position_size)
                        if money <= NOTHING:
                            continue
                        worth = min(amount, money / (price * (1 + slippage) * (1 + fee)))
                    if worth <= NOTHING:
                        continue
                    if weighted and wanted[s] != 0 and worth * price <= SMALLEST_CHANGE * value:
                        continue

                    if side == _BUY:
                        state, fill = _buy_nb(
                            wallets[w], position[s], amount, price, fee, slippage, share
                        )
                    else:
                        state, fill = _sell_nb(
                            wallets[w], position[s], amount, price, fee, slippage
                        )
                    if fill.side == -1:
                        continue
                    if position[s] == 0:
                        trade[s] = trade_count
                        trade_count += 1
                        entry_price[s] = fill.price
                        peak[s] = fill.price
                    wallets[w] = state.cash
                    position[s] = state.position
                    _book_nb(orders[order_count], s, purpose, created[s], now, fill, trade[s])
                    order_count += 1

        if any_stop:
            for s in range(n):
                if not here[s] or position[s] == 0:
                    continue
                i = cursor[s]
                price = np.nan
                purpose = _NONE
                if not np.isnan(stop_loss):
                    level = entry_price[s] * (1 - stop_loss)
                    if lows[i] <= level:
                        price = min(opens[i], level)
                        purpose = _STOP_LOSS
                elif not np.isnan(trailing_stop):
                    level = peak[s] * (1 - trailing_stop)
                    if lows[i] <= level:
                        price = min(opens[i], level)
                        purpose = _TRAILING_STOP
                if purpose == _NONE and not np.isnan(take_profit):
                    level = entry_price[s] * (1 + take_profit)
                    if highs[i] >= level:
                        price = max(opens[i], level)
                        purpose = _TAKE_PROFIT
                if purpose == _NONE:
                    peak[s] = max(peak[s], highs[i])
                    continue
                w = s if own else 0
                state, fill = _sell_nb(wallets[w], position[s], position[s], price, fee, slippage)
                wallets[w] = state.cash
                position[s] = state.position
                stopped[s] = True
                _book_nb(orders[order_count], s, purpose, now, now, fill, trade[s])
                order_count += 1

        free = 0.0
        for w in range(len(wallets)):
            free += wallets[w]
        worth = free
        for s in range(n):
            i = cursor[s]
            if here[s]:
                mark[s] = last_prices[i]
                cursor[s] = i + 1
            if position[s] > 0:
                worth += position[s] * mark[s]
            if limit != _NONE:
                continue
            if weighted:
                if not np.isnan(targets[t, s]):
                    pending[s] = _REBALANCE
                    created[s] = now + step
                    wanted[s] = targets[t, s]
            elif here[s] and entries[i] != exits[i]:
                if entries[i] and position[s] == 0 and not stopped[s]:
                    pending[s] = _ENTRY
                    created[s] = now + step
                elif exits[i] and position[s] > 0:
                    pending[s] = _EXIT
                    created[s] = now + step
        cash[t] = free
        equity[t] = worth

        if judged and limit == _NONE:
            if now // _DAY != day:
                day = now // _DAY
                reference = before
            before = worth
            top = max(top, worth)
            if worth < top * (1 - max_drawdown):
                limit = _BY_DRAWDOWN
            elif worth < reference * (1 - daily_loss):
                limit = _BY_DAILY_LOSS
            elif now + step >= flatten_at:
                limit = _BY_FLATTENING
            if limit != _NONE:
                limit_row = t
                for s in range(n):
                    pending[s] = _NONE
                    if position[s] > 0:
                        pending[s] = _FLATTEN if limit == _BY_FLATTENING else _LOSS_LIMIT
                        created[s] = now + step
                        wanted[s] = 0.0
    return order_count, position, pending, created, wanted, limit, limit_row


class Traded(NamedTuple):
    """What the kernel found.  The arrays are the room's: the next run overwrites them."""

    orders: NDArray[np.void]
    equity: NDArray[np.float64]
    cash: NDArray[np.float64]
    positions: NDArray[np.float64]
    purpose: NDArray[np.int64]
    created: NDArray[np.int64]
    wanted: NDArray[np.float64]
    limit: int
    limit_row: int


def simulate(
    config: RunConfig, series: Sequence[Bars], decisions: Sequence[Signals] | Weights
) -> Simulation:
    """Trades the decisions over the bars that open in [start, end).

    `series`: one `Bars` per symbol of the config, in its order, holding at
    least the window.  `decisions`: one `Signals` per series, its rows those of
    the series; or `Weights` whose rows are the union of the series' times
    (`Panel.align(series).time`).

    Raises InvalidInput: STRATEGY_BAD_OUTPUT, INVALID_WEIGHTS, INVALID_STOPS,
    INVALID_BARS, as `inputs` says.
    """
    window = Window.of(config, series)
    return books(config, window, trade(config, window, series, decisions, Room()))


def books(config: RunConfig, window: Window, traded: Traded) -> Simulation:
    """The books of what was traded; they keep the room's equity and cash."""
    time, equity, positions = window.time, traded.equity, traded.positions
    orders = traded.orders.copy()
    closes = inputs.last_closes(window.series, time)
    marks = closes[-1] if len(time) else np.full(len(window.series), np.nan)
    value = float(equity[-1]) if len(time) else config.initial_cash
    return Simulation(
        time=time,
        equity=equity,
        cash=traded.cash,
        close=closes,
        orders=orders,
        trades=trades_from_orders(orders, window.series, positions),
        pending=pending_orders(
            traded.purpose, traded.created, traded.wanted, positions, marks, value
        ),
        positions=positions,
        limit=None
        if traded.limit == _NONE
        else LimitHit(_ENDINGS[traded.limit], int(time[traded.limit_row]) + config.timeframe.ms),
    )


def trade(
    config: RunConfig,
    window: Window,
    series: Sequence[Bars],
    decisions: Sequence[Signals] | Weights,
    room: Room,
) -> Traded:
    """`simulate`, to the point where the kernel is done; `window` is that of the config."""
    weighted = isinstance(decisions, Weights)
    if isinstance(decisions, Weights):
        entries = exits = np.zeros(0, np.bool_)
        targets = inputs.targets(config, series, decisions)
        # What ends the trading sells each symbol once more.
        capacity = int(np.count_nonzero(~np.isnan(targets))) + len(series)
    else:
        per_symbol = inputs.signals(config, series, decisions)
        entries, exits = (joined(columns) for columns in per_symbol)
        targets = np.zeros((0, 0))
        capacity = 2 * int(np.count_nonzero(entries))
    pooled = weighted or config.cash is CashMode.SHARED
    owners = 1 if pooled else len(series)
    wallets = np.full(owners, config.initial_cash / owners)
    orders, equity, cash = room.books(capacity, len(window.time))
    count, *found = _rows_nb(
        window.time,
        window.columns,
        window.offsets,
        frozen(entries),
        frozen(exits),
        targets,
        weighted,
        config.timeframe.ms,
        wallets,
        (float(config.fee), float(config.slippage)),
        _optional(config.stop_loss, config.take_profit, config.trailing_stop),
        _optional(config.max_drawdown, config.daily_loss),
        _NEVER if config.flatten_at is None else config.flatten_at,
        float(config.initial_cash),
        float(config.position_size),
        orders,
        equity,
        cash,
    )
    return Traded(orders[:count], equity, cash, *found)


def _optional(*fractions: float | None) -> tuple[float, ...]:
    """None is NaN in the kernel."""
    return tuple(np.nan if fraction is None else float(fraction) for fraction in fractions)
