"""Figures of runs, as plotly.js draws them: dicts of `data` and `layout`.

The dicts are what `plotly.graph_objects.Figure(...)` validates and `to_plotly_json`
gives; writing them out spares the server plotly's import.  Times are UTC ms on a
date axis, which plotly shows in UTC.  Colours of text and grid are left to the
page, which knows whether it is light or dark.  `layout.meta.text` says what the
figure shows, for those who do not see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from exchanges.domain import Symbol, Timeframe

from . import formats, marks, series
from .curves import gaps, merge, rounded, thin
from .models import Run
from .palette import BLUE, COLOURS, DASHES, GREEN, GREY, RED

Figure = dict[str, Any]

CURVE_POINTS = 1_500
ALL_CURVES_POINTS = 6_000
CANDLES = 600
MAX_MARKED_TRADES = 500
MAX_GAPS_SHADED = 50
MOST_COMPARED = len(COLOURS)


def to_json(figure: Figure) -> bytes:
    """NaN becomes null, which plotly leaves blank."""
    return orjson.dumps(figure, option=orjson.OPT_SERIALIZE_NUMPY)


def equity(run: Run, start_ms: int | None = None, end_ms: int | None = None) -> Figure:
    """Equity beside buy and hold, over its drawdown: extremes kept, broken where bars are missing.

    Of the bars that open in [start, end), and of one more on each side, for the
    lines to reach the edges; the drawdown is from the highest equity of the
    whole run.
    """
    whole = series.equity(run)
    if not len(whole.time):
        return _layout("No bar has been stepped yet.")
    first, last = int(whole.time[0]), int(whole.time[-1]) + 1
    begin, end = first if start_ms is None else start_ms, last if end_ms is None else end_ms
    step = Timeframe.parse(run.timeframe).ms
    more = step if begin < end else 0
    seen = whole.between(begin - more, end + more)
    figure = _layout(
        _about(run, whole.between(begin, end)),
        yaxis={"domain": [0.3, 1], "title": {"text": _quote(run)}, "tickformat": ",.6~r"},
        # Of a curve that never fell it is a line at nothing, and no axis of both signs.
        yaxis2={"domain": [0, 0.24], "tickformat": ".3~%", **_depth(seen.drawdown)},
        shapes=_gap_shapes(seen.time, step),
        annotations=[_note(seen.why_not)] if seen.why_not else [],
    )
    figure["layout"]["xaxis"] |= {"anchor": "y2"} | _range(start_ms, end_ms)
    figure["layout"]["xaxis"]["title"]["text"] = "UTC, bars by their open"
    curve = thin(seen.time, seen.value, step, CURVE_POINTS)
    shown = f"%{{y:{formats.d3_money(_currency(run))}}}"
    figure["data"] = [_line("Equity", curve, BLUE, hovertemplate=shown)]
    if seen.held is not None:
        held = thin(seen.time, seen.held, step, CURVE_POINTS)
        figure["data"].append(
            _line("Buy and hold", held, GREY, dash="4px,2px", hovertemplate=shown)
        )
    figure["data"].append(
        _line(
            "Drawdown",
            thin(seen.time, seen.drawdown, step, CURVE_POINTS),
            RED,
            yaxis="y2",
            fill="tozeroy",
            fillcolor="rgba(220, 38, 38, 0.15)",
            hovertemplate="%{y:.2%}",
        )
    )
    return figure


def _depth(drawdown: NDArray[np.float64]) -> Figure:
    """A range for what is nothing everywhere; else plotly chooses."""
    return {} if len(drawdown) and drawdown.min() < 0 else {"range": [-0.01, 0.001]}


def candles(
    run: Run, symbol: Symbol, start_ms: int | None = None, end_ms: int | None = None
) -> Figure:
    """Candles of [start, end) with entries, exits and stops; wider candles where many bars.

    One more on each side is cut by the chart's edges.
    """
    first, last = series.span(run)
    start_ms = min(max(first, first if start_ms is None else start_ms), last)
    end_ms = max(min(last, last if end_ms is None else end_ms), start_ms)
    step = Timeframe.parse(run.timeframe).ms
    more = step if start_ms < end_ms else 0
    bars = series.bars(run, symbol, max(start_ms - more, first), min(end_ms + more, last))
    merged, width = merge(bars, CANDLES)
    trades, numbers = marks.trades(run, symbol, start_ms, end_ms)
    shown = marks.largest(trades, MAX_MARKED_TRADES)
    # In its middle a wide candle is the nearest one to each of its bars, and so to their marks.
    middle = (width - 1) * step // 2
    notes = []
    if width > 1:
        notes.append(f"each candle is {width} bars of {run.timeframe}")
    if len(shown) < len(trades):
        notes.append(f"{len(shown):,} of {len(trades):,} trades: those that won or lost most")
    figure = _layout(
        f"{symbol}, {formats.moment(start_ms)} to {formats.moment(end_ms)} UTC: "
        f"{len(bars.between(start_ms, end_ms)):,} bars, {len(trades):,} trades.",
        yaxis={"title": {"text": _quote(run)}, "tickformat": ",.6~r"},
        shapes=_gap_shapes(bars.time, step),
        annotations=[_note(", ".join(notes))] if notes else [],
    )
    figure["layout"]["hovermode"] = "closest"
    figure["layout"]["xaxis"] |= {"rangeslider": {"visible": False}} | _range(start_ms, end_ms)
    figure["data"] = [
        {
            "type": "candlestick",
            "name": escape(symbol),
            "x": merged["time"] + middle,
            **{name: rounded(merged[name]) for name in ("open", "high", "low", "close")},
            # Hollow up, filled down: not by colour alone.
            "increasing": {"line": {"color": GREEN, "width": 1}, "fillcolor": "rgba(0,0,0,0)"},
            "decreasing": {"line": {"color": RED, "width": 1}, "fillcolor": RED},
            "opacity": 0.75,
        },
        *marks.traces(trades[shown], numbers[shown], symbol.quote),
    ]
    return figure


def comparison(runs: Sequence[Run]) -> Figure:
    """Equity of up to MOST_COMPARED runs as what each made of its cash."""
    figure = _layout("", yaxis={"title": {"text": "Return"}, "tickformat": ".3~%"})
    points = min(CURVE_POINTS, ALL_CURVES_POINTS // max(len(runs), 1))
    said = []
    for run, colour, dash in zip(runs, COLOURS, DASHES, strict=False):
        time, value = series.curve(run)
        gain = value / run.initial_cash - 1
        name = f"{run.strategy_name} {str(run.public_id)[:8]}"
        curve = thin(time, gain, Timeframe.parse(run.timeframe).ms, points)
        figure["data"].append(
            _line(escape(name), curve, colour, dash=dash, hovertemplate="%{y:.2%}")
        )
        said.append(f"{name} {formats.signed_percent(float(gain[-1]) if len(gain) else None)}")
    figure["layout"]["meta"]["text"] = escape("; ".join(said))
    return figure


def _about(run: Run, seen: series.Equity) -> str:
    """One sentence with the figures that the curves end with."""
    if not len(seen.time):
        return "No bar in this stretch."
    # A point stands where its bar opens, and is what its close came to.
    step = Timeframe.parse(run.timeframe).ms
    start, end = (formats.moment(int(seen.time[i]) + step) for i in (0, -1))
    currency = _currency(run)
    parts = [
        f"Equity from {formats.money(float(seen.value[0]), currency)} at {start} "
        f"to {formats.money(float(seen.value[-1]), currency)} at {end} UTC",
        f"deepest drawdown {formats.percent(float(-seen.drawdown.min()))}",
    ]
    if seen.held is not None:
        parts.insert(1, f"buy and hold came to {formats.money(float(seen.held[-1]), currency)}")
    return f"{', '.join(parts)}."


def _quote(run: Run) -> str:
    """The currency of its cash and prices, as a title of plotly."""
    return escape(_currency(run))


def _currency(run: Run) -> str:
    return formats.quote(run.symbols[0])


def _layout(text: str, **parts: Any) -> Figure:
    layout = {
        # Below: labels of two lines, for the first has its year, and the title.
        "margin": {"l": 65, "r": 15, "t": 10, "b": 60},
        "hovermode": "x unified",
        "dragmode": "zoom",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": {
            "type": "date",
            "hoverformat": f"{marks.MOMENT} UTC",
            "title": {"text": "UTC", "standoff": 5},
        },
        "meta": {"text": text},
    }
    return {"data": [], "layout": layout | parts}


def _range(start_ms: int | None, end_ms: int | None) -> dict[str, Any]:
    if start_ms is None or end_ms is None or start_ms >= end_ms:
        return {}
    return {"range": [start_ms, end_ms]}


def _line(
    name: str,
    curve: tuple[list[int], list[float]],
    colour: str,
    *,
    dash: str = "solid",
    **more: Any,
) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": curve[0],
        "y": curve[1],
        "connectgaps": False,
        "line": {"color": colour, "width": 1.5, "dash": dash},
        **more,
    }


def _gap_shapes(time: NDArray[np.int64], step: int) -> list[Figure]:
    before = gaps(time, step, 500)
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
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 11},
    }
