"""A run's trades as marks on its candles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Purpose, Symbol

from . import formats
from .curves import rounded
from .models import Run
from .palette import BLUE, GREEN, ORANGE, RED
from .results import Results, content

MOMENT = "%Y-%m-%d %H:%M"
_MANY = 100

# Each has a shape of its own: colours alone would not tell them apart.
_EXITS = {
    Purpose.EXIT: ("Exit", "triangle-down", ORANGE),
    Purpose.REBALANCE: ("Sold by rebalancing", "triangle-down-open", ORANGE),
    Purpose.STOP_LOSS: ("Stop-loss", "x", RED),
    Purpose.TRAILING_STOP: ("Trailing stop", "x-open", RED),
    Purpose.TAKE_PROFIT: ("Take-profit", "star", GREEN),
    Purpose.LOSS_LIMIT: ("Loss limit", "octagon", RED),
    Purpose.FLATTEN: ("Sold on request", "octagon-open", ORANGE),
    Purpose.MANUAL: ("Sold by hand", "diamond", ORANGE),
}


def trades(
    run: Run, symbol: Symbol, start_ms: int, end_ms: int
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Those of `symbol` held at some time in [start, end), and their numbers in the run."""
    table, numbers = all_trades(run)
    still_open = table["exit_time"] < 0
    within = (table["entry_time"] < end_ms) & (still_open | (table["exit_time"] >= start_ms))
    chosen = np.flatnonzero(within & (table["symbol"] == run.symbols.index(symbol)))
    return table[chosen], numbers[chosen]


def all_trades(run: Run) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """The run's TRADE_DTYPE table so far, and each trade's number."""
    from .engine import artifacts
    from .engine.results import TRADE_DTYPE

    results = Results(run)
    if run.is_stepped and not run.result_hash:
        rows = results.rows("trades")
        numbers = np.array([row["trade_id"] for row in rows], np.int64)
        return np.array([_trade(run, row) for row in rows], TRADE_DTYPE), numbers
    artifact = results.artifacts().get("trades")
    if artifact is None:
        return np.empty(0, TRADE_DTYPE), np.empty(0, np.int64)
    table = artifacts.decode("trades", content(artifact))
    return table, np.arange(len(table))


def largest(trades: NDArray[np.void], limit: int) -> NDArray[np.intp]:
    """Indices, increasing, of the `limit` trades that won or lost most."""
    return np.sort(np.argsort(-np.abs(trades["pnl"]), kind="stable")[:limit])


def traces(
    trades: NDArray[np.void], numbers: NDArray[np.int64], currency: str
) -> list[dict[str, Any]]:
    """Entries, and exits by what the position was sold for; what they won is in `currency`."""
    groups = [_trace("Entry", "triangle-up", BLUE, trades, numbers, "entry", currency)]
    for purpose, (name, shape, colour) in _EXITS.items():
        left = (trades["exit_purpose"] == purpose) & (trades["exit_time"] >= 0)
        if left.any():
            groups.append(
                _trace(name, shape, colour, trades[left], numbers[left], "exit", currency)
            )
    return groups


def _trace(
    name: str,
    shape: str,
    colour: str,
    trades: NDArray[np.void],
    numbers: NDArray[np.int64],
    end: str,
    currency: str,
) -> dict[str, Any]:
    about = (numbers.tolist(), rounded(trades["pnl"]).tolist(), rounded(trades["return"]).tolist())
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": trades[f"{end}_time"].tolist(),
        "y": rounded(trades[f"{end}_price"]).tolist(),
        "customdata": list(zip(*about, strict=True)),
        "marker": {
            "symbol": shape,
            "color": colour,
            "size": 8 if len(trades) <= _MANY else 6,
            "line": {"width": 0.5, "color": "rgba(255, 255, 255, 0.7)"},
        },
        "hovertemplate": (
            f"{name} of trade #%{{customdata[0]}}<br>%{{x|{MOMENT}}} at %{{y:,.8~r}}"
            f"<br>P&amp;L %{{customdata[1]:{formats.d3_money(currency)}}} (%{{customdata[2]:.2%}})"
            "<extra></extra>"
        ),
    }


def _trade(run: Run, row: dict[str, Any]) -> tuple[Any, ...]:
    """A row of the API's trades as one of the engine's table."""
    still_open = row["exit_time"] is None
    return (
        run.symbols.index(row["symbol"]),
        _ms(row["entry_time"]),
        -1 if still_open else _ms(row["exit_time"]),
        row["entry_price"],
        np.nan if still_open else row["exit_price"],
        row["amount"],
        row["fees"],
        row["pnl"],
        row["return"],
        row["bars"],
        -1 if still_open else Purpose[row["exit_reason"].upper()],
    )


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
