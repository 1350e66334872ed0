"""Figures of sweeps, as plotly.js draws them: plain dicts, as in `runs.charts`.

Colours lie over the page's own, light or dark: blue is what one wants more of,
orange what one wants less of, and nothing is said by colour alone, since each
cell tells its number, and a table beside the map all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs import formats
from runs.engine.metrics import METRICS
from runs.palette import BLUE, GREEN, GREY, ORANGE, RED

Figure = dict[str, Any]
Cells = Sequence[Sequence[float | None]]

MOST_LABELLED = 160
"""Cells that have room for their numbers."""
SPARSE = 0.25
"""With a smaller share of its cells filled, a map is drawn as points: drawn at random, no two
trials share a value."""
CURVE_POINTS = 1_500

# What stands for nothing, on either page.
_NOTHING = "rgba(128, 136, 150, 0.16)"
_MORE, _LESS = "rgba(37, 99, 235, 0.9)", "rgba(217, 119, 6, 0.9)"
_HALF_MORE, _HALF_LESS = "rgba(59, 130, 246, 0.5)", "rgba(217, 119, 6, 0.5)"
_OF_GOOD = [[0, _NOTHING], [0.5, _HALF_MORE], [1, _MORE]]
_OF_BAD = [[0, _NOTHING], [0.5, _HALF_LESS], [1, _LESS]]
_DIVERGING = [
    *([0, _LESS], [0.25, _HALF_LESS], [0.5, _NOTHING]),
    *([0.75, _HALF_MORE], [1, _MORE]),
]
_FORMATS = {
    "fraction": (".2%", ".3~%"),
    "ratio": (".2f", ".3~r"),
    "money": (",.2f", ",.4~r"),
    "count": (",d", ",.4~r"),
    "seconds": (",.1f", ",.4~r"),
}
"""By a metric's kind: of a number by itself, and of an axis."""
_UNITS = {"seconds": " d"}
_DAY = 86_400


def heatmap(found: Mapping[str, Any], x: str, y: str, metric: str, *, maximize: bool) -> Figure:
    """`found`: of `queries.heatmap`; x and y are the names of its parameters.

    The axes are of the values that were tried, each as wide as the other.  Where
    the metric has both signs, its colours part at nothing; what lies beyond all
    but two in a hundred cells has the colour of those.
    """
    kind, label = _kind(metric), _label(metric)
    values = _numbers(found["values"], kind)
    best = best_cell(found["values"], maximize=maximize)
    known = values[np.isfinite(values)]
    form, _ = _FORMATS[kind]
    unit = _UNITS.get(kind, "")
    if known.size and known.size < SPARSE * values.size:
        return _cloud(found, x, y, metric, values, maximize=maximize)
    xs, ys = _names(found, "x"), _names(found, "y")
    trace: Figure = {
        "type": "heatmap",
        "x": xs,
        "y": ys,
        "z": _finite(values),
        "customdata": found["trials"],
        "xgap": 1 if len(xs) <= 120 else 0,
        "ygap": 1 if len(ys) <= 120 else 0,
        "hoverongaps": False,
        "hovertemplate": f"{escape(x)} %{{x}}<br>{escape(y)} %{{y}}<br>"
        f"{escape(label)} %{{z:{form}}}{unit}<extra></extra>",
        "colorbar": _colour_bar(metric),
        **_colours(known, maximize=maximize),
    }
    if values.size <= MOST_LABELLED:
        trace |= {"texttemplate": f"%{{z:{form}}}", "textfont": {"size": 11}}
    figure = _layout(
        _about_map(found, x, y, metric, best),
        xaxis={"type": "category", "showgrid": False, "title": {"text": escape(x), "standoff": 8}},
        yaxis={
            "type": "category",
            "showgrid": False,
            "title": {"text": escape(y), "standoff": 8},
            # Bins have long names.
            "automargin": True,
        },
        showlegend=False,
    )
    figure["data"] = [trace]
    if best is not None:
        row, column = best
        # Categories lie at whole numbers.
        figure["layout"]["shapes"] = [
            {
                "type": "rect",
                "xref": "x",
                "yref": "y",
                "x0": column - 0.5,
                "x1": column + 0.5,
                "y0": row - 0.5,
                "y1": row + 0.5,
                "line": {"color": RED, "width": 2.5},
            }
        ]
    return figure


def profile(found: Mapping[str, Any], x: str, metric: str, *, maximize: bool) -> Figure:
    """The metric over one parameter: of a sweep that varies no other."""
    kind, label = _kind(metric), _label(metric)
    values = _numbers(found["values"], kind)
    row = values[0] if len(values) else np.empty(0)
    best = best_cell(found["values"], maximize=maximize)
    form, tick = _FORMATS[kind]
    xs = _names(found, "x")
    colours = [RED if best and best[1] == i else BLUE for i in range(len(xs))]
    figure = _layout(
        _about_map(found, x, "", metric, best),
        xaxis={"type": "category", "title": {"text": escape(x), "standoff": 8}},
        yaxis={"title": {"text": escape(label)}, "tickformat": tick},
        showlegend=False,
    )
    figure["data"] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": xs,
            "y": _finite(row),
            "customdata": found["trials"][0] if found["trials"] else [],
            "line": {"color": BLUE, "width": 1.5},
            "marker": {"color": colours, "size": 8},
            "hovertemplate": f"{escape(x)} %{{x}}<br>{escape(label)} %{{y:{form}}}<extra></extra>",
        }
    ]
    return figure


