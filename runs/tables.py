"""The engine's tables as the API shows them: plain rows, in the words of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from exchanges.domain import OrderStatus, Purpose, Side

from .fields import iso

if TYPE_CHECKING:
    import numpy as np

    from .engine.backtest import BacktestResult
    from .engine.config import RunConfig
    from .engine.results import Simulation
    from .engine.steps import TradeRecord
    from .models import Order, Trade

    Table = np.ndarray[Any, np.dtype[np.void]]

_PURPOSES = {int(p): p.name.lower() for p in Purpose} | {-1: None}
_SIDES = {int(s): s.name.lower() for s in Side}


def trades(table: Table, symbols: Sequence[str], first: int = 0) -> list[dict[str, Any]]:
    """TRADE_DTYPE rows; `first` is the number of the first of them."""
    import numpy as np

    is_open = table["exit_time"] < 0
    columns = zip(
        table["symbol"].tolist(),
        is_open.tolist(),
        table["amount"].tolist(),
        _iso(table["entry_time"]),
        table["entry_price"].tolist(),
        _iso(np.where(is_open, 0, table["exit_time"])),
        table["exit_price"].tolist(),
        table["exit_purpose"].tolist(),
        table["fees"].tolist(),
        table["pnl"].tolist(),
        table["return"].tolist(),
        table["bars"].tolist(),
        strict=True,
    )
    return [
        {
            "trade_id": number,
            "symbol": symbols[symbol],
            "side": "long",
            "status": "open" if still_open else "closed",
            "amount": amount,
            "entry_time": entry_time,
            "entry_price": entry_price,
            "exit_time": None if still_open else exit_time,
            "exit_price": None if still_open else exit_price,
            "exit_reason": _PURPOSES[purpose],
            "fees": fees,
            "pnl": pnl,
            "return": ratio,
            "bars": bars,
        }
        for number, (
            symbol,
            still_open,
            amount,
            entry_time,
            entry_price,
            exit_time,
            exit_price,
            purpose,
            fees,
            pnl,
            ratio,
            bars,
        ) in enumerate(columns, first)
    ]


def orders(table: Table, symbols: Sequence[str]) -> list[dict[str, Any]]:
    """ORDER_DTYPE rows.  An order's id says what it is: the same in every mode."""
    from .engine.steps import order_id

    columns = zip(
        table["symbol"].tolist(),
        table["side"].tolist(),
        table["purpose"].tolist(),
        table["amount"].tolist(),
        table["price"].tolist(),
        table["fee"].tolist(),
        table["time"].tolist(),
        table["created"].tolist(),
        table["trade"].tolist(),
        strict=True,
    )
    return [
        {
            "order_id": order_id(symbol, side, purpose, created),
            "status": OrderStatus.FILLED.name.lower(),
            "symbol": symbols[symbol],
            "side": _SIDES[side],
            "type": "market",
            "purpose": _PURPOSES[purpose],
            "amount": amount,
            "price": price,
            "fee": fee,
            "timestamp": time,
            "created": created,
            "trade_id": trade,
        }
        for symbol, side, purpose, amount, price, fee, time, created, trade in columns
    ]


def order_row(order: Order) -> dict[str, Any]:
    """A stepped run's order, in the words of `orders`."""
    return {
        "order_id": order.order_id,
        "status": order.status,
        "symbol": order.symbol,
        "side": order.side,
        "type": "market",
        "purpose": order.purpose,
        "amount": order.amount,
        "price": order.price,
        "fee": order.fee,
        "timestamp": order.time_ms,
        "created": order.created_ms,
        "trade_id": order.trade,
    }


def trade_row(trade: Trade) -> dict[str, Any]:
    """A stepped run's closed trade, in the words of `trades`."""
    return {
        "trade_id": trade.number,
        "symbol": trade.symbol,
        "side": "long",
        "status": "closed",
        "amount": trade.amount,
        "entry_time": iso(trade.entry_ms),
        "entry_price": trade.entry_price,
        "exit_time": iso(trade.exit_ms),
        "exit_price": trade.exit_price,
        "exit_reason": trade.exit_purpose,
        "fees": trade.fees,
        "pnl": trade.pnl,
        "return": trade.ratio,
        "bars": trade.bars,
    }


