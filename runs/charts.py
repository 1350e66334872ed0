"""Figures of runs, as plotly.js draws them: dicts of `data` and `layout`.

The dicts are what `plotly.graph_objects.Figure(...)` validates and `to_plotly_json`
gives; writing them out spares the server plotly's import.  Times are UTC ms on a
date axis, which plotly shows in UTC.  Colours of text and grid are left to the
page, which knows whether it is light or dark.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from exchanges.domain import Bars, Purpose, Symbol, Timeframe

from . import recorder
from .models import Artifact, Run
from .queries import Results, content

Figure = dict[str, Any]

CURVE_POINTS = 2_000
CANDLES = 1_500
MAX_MARKED_TRADES = 2_000
MAX_GAPS_SHADED = 50

BLUE, GREEN, RED, ORANGE, PURPLE = "#3b82f6", "#16a34a", "#dc2626", "#d97706", "#9333ea"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)

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
# The artifact with the bars that a stepped run saw, or is to see.
_BARS = "bars"
_MOMENT = "%Y-%m-%d %H:%M"


def to_json(figure: Figure) -> bytes:
    """NaN becomes null, which plotly leaves blank."""
    return orjson.dumps(figure, option=orjson.OPT_SERIALIZE_NUMPY)


def equity(run: Run) -> Figure:
    """Equity over its drawdown, extremes kept, broken where bars are missing."""
    time, value = _equity(run)
    if not len(time):
        return _layout()
    step = Timeframe.parse(run.timeframe).ms
    peak = np.maximum.accumulate(value)
    fall = np.divide(value, peak, out=np.ones_like(value), where=peak > 0) - 1
    x, y = _curve(time, value, step)
    x_fall, y_fall = _curve(time, fall, step)
    figure = _layout(
        yaxis={"domain": [0.3, 1], "title": {"text": "Equity"}, "tickformat": ",.6~g"},
        yaxis2={"domain": [0, 0.24], "title": {"text": "Drawdown"}, "tickformat": ".3~%"},
        shapes=_gap_shapes(time, step),
    )
    figure["layout"]["xaxis"] |= {"anchor": "y2"}
    figure["data"] = [
        _line("Equity", x, y, BLUE, hovertemplate="%{y:,.2f}"),
        _line(
            "Drawdown",
            x_fall,
            y_fall,
            RED,
            yaxis="y2",
            fill="tozeroy",
            fillcolor="rgba(220, 38, 38, 0.15)",
            hovertemplate="%{y:.2%}",
        ),
    ]
    return figure


def candles(
    run: Run, symbol: Symbol, start_ms: int | None = None, end_ms: int | None = None
) -> Figure:
    """Candles of [start, end) with entries, exits and stops; wider candles where many bars."""
    first, last = _span(run)
    start_ms = max(first, first if start_ms is None else start_ms)
    end_ms = min(last, last if end_ms is None else end_ms)
    bars = _bars(run, symbol, start_ms, end_ms)
    merged, width = merge(bars, CANDLES)
    trades, numbers = _trades(run, symbol, start_ms, end_ms)
    shown = _largest(trades, MAX_MARKED_TRADES)
    notes = [f"candles of {width} bars of {run.timeframe}"] if width > 1 else []
    if len(shown) < len(trades):
        notes.append(f"{len(shown):,} of {len(trades):,} trades: those that won or lost most")
    figure = _layout(
        yaxis={"title": {"text": escape(symbol)}, "tickformat": ",.6~g"},
        shapes=_gap_shapes(bars.time, bars.timeframe.ms),
        annotations=[_note(", ".join(notes))] if notes else [],
    )
    figure["layout"]["hovermode"] = "closest"
    figure["layout"]["xaxis"] |= {"rangeslider": {"visible": False}}
    if start_ms < end_ms:
        figure["layout"]["xaxis"]["range"] = [start_ms, end_ms]
    figure["data"] = [
        {
            "type": "candlestick",
            "name": escape(symbol),
            "x": merged["time"],
            "open": merged["open"],
            "high": merged["high"],
            "low": merged["low"],
            "close": merged["close"],
            "increasing": {"line": {"color": GREEN, "width": 1}},
            "decreasing": {"line": {"color": RED, "width": 1}},
            "opacity": 0.75,
        },
        *_markers(trades[shown], numbers[shown]),
    ]
    return figure


def comparison(runs: list[Run]) -> Figure:
    """Equity of several runs as what each made of its cash."""
    figure = _layout(yaxis={"title": {"text": "Return"}, "tickformat": ".3~%"})
    for run, colour in zip(runs, COLOURS, strict=False):
        time, value = _equity(run)
        x, y = _curve(time, value / run.initial_cash - 1, Timeframe.parse(run.timeframe).ms)
        name = escape(f"{run.strategy_name} {str(run.public_id)[:8]}")
        figure["data"].append(_line(name, x, y, colour, hovertemplate="%{y:.2%}"))
    return figure


def merge(bars: Bars, limit: int) -> tuple[dict[str, NDArray[Any]], int]:
    """At most about `limit` candles on the timeframe's grid, and the bars' number in each.

    First open, highest high, lowest low, last close; a stretch without bars
    stays without a candle.
    """
    if not len(bars):
        return dict.fromkeys(("time", "open", "high", "low", "close"), bars.open), 1
    step = bars.timeframe.ms
    spanned = int(bars.time[-1] - bars.time[0]) // step + 1
    width = -(-spanned // limit)
    bucket = (bars.time - bars.timeframe.offset) // (step * width)
    first = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    last = np.append(first[1:], len(bars)) - 1
    columns = {
        "time": bucket[first] * step * width + bars.timeframe.offset,
        "open": bars.open[first],
        "high": np.maximum.reduceat(bars.high, first),
        "low": np.minimum.reduceat(bars.low, first),
        "close": bars.close[last],
    }
    return columns, width


def _layout(**parts: Any) -> Figure:
    layout = {
        "margin": {"l": 70, "r": 20, "t": 10, "b": 55},
        "hovermode": "x unified",
        "dragmode": "zoom",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": {"type": "date", "hoverformat": f"{_MOMENT} UTC", "title": {"text": "UTC"}},
    }
    return {"data": [], "layout": layout | parts}


def _line(name: str, x: list[int], y: list[float | None], colour: str, **more: Any) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "connectgaps": False,
        "line": {"color": colour, "width": 1.5},
        **more,
    }


def _markers(trades: NDArray[np.void], numbers: NDArray[np.int64]) -> list[Figure]:
    groups = [_marks("Entry", "triangle-up", BLUE, trades, numbers, "entry")]
    for purpose, (name, shape, colour) in _EXITS.items():
        left = (trades["exit_purpose"] == purpose) & (trades["exit_time"] >= 0)
        if left.any():
            groups.append(_marks(name, shape, colour, trades[left], numbers[left], "exit"))
    return groups


def _marks(
    name: str,
    shape: str,
    colour: str,
    trades: NDArray[np.void],
    numbers: NDArray[np.int64],
    end: str,
) -> Figure:
    about = (numbers, trades["pnl"], trades["return"])
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": trades[f"{end}_time"].tolist(),
        "y": trades[f"{end}_price"].tolist(),
        "customdata": np.column_stack(about).tolist(),
        "marker": {
            "symbol": shape,
            "color": colour,
            "size": 9,
            "line": {"width": 1, "color": "rgba(255, 255, 255, 0.7)"},
        },
        "hovertemplate": (
            f"{name} of trade %{{customdata[0]}}<br>%{{x|{_MOMENT}}} at %{{y:,.8~g}}"
            "<br>P&amp;L %{customdata[1]:,.2f} (%{customdata[2]:.2%})<extra></extra>"
        ),
    }


def _curve(
    time: NDArray[np.int64], values: NDArray[np.float64], step: int
) -> tuple[list[int], list[float | None]]:
    """Downsampled, with a blank wherever bars are missing for longer than a point is wide."""
    from .engine.downsample import downsample

    if not len(time):
        return [], []
    chosen = np.asarray(downsample(time, values, CURVE_POINTS))
    before = _gaps(time, step, CURVE_POINTS)
    chosen = np.unique(np.concatenate((chosen, before, before + 1)))
    x, y = time[chosen], values[chosen]
    at = np.searchsorted(chosen, before) + 1
    return (
        np.insert(x, at, time[before] + step).tolist(),
        np.insert(y, at, np.nan).tolist(),
    )


def _gaps(time: NDArray[np.int64], step: int, resolution: int) -> NDArray[np.int64]:
    """Indices of the bars before gaps that can be seen at this resolution."""
    if len(time) < 2:
        return np.empty(0, np.int64)
    seen = max(step, int(time[-1] - time[0]) // resolution)
    return np.flatnonzero(np.diff(time) > seen)


def _gap_shapes(time: NDArray[np.int64], step: int) -> list[Figure]:
    before = _gaps(time, step, 500)
    widest = before[np.argsort(np.diff(time)[before])[::-1][:MAX_GAPS_SHADED]]
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": int(time[i]) + step,
            "x1": int(time[i + 1]),
            "y0": 0,
            "y1": 1,
            "line": {"width": 0},
            "fillcolor": "rgba(128, 128, 128, 0.18)",
            "layer": "below",
        }
        for i in sorted(widest.tolist())
    ]


def _note(text: str) -> Figure:
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 1,
        "xanchor": "right",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 11},
    }


def _span(run: Run) -> tuple[int, int]:
    """From the first bar's open to where the run ended, or stands now."""
    engine = run.seal["config"]["engine"] if run.result_hash else run.config["engine"]
    start_ms, end_ms = engine["start_ms"], engine["end_ms"]
    if run.is_stepped and not run.result_hash:
        end_ms = min(end_ms, max(start_ms, run.cursor_ms or start_ms))
    return start_ms, end_ms