def logits(histogram: Mapping[str, Sequence[float]], pbo: float | None) -> Figure:
    """`histogram`: `edges`, one more than `counts`; those below nothing are overfit."""
    edges = np.asarray(histogram.get("edges", []), float)
    counts = np.asarray(histogram.get("counts", []), float)
    centres = (edges[:-1] + edges[1:]) / 2 if len(edges) else edges
    share = counts / counts.sum() if counts.sum() else counts
    said = "No combination could be judged." if pbo is None else _about_logits(pbo)
    figure = _layout(
        said,
        xaxis={"title": {"text": "Logit of the rank out of sample", "standoff": 8}},
        yaxis={"title": {"text": "Share"}, "tickformat": ".0%", "rangemode": "tozero"},
        showlegend=False,
        bargap=0.06,
        shapes=[_upright(0)],
    )
    figure["data"] = [
        {
            "type": "bar",
            "x": centres,
            "y": share,
            "width": np.diff(edges) * 0.94 if len(edges) else [],
            "marker": {"color": [ORANGE if centre < 0 else BLUE for centre in centres]},
            "hovertemplate": "logit %{x:.2f}<br>%{y:.1%} of the combinations<extra></extra>",
        }
    ]
    return figure


def windows(rows: Sequence[Mapping[str, Any]], metric: str) -> Figure:
    """What each window's choice came to, in sample and then out of sample, side by side.

    `rows`: each with `label`, `inside` and `outside`, values of the metric or None.
    """
    label = escape(_label(metric))
    kind = _kind(metric)
    form, tick = _FORMATS[kind]
    figure = _layout(
        f"{len(rows):,} windows, each with {label} in sample and out of sample.",
        xaxis={"type": "category", "title": {"text": "Window", "standoff": 8}},
        yaxis={"title": {"text": label}, "tickformat": tick},
        barmode="group",
    )
    names = [str(row["label"]) for row in rows]
    for name, key, colour, pattern in (
        ("In sample", "inside", GREY, "/"),
        ("Out of sample", "outside", BLUE, ""),
    ):
        figure["data"].append(
            {
                "type": "bar",
                "name": name,
                "x": names,
                "y": _finite(_numbers([[row[key] for row in rows]], kind)[0]),
                "marker": {"color": colour, "pattern": {"shape": pattern, "size": 6}},
                "hovertemplate": f"%{{y:{form}}}",
            }
        )
    figure["layout"]["hovermode"] = "x unified"
    return figure


def stitched(
    time: NDArray[np.int64], value: NDArray[np.float64], starts: Sequence[int], currency: str
) -> Figure:
    """The equity of all out-of-sample stretches, one after the other; `starts`: where each begins.

    Times are UTC ms.  Thinned to what a screen can show, extremes kept.
    """
    from runs.curves import thin

    if not len(time):
        return _layout("No window has been tried out of sample yet.")
    step = int(np.diff(time).min()) if len(time) > 1 else 1
    xs, ys = thin(time, value, step, CURVE_POINTS)
    first, last = (formats.moment(int(time[i])) for i in (0, -1))
    gain = float(value[-1] / value[0] - 1) if value[0] else None
    figure = _layout(
        f"Out of sample, {first} to {last} UTC: {formats.signed_percent(gain)} in "
        f"{len(starts)} windows.",
        xaxis={"type": "date", "title": {"text": "UTC, bars by their open", "standoff": 5}},
        yaxis={"title": {"text": escape(currency)}, "tickformat": ",.6~r"},
        shapes=[_upright(int(start)) for start in starts[1:]],
    )
    figure["layout"]["hovermode"] = "x unified"
    figure["data"] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Out of sample",
            "x": xs,
            "y": ys,
            "connectgaps": False,
            "line": {"color": GREEN, "width": 1.5},
            "hovertemplate": f"%{{y:{formats.d3_money(currency)}}}",
        }
    ]
    return figure


