"""A run's tables as pandas frames, and its plot as a plotly figure."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import models
from ._model import Model

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

TABLES = ("trades", "orders", "equity")
ROW: dict[str, type[Model]] = {
    "trades": models.TradeSchema,
    "orders": models.OrderSchema,
    "equity": models.EquityPointSchema,
}
INDEX = {"trades": "entry_time", "orders": "timestamp", "equity": "timestamp"}
TIMES = {
    "trades": ("entry_time", "exit_time"),
    "orders": ("timestamp", "created"),
    "equity": ("timestamp",),
}


def from_response(response: models.ResultsResponse, name: str) -> list[dict[str, Any]] | None:
    """A table's rows; None where the response does not have them all."""
    if name == "equity":
        # The response has a curve to be drawn.
        return None
    rows: list[dict[str, Any]] = response.raw.get(name) or []
    total = response.raw.get(f"{name}_total")
    return rows if total is None or len(rows) >= total else None


def frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Indexed by time in UTC; columns as the API names them."""
    pd = extra("pandas", "pandas")
    cls = ROW[name]
    known = [cls.WIRE_NAMES.get(f.name, f.name) for f in fields(cls) if f.name != "raw"]
    later = [column for column in (rows[0] if rows else ()) if column not in known]
    found = pd.DataFrame.from_records(rows, columns=[*known, *later])
    for column in TIMES[name]:
        unit = None if name == "trades" else "ms"
        found[column] = pd.to_datetime(found[column], unit=unit, utc=True)
    return found.set_index(INDEX[name]).rename_axis("entry_time" if name == "trades" else "time")


def figure(title: str, response: models.ResultsResponse, trades: pd.DataFrame) -> go.Figure:
    """Equity with entries and exits on it, and the drawdown below."""
    pd = extra("pandas", "plot")
    go = extra("plotly.graph_objects", "plot")
    subplots = extra("plotly.subplots", "plot")
    curve = frame("equity", response.raw.get("equity_curve") or [])
    chart = subplots.make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.04
    )
    value, drawdown = curve["value"], -100 * curve["drawdown"]
    chart.add_trace(go.Scatter(x=value.index, y=value, name="equity", line_color="#2563eb"), 1, 1)
    closed = trades[trades["exit_time"].notna()]
    for name, times, mark, color in (
        ("entries", pd.DatetimeIndex(trades.index), "triangle-up", "#16a34a"),
        ("exits", pd.DatetimeIndex(closed["exit_time"]), "triangle-down", "#dc2626"),
    ):
        if len(times) and len(value):
            heights = value.reindex(times, method="nearest").to_numpy()
            marker = {"symbol": mark, "color": color, "size": 8}
            chart.add_trace(
                go.Scatter(x=times, y=heights, mode="markers", name=name, marker=marker), 1, 1
            )
    chart.add_trace(
        go.Scatter(
            x=drawdown.index, y=drawdown, name="drawdown", fill="tozeroy", line_color="#dc2626"
        ),
        2,
        1,
    )
    chart.update_yaxes(title_text="value", row=1, col=1)
    chart.update_yaxes(title_text="drawdown", ticksuffix=" %", row=2, col=1)
    return chart.update_layout(title=title, hovermode="x unified", template="plotly_white")


def extra(module: str, name: str) -> Any:
    """A module of an extra.  Raises ImportError with a sentence that says what to install."""
    try:
        return import_module(module)
    except ImportError as error:
        missing = error.name or module
        raise ImportError(
            f"{missing} is not installed: pip install {missing}, or this package's extra {name}",
            name=missing,
        ) from None