def _equity(run: Run) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    curve = Results(run).curve()
    if curve is None:
        return np.empty(0, np.int64), np.empty(0)
    return np.ascontiguousarray(curve[0]), np.ascontiguousarray(curve[1])


def _trades(
    run: Run, symbol: Symbol, start_ms: int, end_ms: int
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Those of `symbol` held at some time in [start, end), and their numbers in the run."""
    table, numbers = _all_trades(run)
    still_open = table["exit_time"] < 0
    within = (table["entry_time"] < end_ms) & (still_open | (table["exit_time"] >= start_ms))
    chosen = np.flatnonzero(within & (table["symbol"] == run.symbols.index(symbol)))
    return table[chosen], numbers[chosen]


def _all_trades(run: Run) -> tuple[NDArray[np.void], NDArray[np.int64]]:
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
    table = artifacts.decode("trades", recorder.load(artifact))
    return table, np.arange(len(table))


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


def _bars(run: Run, symbol: Symbol, start_ms: int, end_ms: int) -> Bars:
    """The bars the run saw, of a backtest what the store holds; a page downloads nothing."""
    from exchanges import queries as market_data
    from exchanges.market_store import SeriesKey

    kept = Results(run).artifacts().get(_BARS)
    if kept is not None:
        return _kept_bars(run, kept)[run.symbols.index(symbol)].between(start_ms, end_ms)
    timeframe = Timeframe.parse(run.timeframe)
    if run.is_stepped and run.replay is None:
        from exchanges.services import feeds

        feed = run.feeds.filter(symbol=symbol).first()
        return feeds.bars(feed, start_ms, end_ms) if feed else Bars.empty(symbol, timeframe)
    return market_data.store().read(
        SeriesKey(run.exchange.name, symbol, timeframe), start_ms, end_ms
    )


def _kept_bars(run: Run, kept: Artifact) -> list[Bars]:
    from .engine import artifacts
    from .engine.config import RunConfig

    config = run.seal["config"] if run.result_hash else run.config
    return artifacts.decode_bars(content(kept), RunConfig.from_dict(config["engine"]))


def _largest(trades: NDArray[np.void], limit: int) -> NDArray[np.int64]:
    """Indices, increasing, of the `limit` trades that won or lost most."""
    return np.sort(np.argsort(-np.abs(trades["pnl"]), kind="stable")[:limit])