def _cloud(
    found: Mapping[str, Any],
    x: str,
    y: str,
    metric: str,
    values: NDArray[np.float64],
    *,
    maximize: bool,
) -> Figure:
    """Each trial where it lies, the best of them framed."""
    kind, label = _kind(metric), _label(metric)
    rows, columns = np.nonzero(np.isfinite(values))
    known = values[rows, columns]
    form, _ = _FORMATS[kind]
    best = best_cell(found["values"], maximize=maximize)
    is_best = [(row, column) == best for row, column in zip(rows, columns, strict=True)]
    colours = _colours(known, maximize=maximize)
    figure = _layout(
        _about_map(found, x, y, metric, best),
        xaxis={"title": {"text": escape(x), "standoff": 8}},
        yaxis={"title": {"text": escape(y), "standoff": 8}},
        showlegend=False,
    )
    figure["data"] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [found["x"][column] for column in columns],
            "y": [found["y"][row] for row in rows],
            "customdata": [found["trials"][r][c] for r, c in zip(rows, columns, strict=True)],
            "text": known,
            "hovertemplate": f"{escape(x)} %{{x}}<br>{escape(y)} %{{y}}<br>"
            f"{escape(label)} %{{text:{form}}}{_UNITS.get(kind, '')}<extra></extra>",
            "marker": {
                "size": [16 if best else 10 for best in is_best],
                "line": {"color": [RED if best else GREY for best in is_best], "width": 1.5},
                "color": known,
                "colorscale": colours["colorscale"],
                "cmin": colours["zmin"],
                "cmax": colours["zmax"],
                "colorbar": _colour_bar(metric),
            },
        }
    ]
    return figure


def _colour_bar(metric: str) -> Figure:
    """Its title is the page's."""
    kind = _kind(metric)
    return {
        "thickness": 12,
        "outlinewidth": 0,
        "tickformat": _FORMATS[kind][1],
        "ticksuffix": _UNITS.get(kind, ""),
    }


def best_cell(values: Cells, *, maximize: bool) -> tuple[int, int] | None:
    """Its row and column; the first of equals, None where there is no number."""
    cells = np.array([[np.nan if v is None else v for v in row] for row in values], float)
    if not cells.size or np.isnan(cells).all():
        return None
    at = np.nanargmax(cells) if maximize else np.nanargmin(cells)
    row, column = np.unravel_index(at, cells.shape)
    return int(row), int(column)


def value_name(value: Any) -> str:
    """A value of a parameter as axes and tables name it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def place_name(found: Mapping[str, Any], axis: str, i: int) -> str:
    """A row or column of `queries.heatmap`: a value, or a bin from its first to its last."""
    edges = found.get("binned", {}).get(axis)
    if edges is None or i + 1 >= len(edges):
        return value_name(found[axis][i])
    low, high = edges[i : i + 2]
    if isinstance(high, int):
        return str(low) if high == low + 1 else f"{low} to {high - 1}"
    digits = max(0, 1 - math.floor(math.log10(high - low)))
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _colours(known: NDArray[np.float64], *, maximize: bool) -> Figure:
    """Scale and range of the colours."""
    if not len(known):
        return {"colorscale": _OF_GOOD, "zmin": 0, "zmax": 1, "showscale": False}
    low, high = (float(v) for v in np.percentile(known, [2, 98]))
    if low == high:
        low, high = float(known.min()), float(known.max())
    if low == high:
        pad = abs(low) / 10 or 1.0
        low, high = low - pad, high + pad
    if low < 0 < high:
        most = max(-low, high)
        scale = _DIVERGING if maximize else [[1 - at, colour] for at, colour in _DIVERGING[::-1]]
        return {"colorscale": scale, "zmin": -most, "zmax": most}
    rising = high > 0
    good = rising == maximize
    scale = _OF_GOOD if good else _OF_BAD
    if not rising:
        scale = [[1 - at, colour] for at, colour in scale[::-1]]
    return {"colorscale": scale, "zmin": low, "zmax": high}


def _about_map(
    found: Mapping[str, Any], x: str, y: str, metric: str, best: tuple[int, int] | None
) -> str:
    """One sentence with the best of it."""
    if best is None:
        return "No trial of these has a result yet."
    row, column = best
    value = formats.by_kind(_kind(metric), found["values"][row][column])
    at = f"{x} {place_name(found, 'x', column)}"
    at += f" and {y} {place_name(found, 'y', row)}" if y else ""
    return f"Best {_label(metric)}: {value} at {at}"


def _about_logits(pbo: float) -> str:
    return (
        f"In {formats.percent(pbo)} of the combinations the best in sample was no better "
        "than the median out of sample."
    )


def _label(metric: str) -> str:
    return METRICS[metric].label if metric in METRICS else metric


def _kind(metric: str) -> str:
    return METRICS[metric].kind if metric in METRICS else "ratio"


def _names(found: Mapping[str, Any], axis: str) -> list[str]:
    return [escape(place_name(found, axis, i)) for i in range(len(found[axis]))]


def _numbers(values: Cells, kind: str) -> NDArray[np.float64]:
    """NaN where there is none; durations in days."""
    scale = _DAY if kind == "seconds" else 1
    rows = [[np.nan if v is None else v / scale for v in row] for row in values]
    return np.array(rows, float) if rows else np.empty((0, 0))


def _finite(values: NDArray[np.float64]) -> Any:
    return np.where(np.isfinite(values), values, math.nan)


def _upright(x: float) -> Figure:
    line = {"color": GREY, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1} | {
        "line": line
    }


def _layout(text: str, **parts: Any) -> Figure:
    layout = {
        "margin": {"l": 70, "r": 15, "t": 10, "b": 50},
        "hovermode": "closest",
        "dragmode": "zoom",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "meta": {"text": escape(text)},
    }
    return {"data": [], "layout": layout | parts}