def open_trade(record: TradeRecord, symbols: Sequence[str]) -> dict[str, Any]:
    """A trade that is not over, marked at the newest close."""
    return {
        "trade_id": record.number,
        "symbol": symbols[record.symbol],
        "side": "long",
        "status": "open",
        "amount": record.amount,
        "entry_time": iso(record.entry_time),
        "entry_price": record.entry_price,
        "exit_time": None,
        "exit_price": None,
        "exit_reason": None,
        "fees": record.fees,
        "pnl": record.pnl,
        "return": record.return_,
        "bars": record.bars,
    }


def equity_points(
    time: np.ndarray[Any, Any],
    equity: np.ndarray[Any, Any],
    cash: np.ndarray[Any, Any],
    chosen: slice | np.ndarray[Any, Any],
) -> list[dict[str, Any]]:
    """The chosen bars of an equity curve; drawdowns are of the whole curve."""
    import numpy as np

    peak = np.maximum.accumulate(equity)
    drawdown = np.divide(peak - equity, peak, out=np.zeros_like(equity), where=peak > 0)
    columns = (column[chosen].tolist() for column in (time, equity, cash, drawdown))
    return [
        {"timestamp": t, "value": v, "cash": c, "drawdown": d}
        for t, v, c, d in zip(*columns, strict=True)
    ]


def outcome(config: RunConfig, result: BacktestResult) -> dict[str, Any]:
    """What a run ends with besides its tables: JSON for the Run row."""
    simulation = result.simulation
    return {
        "positions": _positions(config, simulation),
        "pending_orders": _pending(config, simulation),
        "gaps": [
            {"symbol": str(symbol), "start": gap.start, "end": gap.end, "bars": gap.bars}
            for symbol, gaps in result.gaps.items()
            for gap in gaps
        ],
        "warnings": [f"{w.code}: {w.message}" for w in result.warnings],
        "ending": None
        if simulation.limit is None
        else {"reason": simulation.limit.reason.value, "timestamp": simulation.limit.time},
        "signals": result.signals,
    }


def _positions(config: RunConfig, simulation: Simulation) -> list[dict[str, Any]]:
    table = simulation.trades
    still_open = table[table["exit_time"] < 0]
    rows = []
    for trade in still_open:
        size = float(simulation.positions[trade["symbol"]])
        entry, last = float(trade["entry_price"]), float(trade["exit_price"])
        rows.append(position(str(config.symbols[trade["symbol"]]), size, entry, last))
    return rows


def position(symbol: str, size: float, entry: float, last: float) -> dict[str, Any]:
    """`last`: the newest close, at which it is marked."""
    return {
        "symbol": symbol,
        "side": "long",
        "size": size,
        "entry_price": entry,
        "last_price": last,
        "unrealized_pnl": size * (last - entry),
    }


def _pending(config: RunConfig, simulation: Simulation) -> list[dict[str, Any]]:
    from .engine.steps import order_id

    return [
        {
            "order_id": order_id(symbol, side, purpose, created),
            "status": OrderStatus.NEW.name.lower(),
            "symbol": str(config.symbols[symbol]),
            "side": _SIDES[side],
            "type": "market",
            "purpose": _PURPOSES[purpose],
            "amount": None,
            "price": None,
            "fee": None,
            "timestamp": None,
            "created": created,
            "trade_id": None,
        }
        for symbol, side, purpose, created in simulation.pending.tolist()
    ]


def _iso(times: np.ndarray[Any, Any]) -> list[str]:
    import numpy as np

    seconds = np.datetime_as_string(times.astype("datetime64[ms]"), unit="s")
    return [f"{text}Z" for text in seconds.tolist()]
